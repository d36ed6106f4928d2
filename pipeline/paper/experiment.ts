/** What `glean paper` runs: an experiment is one configuration over several seeds, all measured in the same way. */
import { createHash } from 'node:crypto';
import { recordOf, type TrainConfig } from '../../src/train/config.ts';
import type { Task } from './tasks.ts';

export type { Task };

/** How a model is measured. */
export interface Measurement {
  /**
   * `sealed`: the file is sealed, verified and attacked, and has a margin certificate and CERTIFY on z. `plain`:
   * CERTIFY on the image (Cohen et al. 2019), as for networks without a bound.
   */
  readonly kind: 'sealed' | 'plain';
  /** The settings of CERTIFY. */
  readonly smoothing: { readonly sigma: number; readonly n: number; readonly n0: number; readonly alpha: number };
  /**
   * How many test images are certified in image space, spread evenly over the set; all of them have certificates on z.
   */
  readonly images: number;
  readonly attack: { readonly images: number; readonly steps: number; readonly restarts: number };
}

/** Tables and figures of the report. */
export type Section = 'main' | 'ablation' | 'lambda' | 'sigma' | 'learners' | 'sensitivity' | 'mnist' | 'fashion';

/** Where an experiment appears in the report. */
export interface Place {
  readonly section: Section;
  /** In a study: the series that this is a point of, its position there, and its label. */
  readonly series?: string;
  readonly x?: number;
  readonly label?: string;
}

export interface Experiment {
  /** Names the result files and the model. */
  readonly id: string;
  readonly task: Task;
  /** The method's name in tables, and its short name in figures. */
  readonly method: string;
  readonly short: string;
  /** What it is told that the others are not; null if nothing. Such rows are marked and never compared. */
  readonly oracle: string | null;
  readonly config: TrainConfig;
  readonly seeds: readonly number[];
  readonly measurement: Measurement;
  readonly places: readonly Place[];
  /** Runs with a smaller stage + stride · (index of the seed) come first; plan/stages.ts names the stages. */
  readonly stage: number;
  readonly stride: number;
}

/** One run of an experiment. */
export interface Job {
  readonly experiment: Experiment;
  readonly seed: number;
}

/** Raise this when the meaning of a result changes, so that older ones are measured anew. */
const FORMAT = 1;

/** The configuration of one run. */
export function configOf({ experiment, seed }: Job): TrainConfig {
  return { ...experiment.config, seed };
}

/** SHA-256 of a value as JSON, hexadecimal. */
function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/**
 * A digest of everything that decides a run's result except the data, whose own SHA-256 is stored beside it. What the
 * exported network computes in is no part of a run, but of what is measured.
 */
export function keyOf(job: Job): string {
  const { precision = 'float32' } = job.experiment.config;
  const exact = precision === 'float32' ? [] : [precision];
  return digestOf([FORMAT, recordOf(configOf(job)), job.experiment.measurement, ...exact]);
}

/** A key that tells data sets apart, as a configuration names them. */
export function dataKey(job: Job): string {
  return JSON.stringify(job.experiment.config.data);
}

/**
 * The folder of a run's checkpoints: with another configuration or other data a run begins anew in another folder, and
 * the former one stays.
 */
export function folderOf(job: Job, dataSha256: string): string {
  return `${nameOf(job)}-${digestOf([recordOf(configOf(job)), dataSha256]).slice(0, 8)}`;
}

export function nameOf({ experiment, seed }: Job): string {
  return `${experiment.id}-${seed}`;
}

/** All runs, the most important first. */
export function jobsOf(experiments: readonly Experiment[]): readonly Job[] {
  return experiments
    .flatMap((experiment) =>
      experiment.seeds.map((seed, index) => ({ experiment, seed, at: experiment.stage + experiment.stride * index })),
    )
    .sort((a, b) => a.at - b.at)
    .map(({ experiment, seed }) => ({ experiment, seed }));
}
