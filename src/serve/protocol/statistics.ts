/** Triton's statistics extension: what the requests for each model were and how long they took, in all workers. */
import { STAGES, type Stage, SUM_METRICS } from '../observe/inference-sums.ts';
import type { MetricObject } from '../observe/metrics.ts';
import type { ServedModel } from '../worker/served-model.ts';

interface Duration {
  readonly count: number;
  /** Nanoseconds of all of them together. */
  readonly ns: number;
}

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970; 0 if there was none. */
  readonly last_inference: number;
  /** The number of images. */
  readonly inference_count: number;
  /** The number of runs, each of one batch. */
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<Stage | (typeof UNTIMED)[number], Duration>>;
  /** Triton has these for single sizes of a batch, and for memory that we do not count. */
  readonly batch_stats: readonly [];
  readonly memory_usage: readonly [];
}

/** Parts of a request that Triton times and we do not. The request as a whole contains them. */
const UNTIMED = ['compute_input', 'compute_output', 'cache_hit', 'cache_miss'] as const;
const NONE: Duration = { count: 0, ns: 0 };

/** @param metrics the metrics of all workers together */
export function statistics(
  models: Iterable<ServedModel>,
  metrics: readonly MetricObject[],
): { readonly model_stats: readonly ModelStatistics[] } {
  const values = new Map<string, number>();
  for (const metric of metrics) {
    for (const { value, labels, metricName } of metric.values) {
      values.set(keyOf(metricName ?? metric.name, labels['model'], labels['stage']), value);
    }
  }
  const sumOf = (metric: string, model: string, stage?: Stage) => values.get(keyOf(metric, model, stage)) ?? 0;
  const ofModel = ({ id, version }: ServedModel): ModelStatistics => {
    const timed = STAGES.map((stage): [Stage, Duration] => {
      const seconds = sumOf(SUM_METRICS.seconds, id, stage);
      return [stage, { count: sumOf(SUM_METRICS.count, id, stage), ns: Math.round(seconds * 1e9) }];
    });
    return {
      name: id,
      version,
      last_inference: Math.round(sumOf(SUM_METRICS.last, id) * 1000),
      inference_count: sumOf('glean_radius_count', id),
      execution_count: sumOf(SUM_METRICS.runs, id),
      inference_stats: Object.fromEntries([...timed, ...UNTIMED.map((stage) => [stage, NONE])]),
      batch_stats: [],
      memory_usage: [],
    };
  };
  return { model_stats: Array.from(models, ofModel) };
}

function keyOf(metric: string, model: string | number | undefined, stage: string | number | undefined): string {
  return `${metric} ${model} ${stage}`;
}
