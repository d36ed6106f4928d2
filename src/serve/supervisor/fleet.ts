/**
 * The workers of a service. Each is replaced when it dies; if workers die early, the replacements come more and more
 * slowly.
 */
import cluster, { type Worker } from 'node:cluster';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { ToSupervisor, ToWorker } from '../messages.ts';
import type { Logger } from '../observe/log.ts';
import type { ServeSettings } from '../settings.ts';
import { moduleFile, NODE_ARGUMENTS } from './child.ts';
import { Collector } from './collector.ts';
import { Listener, type Taker } from './listener.ts';

/** Milliseconds after which we no longer blame a worker's death on its start. */
const STEADY = 10_000;
const FIRST_DELAY = 100;
const LONGEST_DELAY = 30_000;
/** Milliseconds after `grace` at which a worker that was told to stop is killed. */
const OVERTIME = 5000;
/**
 * Milliseconds to wait after a worker was told to end: whoever signals all processes of the service may signal the
 * supervisor too.
 */
const ALL_TOLD = 200;

export class Fleet {
  readonly collector = new Collector();
  readonly #settings: ServeSettings;
  readonly #logger: Logger;
  readonly #begin: () => ToWorker;
  readonly #listener: Listener;
  readonly #ready = new Set<Worker>();
  readonly #alive = new Set<Worker>();
  #early = 0;
  #stopping = false;
  #timers = new Set<NodeJS.Timeout>();
  #onReady = (): void => {};
  #onStopped = (): void => {};
  /** The port on which the service listens. */
  #port: number;

  /** @param begin makes the first message for a new worker, with the current models and keys */
  constructor(settings: ServeSettings, logger: Logger, begin: () => ToWorker) {
    this.#settings = settings;
    this.#logger = logger;
    this.#begin = begin;
    this.#port = settings.port;
    this.#listener = new Listener(settings.workers * settings.maxConnections);
    cluster.setupPrimary({
      exec: moduleFile(new URL('../worker/worker.ts', import.meta.url)),
      execArgv: [...NODE_ARGUMENTS],
      args: [],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  get port(): number {
    return this.#port;
  }

  /**
   * Resolves when every worker is ready and the service listens.
   *
   * @throws InputError if the service cannot listen on the address
   */
  async start(): Promise<void> {
    const { host, port, workers } = this.#settings;
    await new Promise<void>((resolve) => {
      this.#onReady = () => {
        if (this.#ready.size === workers) resolve();
      };
      for (let i = 0; i < workers; i++) this.#fork();
    });
    if (this.#stopping) return;
    try {
      this.#port = await this.#listener.listen(host, port);
    } catch (error) {
      throw listenError(this.#settings, error as NodeJS.ErrnoException);
    }
  }

  tell(message: ToWorker): void {
    for (const worker of this.#alive) send(worker, message);
  }

  /** Collects the metrics of every worker. */
  collect(): Promise<void> {
    const workers = new Map([...this.#ready].map((worker) => [worker.id, worker]));
    return this.collector.collect([...workers.keys()], (id, request) =>
      send(workers.get(id)!, { type: 'collect', request }),
    );
  }

  /**
   * For `drain` milliseconds, connections are still accepted but closed after their answer. After that nothing new is
   * accepted, and every accepted request is answered. Resolves when every worker has ended.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#alive.size === 0) return;
    const { drain, grace } = this.#settings;
    const ended = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    const kill = () => {
      for (const worker of this.#alive) worker.process.kill('SIGKILL');
    };
    const timer = setTimeout(kill, drain + grace + OVERTIME);
    this.tell({ type: 'drain' });
    if (this.#listener.listening) await Promise.race([sleep(drain, undefined, { ref: false }), ended]);
    await Promise.race([this.#listener.close(), ended]);
    this.tell({ type: 'stop' });
    await ended;
    clearTimeout(timer);
  }

  #fork(): void {
    const born = performance.now();
    const worker = cluster.fork({ GLEAN_SERVE_SETTINGS: JSON.stringify(this.#settings) });
    this.#alive.add(worker);
    const taker: Taker = {
      hand: (connection, socket) => {
        const message: ToWorker = { type: 'connection', connection };
        worker.send(message, socket, { keepOpen: true }, () => {});
      },
    };
    worker.on('message', (message: ToSupervisor) => this.#heard(worker, taker, message));
    worker.on('error', (error) => this.#logger.warn({ worker: worker.id, err: error }, 'worker cannot be reached'));
    worker.once('exit', (code, signal) => void this.#died(worker, taker, performance.now() - born, signal ?? code));
  }

  #heard(worker: Worker, taker: Taker, message: ToSupervisor): void {
    if (message.type === 'took') {
      this.#listener.took(taker, message.connection);
    } else if (message.type === 'hello') {
      send(worker, this.#stopping ? { type: 'stop' } : this.#begin());
    } else if (message.type === 'ready') {
      this.#logger.info({ worker: worker.id, process: worker.process.pid }, 'worker ready');
      this.#ready.add(worker);
      this.#listener.add(taker);
      this.collector.workers = this.#ready.size;
      this.#onReady();
    } else if (message.type === 'leaving') {
      setTimeout(() => this.#letGo(worker, taker), ALL_TOLD);
    } else if (message.type === 'collected') {
      this.collector.collected(worker.id, message.request, message.metrics);
    } else if (message.type === 'last') {
      this.collector.saw(worker.id, message.metrics);
    } else {
      const { request } = message;
      void this.collect()
        .then(() => this.collector.all())
        .then((metrics) => send(worker, { type: 'metrics', request, metrics }));
    }
  }

  /** Lets a worker that asked to end do so. */
  #letGo(worker: Worker, taker: Taker): void {
    if (this.#stopping) return;
    this.#listener.leave(taker);
    send(worker, { type: 'stop' });
  }

  async #died(worker: Worker, taker: Taker, age: number, reason: string | number): Promise<void> {
    this.#alive.delete(worker);
    this.#ready.delete(worker);
    this.collector.workers = this.#ready.size;
    // The worker's last messages may not have been heard yet; between these two calls the event loop polls once more.
    // ('disconnect' does not help, because it is not emitted if a connection was on its way.)
    await setImmediate();
    await setImmediate();
    this.#listener.gone(taker);
    await this.collector.gone(worker.id);
    if (this.#stopping) {
      if (this.#alive.size === 0) this.#onStopped();
      return;
    }
    this.#early = age < STEADY ? this.#early + 1 : 0;
    const delay = this.#early === 0 ? 0 : Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.#early - 1));
    this.#logger.error({ worker: worker.id, reason, delay }, 'worker ended; another takes its place');
    this.collector.restarted();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#fork();
    }, delay);
    this.#timers.add(timer);
  }
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}

function listenError({ host, port }: ServeSettings, cause: NodeJS.ErrnoException): Error {
  const { code = 'UNKNOWN', message } = cause;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is taken',
    EACCES: 'this user may not listen there',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such host',
  };
  return new InputError(
    `${host}:${port}: ${reasons[code] ?? message}; expected an address to listen on`,
    { code },
    { cause },
  );
}
