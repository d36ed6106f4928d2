/** The workers of a service: as many as asked for, each replaced when it dies, more and more slowly when it dies at once. */
import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { InputError } from '../certify-runtime/core/errors.ts';
import { Collector } from './collector.ts';
import { closeWhatItNeverTook } from './handed-over.ts';
import type { Logger } from './log.ts';
import type { ToSupervisor, ToWorker } from './messages.ts';
import type { ServeSettings } from './settings.ts';
import { TSX } from './verify.ts';

/** A worker that lived this long did not die of how it began. */
const STEADY = 10_000;
const FIRST_DELAY = 100;
const LONGEST_DELAY = 30_000;
/** How long after `grace` a worker that was told to stop is killed. */
const OVERTIME = 5000;

export class Fleet {
  readonly collector = new Collector();
  readonly #settings: ServeSettings;
  readonly #logger: Logger;
  readonly #begin: () => ToWorker;
  readonly #ready = new Set<Worker>();
  readonly #alive = new Set<Worker>();
  #early = 0;
  #stopping = false;
  #timers = new Set<NodeJS.Timeout>();
  #onReady = (): void => {};
  #onFailure = (_error: Error): void => {};
  #onStopped = (): void => {};
  /** Where they listen. */
  #port: number;

  /** @param begin what a new worker is told: the models and keys of that moment */
  constructor(settings: ServeSettings, logger: Logger, begin: () => ToWorker) {
    this.#settings = settings;
    this.#logger = logger;
    this.#begin = begin;
    this.#port = settings.port;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./worker.ts', import.meta.url)),
      execArgv: [...TSX],
      args: [],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  get port(): number {
    return this.#port;
  }

  /**
   * Resolves when every worker listens.
   *
   * @throws InputError where the address cannot be listened on
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onReady = () => {
        if (this.#ready.size === this.#settings.workers) resolve();
      };
      this.#onFailure = reject;
      for (let i = 0; i < this.#settings.workers; i++) this.#fork();
    });
  }

  tell(message: ToWorker): void {
    for (const worker of this.#alive) send(worker, message);
  }

  /** Gathers every worker's numbers. */
  collect(): Promise<void> {
    const workers = new Map([...this.#ready].map((worker) => [worker.id, worker]));
    return this.collector.collect([...workers.keys()], (id, request) =>
      send(workers.get(id)!, { type: 'collect', request }),
    );
  }

  /** Resolves when every worker has answered what it accepted, and ended. */
  stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#alive.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const { drain, grace } = this.#settings;
      const timer = setTimeout(
        () => {
          for (const worker of this.#alive) worker.process.kill('SIGKILL');
        },
        drain + grace + OVERTIME,
      );
      this.#onStopped = () => {
        clearTimeout(timer);
        resolve();
      };
      this.tell({ type: 'stop' });
    });
  }

  #fork(): void {
    const born = performance.now();
    const worker = cluster.fork({ GLEAN_SERVE_SETTINGS: JSON.stringify(this.#settings) });
    this.#alive.add(worker);
    closeWhatItNeverTook(worker);
    worker.on('message', (message: ToSupervisor) => this.#heard(worker, message));
    worker.on('error', (error) => this.#logger.warn({ worker: worker.id, err: error }, 'worker cannot be reached'));
    worker.once('exit', (code, signal) => void this.#died(worker, performance.now() - born, signal ?? code));
  }

  #heard(worker: Worker, message: ToSupervisor): void {
    if (message.type === 'hello') {
      send(worker, this.#stopping ? { type: 'stop' } : this.#begin());
    } else if (message.type === 'ready') {
      this.#port = message.port;
      this.#logger.info({ worker: worker.id, process: worker.process.pid }, 'worker ready');
      this.#ready.add(worker);
      this.collector.workers = this.#ready.size;
      this.#onReady();
    } else if (message.type === 'failed') {
      this.#logger.error({ worker: worker.id, code: message.code, why: message.message }, 'worker cannot listen');
      this.#onFailure(listenError(this.#settings, message.code, message.message));
    } else if (message.type === 'collected') {
      this.collector.collected(worker.id, message.request, message.metrics);
    } else if (message.type === 'last') {
      this.collector.saw(worker.id, message.metrics);
    } else {
      const { request } = message;
      void this.collect()
        .then(() => this.collector.text())
        .then((text) => send(worker, { type: 'metrics', request, text }));
    }
  }

  async #died(worker: Worker, age: number, reason: string | number): Promise<void> {
    this.#alive.delete(worker);
    this.#ready.delete(worker);
    this.collector.workers = this.#ready.size;
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

function listenError({ host, port }: ServeSettings, code: string, message: string): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is taken',
    EACCES: 'this user may not listen there',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such host',
  };
  return new InputError(`${host}:${port}: ${reasons[code] ?? message}; expected an address to listen on`, { code });
}
