/** Lets a limited number of tasks through at a time; the others wait for their turn. */
import { HttpError } from '../http/http-error.ts';

export class Gate {
  readonly #atOnce: number;
  readonly #onLeave: () => void;
  readonly #queue: (() => void)[] = [];
  #inside = 0;

  /** @param onLeave called when a task is done, and there may be room for another */
  constructor(atOnce: number, onLeave: () => void = () => {}) {
    this.#atOnce = atOnce;
    this.#onLeave = onLeave;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** @throws HttpError 499 if the client went away before its turn came */
  async pass<T>(work: () => Promise<T>, gone: () => boolean): Promise<T> {
    // A task that leaves hands its place on, so `#inside` does not change.
    if (this.#inside >= this.#atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#inside++;
    try {
      if (gone()) throw new HttpError(499, 'the client went away');
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#inside--;
      else next();
      this.#onLeave();
    }
  }
}
