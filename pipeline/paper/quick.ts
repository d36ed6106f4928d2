/**
 * The plan in quick mode: one tiny run of every kind of work, to see that everything runs. The numbers mean nothing.
 */
import { parseConfig, type TrainConfig } from '../../src/train/config.ts';
import type { Experiment, Task } from './experiment.ts';

const STEPS = 3;
const HIDDEN = [16, 16];
const CHANNELS = 4;

/**
 * What two experiments have in common if they exercise the same code: on Coloured MNIST everything but the numbers,
 * elsewhere the network and how it is certified.
 */
function kindOf({ task, config }: Experiment): string {
  const { objective, network } = config;
  const goal = JSON.stringify(objective, (_, value: unknown) => (typeof value === 'number' ? 0 : value));
  return JSON.stringify([task, task === 'cmnist' ? goal : '', network.conv.length > 0, network.lipschitz]);
}

/** Files that are in no npm package, and more pictures to draw for code that is run anyway. */
const LEFT_OUT: readonly Task[] = [
  'fashion',
  'avatars-glasses',
  'emoji-cue-large',
  'emoji-large',
  'emoji-large-noto',
  'emoji-large-high-contrast',
];

/** Few images; of avatars, only few are drawn at all. */
function shrinkData(data: TrainConfig['data']): unknown {
  return { ...data, limit: 64, ...(data.name === 'avatars' ? { faces: 1600 } : {}) };
}

/** Counts within an objective that cost time; λ and the like stay as they are. */
const COUNTS = ['referenceSteps', 'warmup', 'from', 'copies', 'attackSteps', 'synthesise'];

/** The smallest committee there is, in the place of any. */
const COMMITTEE = { folds: 2, seeds: 1, steps: 2, rounds: 1, roundFolds: 2, roundSteps: 2 };

function shrinkObjective(objective: TrainConfig['objective']): unknown {
  const text = JSON.stringify(objective, (name, value: unknown) => {
    if (name === 'discover') return [2, 2];
    if (name === 'environments' && isCommittee(value)) return { kind: 'inferred', committee: COMMITTEE };
    return COUNTS.includes(name) && typeof value === 'number' ? Math.min(value, 2) : value;
  });
  return JSON.parse(text);
}

function isCommittee(environments: unknown): boolean {
  const { kind, referenceSteps } = environments as { readonly kind: string; readonly referenceSteps?: number };
  return kind === 'inferred' && referenceSteps === undefined;
}

/** The same kind of configuration, as small as possible. */
function shrink(config: TrainConfig): TrainConfig {
  const { network } = config;
  const hidden = HIDDEN.slice(0, network.hidden.length);
  const conv = network.conv.map((layer) => ({ ...layer, channels: CHANNELS }));
  return parseConfig(
    {
      ...config,
      data: shrinkData(config.data),
      objective: shrinkObjective(config.objective),
      network: { ...network, conv, hidden },
      optimizer: { ...config.optimizer, steps: STEPS, perEnvironment: 32 },
    },
    `${config.id}, quick`,
  );
}

/** The first experiment of every kind, at its smallest, and two seeds of the first one. */
export function quickPlan(plan: readonly Experiment[]): readonly Experiment[] {
  const kinds = new Set<string>();
  const chosen = plan.filter((experiment) => {
    if (LEFT_OUT.includes(experiment.task)) return false;
    const kind = kindOf(experiment);
    if (kinds.has(kind)) return false;
    kinds.add(kind);
    return true;
  });
  return chosen.map((experiment, index) => ({
    ...experiment,
    config: shrink(experiment.config),
    seeds: index === 0 ? [0, 1] : [0],
    measurement: {
      ...experiment.measurement,
      smoothing: { ...experiment.measurement.smoothing, n: 1000 },
      images: 20,
      attack: { images: 4, steps: 5, restarts: 1 },
    },
  }));
}
