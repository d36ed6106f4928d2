/**
 * The socket on which the service listens. Connections are accepted here and handed to the workers, none of which
 * listens itself. So the service can give up the address first and still answer what it accepted before. A connection
 * is kept until its worker confirms that it has it; if the worker ends before that, another worker gets it.
 */
import { createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** A worker as the listener sees it. */
export interface Taker {
  /** Sends the worker a connection. */
  hand(connection: number, socket: Socket): void;
}

/** The most connections that the kernel holds until they are accepted. */
const BACKLOG = 1024;
/**
 * The most turns of the event loop to wait for a turn without a new connection before the address is given up anyway.
 */
const MOST_LOOKS = 10_000;

export class Listener {
  readonly #server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
  /**
   * For each worker, the connections that it was sent and has not confirmed. The worker whose turn is next comes first.
   */
  readonly #takers = new Map<Taker, Map<number, Socket>>();
  /** The same for workers that get no more connections. */
  readonly #leaving = new Map<Taker, Map<number, Socket>>();
  /** Connections that wait because there is no worker. */
  readonly #waiting: Socket[] = [];
  #count = 0;
  #taken = 0;
  #closed = false;
  #whenEmpty = (): void => {};

  /** @param most the most connections that may be on their way; further ones are closed */
  constructor(most: number) {
    this.#server.maxConnections = most;
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  /** Resolves with the port; rejects if the address cannot be listened on. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        // From now on, a connection that cannot be accepted (for lack of file descriptors, say) is no reason to end.
        this.#server.on('error', () => {});
        if (this.#closed) this.#server.close();
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** Adds a worker, which gets connections from now on. */
  add(taker: Taker): void {
    this.#takers.set(taker, new Map());
    for (const socket of this.#waiting.splice(0)) this.#hand(socket);
  }

  /** Stops sending connections to a worker, which still takes those on their way. */
  leave(taker: Taker): void {
    const onTheWay = this.#takers.get(taker);
    if (onTheWay === undefined) return;
    this.#takers.delete(taker);
    this.#leaving.set(taker, onTheWay);
  }

  /**
   * Removes a worker that has ended and whose last messages have been heard. Other workers get the connections that it
   * did not confirm.
   */
  gone(taker: Taker): void {
    this.leave(taker);
    const untaken = this.#leaving.get(taker);
    this.#leaving.delete(taker);
    for (const socket of untaken?.values() ?? []) this.#hand(socket);
    this.#look();
  }

  /** Lets go of a connection because the worker has confirmed that it has it. */
  took(taker: Taker, connection: number): void {
    const onTheWay = this.#takers.get(taker) ?? this.#leaving.get(taker);
    onTheWay?.get(connection)?.destroy();
    onTheWay?.delete(connection);
    this.#look();
  }

  /** Gives up the address; resolves when the workers have all the connections that were accepted. */
  async close(): Promise<void> {
    this.#closed = true;
    // Closing resets connections that the kernel has accepted and we have not, so we close right after a turn that
    // brought none.
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

  /** Hands a connection to the worker with the fewest on their way; workers with equally few take turns. */
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
