/**
 * Holds requests until there is room for their bodies. A waiting request costs next to nothing: its body stays in the
 * kernel, and a client that waits sends no further request. Only requests that have waited too long are refused, so
 * refusals are few however many clients there are. An immediate refusal would cost a good part of an answer and invite
 * the next request.
 */
import { performance } from 'node:perf_hooks';
import { HttpError, overloaded } from '../http/http-error.ts';

/** The room for requests at the moment. */
export interface Room {
  readonly requests: number;
  /** The bytes of bodies that fit. */
  readonly bytes: number;
  /** The estimated seconds until there is room again. */
  readonly seconds: number;
}

export interface LineLimits {
  /** Milliseconds that a request may wait. */
  readonly maxWait: number;
  /** The most connections of a worker, and so the most requests in a line. */
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
  /** Gives up the place: the request has arrived, or will not arrive. */
  leave(): void;
}

interface Receiving extends Place {
  /** The idle time of this process, in milliseconds, when the request was let in. */
  readonly idle: number;
  readonly bytes: number;
}

/**
 * Milliseconds of idle time after which a request that was let in no longer takes up room. We have been waiting for its
 * client, which is slow and should keep nobody else out. Time in which we had work to do does not count, however long,
 * because then we are the slow ones.
 */
const SLOW = 20;
/** Milliseconds of waiting after which the oldest request is no longer the next one. */
const STALE = 1000;
/** Milliseconds between two checks for requests that have waited too long. */
const LOOK = 20;

export class Line {
  readonly #room: () => Room;
  readonly #limits: LineLimits;
  /** In order of arrival. */
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
   * @param bytes the announced length of its body
   * @throws HttpError 503 if the request has waited too long or too many are waiting already; 499 if its client went
   *   away
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

  /** Lets in as many requests as there is room for. Call it whenever there may be more room. */
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
   * The request to let in next: the oldest, or the newest if the oldest has waited long. In that case not all can be
   * served in time, and it is better to serve some promptly than all of them almost too late.
   */
  #next(now: number): Waiting {
    const oldest = this.#waiting[0]!;
    return now - oldest.since > STALE ? this.#waiting.at(-1)! : oldest;
  }

  /** @param waiting the first or the last one in line */
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

/** Milliseconds that this process has spent idle. */
function idleTime(): number {
  return performance.eventLoopUtilization().idle;
}
