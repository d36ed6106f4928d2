/**
 * Requests that wait for room before their body is read. Whoever cannot be answered yet costs next to nothing while it waits here: what it
 * sent lies in the kernel, and a client that waits asks for nothing else. Only who has waited too long is refused, so
 * that refusals are few however many clients there are: to refuse at once costs a good part of an answer, and invites
 * the next request.
 */
import { performance } from 'node:perf_hooks';
import { HttpError, overloaded } from '../http/http-error.ts';

/** What may be let in now. */
export interface Room {
  readonly requests: number;
  /** Of bodies. */
  readonly bytes: number;
  /** Until there is room again, by estimate. */
  readonly seconds: number;
}

export interface LineLimits {
  /** Milliseconds. */
  readonly maxWait: number;
  /** Of a worker: no more requests wait in a line. */
  readonly maxConnections: number;
}

interface Waiting {
  readonly since: number;
  readonly bytes: number;
  readonly gone: () => boolean;
  readonly resolve: (place: Place) => void;
  readonly reject: (error: unknown) => void;
}

/** A request that was let in and is being received. */
export interface Place {
  /** It is here, or will not come. */
  leave(): void;
}

interface Receiving extends Place {
  /** How long this process had been idle when it was let in. */
  readonly idle: number;
  readonly bytes: number;
}

/**
 * Milliseconds without work after which a request that was let in takes no room any more: we have waited for its client, who
 * is slow and keeps nobody else out. Time in which there was work is our slowness, however long.
 */
const SLOW = 20;
/** Milliseconds after which the oldest is no longer the next. */
const STALE = 1000;
/** Milliseconds between looks at who has waited too long. */
const LOOK = 20;

export class Line {
  readonly #room: () => Room;
  readonly #limits: LineLimits;
  /** In the order in which they came. */
  readonly #waiting: Waiting[] = [];
  /** In the order in which they were let in. */
  readonly #receiving = new Set<Receiving>();
  #receivingBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(room: () => Room, limits: LineLimits) {
    this.#room = room;
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Resolves when there is room for a request.
   *
   * @param bytes of its body, as announced
   * @throws HttpError 503 where it has waited too long, or too many wait already; 499 where its client went away
   */
  enter(bytes: number, gone: () => boolean): Promise<Place> {
    const idle = idleTime();
    this.#forgetSlow(idle);
    if (this.#waiting.length === 0 && this.#fits(bytes)) return Promise.resolve(this.#place(bytes, idle));
    const { maxWait, maxConnections } = this.#limits;
    if (maxWait === 0 || this.#waiting.length >= maxConnections) return Promise.reject(this.#refusal());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ since: performance.now(), bytes, gone, resolve, reject });
      this.#timer ??= setTimeout(this.#look, LOOK);
    });
  }

  /** Lets in whom there is room for; to be called when there may be more of it. */
  readonly letIn = (): void => {
    if (this.#waiting.length === 0) return;
    const now = performance.now();
    const idle = idleTime();
    this.#forgetSlow(idle);
    while (this.#waiting.length > 0) {
      const next = this.#next(now);
      if (next.gone()) {
        this.#remove(next);
        next.reject(new HttpError(499, 'the client went away'));
        continue;
      }
      if (!this.#fits(next.bytes)) return;
      this.#remove(next);
      next.resolve(this.#place(next.bytes, idle));
    }
  };

  /**
   * The oldest. Where it has waited long, not all can be served in time: then the newest, rather than everybody when it is nearly
   * too late.
   */
  #next(now: number): Waiting {
    const oldest = this.#waiting[0]!;
    return now - oldest.since > STALE ? this.#waiting.at(-1)! : oldest;
  }

  /** @param waiting the first or the last */
  #remove(waiting: Waiting): void {
    if (waiting === this.#waiting[0]) this.#waiting.shift();
    else this.#waiting.pop();
  }

  #fits(bytes: number): boolean {
    const room = this.#room();
    return this.#receiving.size < room.requests && this.#receivingBytes + bytes <= room.bytes;
  }

  #place(bytes: number, idle: number): Place {
    const place: Receiving = { idle, bytes, leave: () => this.#leave(place) };
    this.#receiving.add(place);
    this.#receivingBytes += bytes;
    return place;
  }

  #leave(place: Receiving): void {
    if (this.#receiving.delete(place)) this.#receivingBytes -= place.bytes;
  }

  #forgetSlow(idle: number): void {
    for (const place of this.#receiving) {
      if (idle - place.idle < SLOW) return;
      this.#leave(place);
    }
  }

  readonly #look = (): void => {
    const tooLong = performance.now() - this.#limits.maxWait;
    let expired = 0;
    while (expired < this.#waiting.length && this.#waiting[expired]!.since <= tooLong) expired++;
    for (const { reject } of this.#waiting.splice(0, expired)) reject(this.#refusal());
    this.letIn();
    this.#timer = this.#waiting.length > 0 ? setTimeout(this.#look, LOOK) : undefined;
  };

  #refusal(): HttpError {
    return overloaded('too many requests wait already; try again later', this.#room().seconds);
  }
}

/** Milliseconds that this process has waited for something to do. */
function idleTime(): number {
  return performance.eventLoopUtilization().idle;
}
