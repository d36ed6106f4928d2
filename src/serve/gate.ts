/** Lets so many at a time through, and so many wait; whoever comes then is refused. */
import { overloaded } from './http-error.ts';

export class Gate {
  readonly #atOnce: number;
  readonly #waiting: number;
  readonly #queue: (() => void)[] = [];
  #inside = 0;

  constructor(atOnce: number, waiting: number) {
    this.#atOnce = atOnce;
    this.#waiting = waiting;
  }

  /** @throws HttpError 503 where the queue is full */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#atOnce) {
      if (this.#queue.length >= this.#waiting) throw overloaded('too many pictures wait already; try again later');
      // Who leaves hands his place on.
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else this.#inside++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#inside--;
      else next();
    }
  }
}
