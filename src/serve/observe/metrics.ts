/**
 * The Prometheus metrics of a worker. Labels take few values (routes, statuses, models, classes) and never hold what a
 * client sent.
 */
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValueWithName,
  Registry,
} from 'prom-client';
import { isCertified, type LeastRadius } from '../worker/least-radius.ts';
import { InferenceSums, registerSums } from './inference-sums.ts';

export type MetricObject = MetricObjectWithValues<MetricValueWithName<string>>;

/** Radii are in pixels on [0, 1]. The buckets are finest where certified accuracy is usually reported. */
const RADII = [0, 0.05, 0.1, 0.15, 0.25, 0.35, 0.45, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5];
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const IMAGES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/**
 * How a request ended: it was answered; it was refused, because of a client's mistake or too much load; or it failed.
 */
type Outcome = 'answered' | 'refused' | 'failed';

/** The outcome that a status stands for; 499 means that the client went away before its answer. */
function outcomeOf(status: number): Outcome {
  if (status < 400) return 'answered';
  return status === 503 || (status < 500 && status !== 499) ? 'refused' : 'failed';
}

/** What the gauges read from a model. */
interface GaugedModel {
  readonly id: string;
  readonly version: string;
  readonly sha256: string;
  readonly batcher: { readonly waiting: number };
  readonly line: { readonly waiting: number };
}

/** The values that the gauges read whenever the metrics are collected. */
interface Now {
  models(): Iterable<GaugedModel>;
  connections(): number;
  buffered(): number;
}

interface Answered {
  readonly label: number;
  readonly radius: number;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'route' | 'status'>;
  readonly #seconds: Histogram<'route' | 'outcome'>;
  readonly #batch: Histogram;
  readonly #radius: Histogram<'model'>;
  readonly #predictions: Counter<'model' | 'class'>;
  readonly #certified: Counter<'model' | 'certified' | 'policy'>;
  /** Looking up a series by its labels takes prom-client microseconds, so each series is looked up only once. */
  readonly #counters = new Map<string, { inc(): void }>();
  readonly #timers = new Map<string, { observe(seconds: number): void }>();
  /** By model; they outlive its versions. */
  readonly #sums = new Map<string, InferenceSums>();

  constructor(now: Now) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    // These are totals over resource types. Prometheus reserves the ending _total for counters, so a gauge may not have
    // it.
    for (const { name, type } of this.registry.getMetricsAsArray()) {
      if (String(type) === 'gauge' && name.endsWith('_total')) this.registry.removeSingleMetric(name);
    }
    this.#requests = new Counter({
      name: 'glean_requests_total',
      help: 'Requests answered',
      labelNames: ['route', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'glean_request_seconds',
      help: 'From the request line to the last byte of the answer, by how it ended',
      labelNames: ['route', 'outcome'],
      buckets: SECONDS,
      registers,
    });
    this.#batch = new Histogram({
      name: 'glean_batch_images',
      help: 'Images in one run of a model',
      buckets: IMAGES,
      registers,
    });
    this.#radius = new Histogram({
      name: 'glean_radius',
      help: 'Certified l2 radius; when its distribution moves, so did the data',
      labelNames: ['model'],
      buckets: RADII,
      registers,
    });
    this.#predictions = new Counter({
      name: 'glean_predictions_total',
      help: 'Images by the class they were given',
      labelNames: ['model', 'class'],
      registers,
    });
    this.#certified = new Counter({
      name: 'glean_certified_total',
      help: "Images by whether their radius is at least the service's least one, and by the request's where that is greater",
      labelNames: ['model', 'certified', 'policy'],
      registers,
    });
    registerSums(this.#sums, registers);
    modelGauges(now, registers);
    gauge('glean_connections', 'Open connections', registers, now.connections);
    gauge('glean_buffered_bytes', 'Bytes of request bodies held', registers, now.buffered);
  }

  /** @param model the model that was asked for a prediction, if the request was for one that is served */
  request(route: string, status: number, seconds: number, model?: string): void {
    const key = `${route} ${status}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = this.#requests.labels({ route, status: String(status) });
      this.#counters.set(key, counter);
    }
    counter.inc();
    const outcome = outcomeOf(status);
    const series = `${route} ${outcome}`;
    let timer = this.#timers.get(series);
    if (timer === undefined) {
      timer = this.#seconds.labels({ route, outcome });
      this.#timers.set(series, timer);
    }
    timer.observe(seconds);
    if (model !== undefined) this.sumsOf(model).add(outcome === 'answered' ? 'success' : 'fail', seconds);
  }

  /** The sums of a model for its statistics; they begin at 0 when they are first asked for. */
  sumsOf(model: string): InferenceSums {
    let sums = this.#sums.get(model);
    if (sums === undefined) {
      sums = new InferenceSums();
      this.#sums.set(model, sums);
    }
    return sums;
  }

  batch(images: number): void {
    this.#batch.observe(images);
  }

  /**
   * Returns the function that counts a model's answers.
   *
   * @param least the service's least radius. Every image is counted by it, so that no request hides its images from the
   *   service's owner. Its series begin at 0, so that their first image is an increase.
   */
  model(
    id: string,
    classes: readonly string[],
    least: LeastRadius | undefined,
  ): (answers: readonly Answered[], asked: LeastRadius | undefined) => void {
    const radius = this.#radius.labels({ model: id });
    const labels = classes.map((name) => this.#predictions.labels({ model: id, class: name }));
    const countCertified = (answers: readonly Answered[], held: LeastRadius) => {
      const certified = answers.filter((answer) => isCertified(answer.radius, held)).length;
      const { policy } = held;
      this.#certified.inc({ model: id, certified: 'true', policy }, certified);
      this.#certified.inc({ model: id, certified: 'false', policy }, answers.length - certified);
    };
    if (least !== undefined) countCertified([], least);
    return (answers, asked) => {
      for (const answer of answers) {
        radius.observe(answer.radius);
        labels[answer.label]!.inc();
      }
      if (least !== undefined) countCertified(answers, least);
      if (asked?.policy === 'request') countCertified(answers, asked);
    };
  }
}

function modelGauges(now: Now, registers: Registry[]): void {
  new Gauge({
    name: 'glean_queue_images',
    help: 'Images waiting for a run',
    labelNames: ['model'],
    registers,
    collect() {
      this.reset();
      for (const { id, batcher } of now.models()) this.set({ model: id }, batcher.waiting);
    },
  });
  new Gauge({
    name: 'glean_unread_requests',
    help: 'Requests waiting, unread, for room in the queue',
    labelNames: ['model'],
    registers,
    collect() {
      this.reset();
      for (const { id, line } of now.models()) this.set({ model: id }, line.waiting);
    },
  });
  new Gauge({
    name: 'glean_model_info',
    help: 'Workers that serve this version of a model',
    labelNames: ['model', 'version', 'sha256'],
    registers,
    collect() {
      this.reset();
      for (const { id, version, sha256 } of now.models()) this.set({ model: id, version, sha256 }, 1);
    },
  });
}

function gauge(name: string, help: string, registers: Registry[], value: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
}

/** These metrics in Prometheus's text format. */
export function expositionOf(metrics: readonly MetricObject[]): Promise<string> {
  return AggregatorRegistry.aggregate([[...metrics]]).metrics();
}
