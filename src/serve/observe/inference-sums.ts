/**
 * What Triton's statistics tell of the requests for a model: how many there were, and how long they took. The sums are
 * plain numbers, because prom-client takes microseconds to add to a series; metrics read them when they are collected.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

/** The parts of a request that are timed, by Triton's names. */
export const STAGES = ['success', 'fail', 'queue', 'compute_infer'] as const;
export type Stage = (typeof STAGES)[number];

/** The metrics' names, by which the statistics of all workers together are found. */
export const SUM_METRICS = {
  count: 'glean_inference_stages_total',
  seconds: 'glean_inference_seconds_total',
  runs: 'glean_inference_runs_total',
  last: 'glean_last_inference_timestamp_seconds',
} as const;

interface Sum {
  count: number;
  seconds: number;
}

/** The sums of one model in one worker, over all versions that it was served in. */
export class InferenceSums {
  readonly stages: Readonly<Record<Stage, Sum>>;
  /** Runs of the model, each of one batch. */
  runs = 0;
  /** When the last run ended, in seconds since 1970; 0 if there was none. */
  last = 0;

  constructor() {
    const zero = (): Sum => ({ count: 0, seconds: 0 });
    this.stages = { success: zero(), fail: zero(), queue: zero(), compute_infer: zero() };
  }

  add(stage: Stage, seconds: number): void {
    const sum = this.stages[stage];
    sum.count++;
    sum.seconds += seconds;
  }

  run(): void {
    this.runs++;
    this.last = Date.now() / 1000;
  }
}

/** Registers the metrics of these models. */
export function registerSums(sums: ReadonlyMap<string, InferenceSums>, registers: Registry[]): void {
  const staged = (name: string, help: string, value: (sum: Sum) => number) =>
    new Counter({
      name,
      help,
      labelNames: ['model', 'stage'],
      registers,
      collect() {
        this.reset();
        for (const [model, { stages }] of sums) {
          for (const stage of STAGES) this.inc({ model, stage }, value(stages[stage]));
        }
      },
    });
  staged(
    SUM_METRICS.count,
    'Requests for a model that went through a stage: success and fail are whole requests, queue and compute_infer parts of those that were run',
    ({ count }) => count,
  );
  staged(SUM_METRICS.seconds, 'Seconds that requests for a model spent in a stage', ({ seconds }) => seconds);
  new Counter({
    name: SUM_METRICS.runs,
    help: 'Runs of a model, each of one batch',
    labelNames: ['model'],
    registers,
    collect() {
      this.reset();
      for (const [model, { runs }] of sums) this.inc({ model }, runs);
    },
  });
  new Gauge({
    name: SUM_METRICS.last,
    help: 'When a model last ran, in seconds since 1970; 0 if it never did',
    labelNames: ['model'],
    registers,
    aggregator: 'max',
    collect() {
      for (const [model, { last }] of sums) this.set({ model }, last);
    },
  });
}
