/** Combines the metrics of all workers. What a worker counted is kept after it ends. */
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import type { MetricObject } from '../observe/metrics.ts';

/** Milliseconds that a collection waits for workers that do not answer. */
const LIMIT = 2000;

interface Collection {
  readonly awaited: Set<number>;
  readonly done: () => void;
}

export class Collector {
  readonly #registry = new Registry();
  readonly #workers = new Gauge({ name: 'glean_workers', help: 'Workers that answer', registers: [this.#registry] });
  readonly #restarts = new Counter({
    name: 'glean_worker_restarts_total',
    help: 'Workers that ended unasked and were replaced',
    registers: [this.#registry],
  });
  readonly #refused = new Gauge({
    name: 'glean_refused_models',
    help: 'Files in the models folder that are not served; the log says why',
    registers: [this.#registry],
  });
  /** The latest metrics of each worker. */
  readonly #seen = new Map<number, readonly MetricObject[]>();
  #departed: readonly MetricObject[] = [];
  /** Resolves when the counts of all workers that have ended are in `#departed`. */
  #counting: Promise<void> = Promise.resolve();
  readonly #collections = new Map<number, Collection>();
  #count = 0;

  set workers(count: number) {
    this.#workers.set(count);
  }

  set refused(count: number) {
    this.#refused.set(count);
  }

  restarted(): void {
    this.#restarts.inc();
  }

  saw(worker: number, metrics: readonly MetricObject[]): void {
    this.#seen.set(worker, metrics);
  }

  /** Keeps the counts of a worker that has ended; its gauges end with it. */
  gone(worker: number): Promise<void> {
    const last = this.#seen.get(worker);
    this.#seen.delete(worker);
    for (const { awaited, done } of this.#collections.values())
      if (awaited.delete(worker) && awaited.size === 0) done();
    if (last === undefined) return this.#counting;
    // prom-client declares the type as a numeric enum, but its value is the word of the exposition format.
    const counted = last.filter(({ type }) => ['counter', 'histogram'].includes(String(type)));
    // One after the other: each sum begins with the last, and two workers may end at the same time.
    this.#counting = this.#counting.then(async () => {
      this.#departed = await AggregatorRegistry.aggregate([[...this.#departed], [...counted]]).getMetricsAsJSON();
    });
    return this.#counting;
  }

  /** Asks the workers for their metrics. Resolves when all have answered or the time limit has passed. */
  collect(workers: readonly number[], ask: (worker: number, request: number) => void): Promise<void> {
    if (workers.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const request = this.#count++;
      const done = () => {
        clearTimeout(timer);
        this.#collections.delete(request);
        resolve();
      };
      const timer = setTimeout(done, LIMIT);
      this.#collections.set(request, { awaited: new Set(workers), done });
      for (const worker of workers) ask(worker, request);
    });
  }

  collected(worker: number, request: number, metrics: readonly MetricObject[]): void {
    this.saw(worker, metrics);
    const collection = this.#collections.get(request);
    if (collection?.awaited.delete(worker) && collection.awaited.size === 0) collection.done();
  }

  /** The metrics of all workers together, and the supervisor's own. */
  async all(): Promise<readonly MetricObject[]> {
    await this.#counting;
    const own = await this.#registry.getMetricsAsJSON();
    const all = [...this.#seen.values(), this.#departed, own].map((metrics) => [...metrics]);
    return AggregatorRegistry.aggregate(all).getMetricsAsJSON();
  }
}
