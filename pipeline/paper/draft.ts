/**
 * From a line of the plan to an experiment: a configuration of pipeline/configs with the changes that the line names.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';
import { parseConfig } from '../../src/train/config.ts';
import type { Experiment, Place, Task } from './experiment.ts';

/** A configuration before it is checked. */
interface RawConfig {
  readonly [field: string]: unknown;
  readonly network: Readonly<Record<string, unknown>>;
  readonly augmentation: Readonly<Record<string, unknown>>;
  readonly objective: Readonly<Record<string, unknown>>;
  readonly optimizer: Readonly<Record<string, unknown>>;
}

/** The changes of a line; it may read other configurations. */
export type Change = (config: RawConfig) => RawConfig | Promise<RawConfig>;

/** A line of the plan. */
export interface Draft {
  readonly id: string;
  readonly task: Task;
  readonly method: string;
  /** The name in figures; the method's if that is short enough. */
  readonly short?: string;
  /** The name of a file in pipeline/configs, without its ending. */
  readonly config: string;
  readonly change?: Change;
  readonly oracle?: string;
  readonly seeds: number;
  readonly stage: number;
  /** Stages between two seeds; 1 by default. */
  readonly stride?: number;
  /** How many test images are certified in image space; the effort's by default. */
  readonly images?: number;
  readonly places: readonly Place[];
}

/** The settings that decide how long measuring takes. */
export interface Effort {
  readonly n: number;
  readonly n0: number;
  readonly alpha: number;
  readonly images: number;
  readonly attack: Experiment['measurement']['attack'];
}

const CONFIGS = new URL('../configs/', import.meta.url);

/** The configuration of this name, in whichever folder it is. */
async function readRaw(name: string): Promise<RawConfig> {
  const files = await readdir(CONFIGS, { recursive: true });
  const file = files.find((path) => basename(path) === `${name}.json`);
  if (file === undefined) throw new InputError(`no configuration ${name}.json in pipeline/configs/`, { name });
  return JSON.parse(await readFile(new URL(file, CONFIGS), 'utf8')) as RawConfig;
}

/** Applies one change after the other. */
export function inSequence(...changes: readonly Change[]): Change {
  return async (config) => {
    let changed = config;
    for (const change of changes) changed = await change(changed);
    return changed;
  };
}

/** The objective of another configuration. */
export function objectiveOf(name: string): Change {
  return async (config) => ({ ...config, objective: (await readRaw(name)).objective });
}

/** The augmentation of another configuration. */
export function augmentationOf(name: string): Change {
  return async (config) => ({ ...config, augmentation: (await readRaw(name)).augmentation });
}

/** Weights averaged over the steps as another configuration has them, or not averaged. */
export function averageOf(name: string): Change {
  return async (config) => {
    const { ema } = (await readRaw(name)).optimizer;
    return ema === undefined ? config : optimizer({ ema })(config);
  };
}

/** As many steps as another configuration has. */
export function stepsOf(name: string): Change {
  return async (config) => optimizer({ steps: (await readRaw(name)).optimizer['steps'] })(config);
}

/** Changes fields of the objective. */
export function objective(fields: Readonly<Record<string, unknown>>): Change {
  return (config) => ({ ...config, objective: { ...config.objective, ...fields } });
}

/** Changes fields of the network. */
export function network(fields: Readonly<Record<string, unknown>>): Change {
  return (config) => ({ ...config, network: { ...config.network, ...fields } });
}

/** The number of steps of the reference from which environments are inferred. */
export function referenceSteps(steps: number): Change {
  return objective({ environments: { kind: 'inferred', referenceSteps: steps } });
}

/** Environments inferred by a committee, where the configuration has a single reference. */
export const byCommittee: Change = objective({ environments: { kind: 'inferred' } });

/** Changes fields of the optimizer. */
export function optimizer(fields: Readonly<Record<string, unknown>>): Change {
  return (config) => ({ ...config, optimizer: { ...config.optimizer, ...fields } });
}

/** Another data set. */
export function onData(data: Readonly<Record<string, unknown>>): Change {
  return (config) => ({ ...config, data });
}

/** The training domains as environments. */
export const givenDomains: Change = (config) => ({
  ...config,
  objective: { ...config.objective, environments: { kind: 'given' } },
});

/** Environments that a committee infers. */
export const inferredEnvironments: Change = objective({ environments: { kind: 'inferred' } });

/** Changes fields of the penalty. */
export function penalty(fields: Readonly<Record<string, unknown>>): Change {
  return (config) => ({
    ...config,
    objective: { ...config.objective, penalty: { ...(config.objective['penalty'] as object), ...fields } },
  });
}

/** σ of the noise in training; certification follows it. */
export function sigma(value: number): Change {
  return (config) => objective({ ['baseline' in config.objective ? 'sigma' : 'noise']: value })(config);
}

/**
 * The same network without the constraint that makes it 1-Lipschitz. It has no bound, so nothing is gained by computing
 * it in float64.
 */
export const unconstrained: Change = ({ precision: _, ...config }) =>
  network({ lipschitz: false })(config as RawConfig);

/** The experiment of a line. @throws InputError if the configuration is not valid */
export async function experimentOf(draft: Draft, effort: Effort): Promise<Experiment> {
  const { id, task, method, change = (config) => config, places, stage } = draft;
  const config = parseConfig(
    { ...(await change(await readRaw(draft.config))), id, title: method, seed: 0 },
    `${draft.config}.json, as ${id}`,
  );
  const { n, n0, alpha, images, attack } = effort;
  const noise = 'baseline' in config.objective ? config.objective.sigma : config.objective.noise;
  return {
    id,
    task,
    method,
    short: draft.short ?? method,
    oracle: draft.oracle ?? null,
    config,
    seeds: Array.from({ length: draft.seeds }, (_, seed) => seed),
    measurement: {
      kind: config.network.lipschitz ? 'sealed' : 'plain',
      smoothing: { sigma: noise, n, n0, alpha },
      images: draft.images ?? images,
      attack,
    },
    places,
    stage,
    stride: draft.stride ?? 1,
  };
}
