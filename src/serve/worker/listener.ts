/**
 * Where the service listens. Connections are taken here and handed to the workers, none of which listens itself: so the
 * address can be given up first, and what was taken before that is answered. A connection is kept until its worker says that it
 * has it; of a worker that ends before, another one gets it.
 */
import { createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** A worker, as far as connections go. */
export interface Taker {
  /** Sends a connection on its way. */
  hand(connection: number, socket: Socket): void;
}

/** Connections that the kernel holds until they are taken. */
const BACKLOG = 1024;
/** Turns of the event loop that may bring one connection each before the address is given up all the same. */
const MOST_LOOKS = 10_000;

export class Listener {
  readonly #server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
  /** By worker, the connections that it was sent and has not yet taken; first the one whose turn is next. */
  readonly #takers = new Map<Taker, Map<number, Socket>>();
  /** Of workers that take no more. */
  readonly #leaving = new Map<Taker, Map<number, Socket>>();
  /** There is no worker to hand them to. */
  readonly #waiting: Socket[] = [];
  #count = 0;
  #taken = 0;
  #closed = false;
  #whenEmpty = (): void => {};

  /** @param most connections on their way; more are closed */
  constructor(most: number) {
    this.#server.maxConnections = most;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** Resolves with the port; rejects where the address cannot be listened on. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        // Afterwards, that a connection cannot be taken (no file descriptors are left) is no reason to end.
        this.#server.on('error', () => {});
        if (this.#closed) this.#server.close();
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** A worker that takes connections from now on. */
  add(taker: Taker): void {
    this.#takers.set(taker, new Map());
    for (const socket of this.#waiting.splice(0)) this.#hand(socket);
  }

  /** A worker that gets no more, but takes what is on its way. */
  leave(taker: Taker): void {
    const onTheWay = this.#takers.get(taker);
    if (onTheWay === undefined) return;
    this.#takers.delete(taker);
    this.#leaving.set(taker, onTheWay);
  }

  /** A worker that has ended, all that it said having been heard. */
  gone(taker: Taker): void {
    this.leave(taker);
    const untaken = this.#leaving.get(taker);
    this.#leaving.delete(taker);
    for (const socket of untaken?.values() ?? []) this.#hand(socket);
    this.#look();
  }

  /** A worker has a connection: it is not ours any more. */
  took(taker: Taker, connection: number): void {
    const onTheWay = this.#takers.get(taker) ?? this.#leaving.get(taker);
    onTheWay?.get(connection)?.destroy();
    onTheWay?.delete(connection);
    this.#look();
  }

  /** Gives up the address; resolves when all that was taken is with the workers. */
  async close(): Promise<void> {
    this.#closed = true;
    // What the kernel has accepted and we have not is reset by closing: it is done right after a look that found nothing.
    for (let looks = 0, taken = -1; taken !== this.#taken && looks < MOST_LOOKS; looks++) {
      taken = this.#taken;
      await setImmediate();
    }
    this.#server.close();
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      this.#look();
    });
  }

  #accept(socket: Socket): void {
    this.#taken++;
    socket.on('error', () => {});
    this.#hand(socket);
  }

  /** To the worker with the fewest on their way, by turns where several have as many. */
  #hand(socket: Socket): void {
    let [next, fewest]: [Taker | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
    for (const [taker, { size }] of this.#takers) if (size < fewest) [next, fewest] = [taker, size];
    if (next === undefined) {
      this.#waiting.push(socket);
      return;
    }
    const onTheWay = this.#takers.get(next)!;
    const connection = this.#count++;
    onTheWay.set(connection, socket);
    this.#takers.delete(next);
    this.#takers.set(next, onTheWay);
    next.hand(connection, socket);
  }

  #look(): void {
    const sizes = [...this.#takers.values(), ...this.#leaving.values()].map(({ size }) => size);
    if (this.#waiting.length === 0 && sizes.every((size) => size === 0)) this.#whenEmpty();
  }
}
