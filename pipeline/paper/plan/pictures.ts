/** Pictures through a convolutional encoder: avatars in place of CelebA, emoji in place of DomainNet. */
import {
  type Change,
  type Draft,
  givenDomains,
  inSequence,
  objective,
  objectiveOf,
  onData,
  optimizer,
  penalty,
  unconstrained,
} from '../draft.ts';
import type { Place, Task } from '../experiment.ts';
import { BASELINES } from './methods.ts';

/** The network, optimizer and augmentation of every method; GLEAN has its own configuration for each problem. */
const COMMON = 'pictures';
const SEEDS = 3;
/** A run's certificates in image space take five minutes or more on one core. */
const BASELINE_SEEDS = 1;
/** How many images every method has in a step, shared by its environments. */
const BATCH = 128;

/** Fewer copies and attack steps than on digits, because a convolution costs more. */
const CHEAPER: Readonly<Record<(typeof BASELINES)[number]['name'], Change>> = {
  gaussian: objective({}),
  macer: objective({ copies: 4 }),
  smoothadv: objective({ copies: 2, attackSteps: 2 }),
  consistency: objective({}),
};

const irm = (weight: number, before: number, warmup: number): Change =>
  inSequence(givenDomains, penalty({ kind: 'irm', weight, before, warmup }));

const INFERRED = 'GLEAN, inferred environments';

/**
 * The paper's methods on one problem with `domains` training domains; GLEAN has its own configuration and is named
 * `glean`.
 */
function mainRows(
  task: Task,
  data: Readonly<Record<string, unknown>>,
  domains: number,
  glean: string = INFERRED,
): readonly Draft[] {
  const on = onData(data);
  const common = { task, config: COMMON, seeds: SEEDS, stage: 0, stride: 5 };
  const places: readonly Place[] = [{ section: 'main' }, { section: 'ablation' }];
  return [
    { ...common, id: `${task}-glean`, method: glean, short: 'GLEAN', config: task, change: on, places },
    {
      ...common,
      id: `${task}-irm`,
      method: "GLEAN with the paper's IRM, given domains",
      short: "the paper's IRM",
      change: inSequence(on, irm(10_000, 1, 100), optimizer({ perEnvironment: Math.floor(BATCH / domains) })),
      places,
    },
    ...BASELINES.map(
      ({ name, title, short }): Draft => ({
        ...common,
        seeds: BASELINE_SEEDS,
        id: `${task}-${name}`,
        method: title,
        short,
        change: inSequence(
          on,
          unconstrained,
          objectiveOf(`cmnist-${name}`),
          CHEAPER[name],
          optimizer({ perEnvironment: BATCH }),
        ),
        places: [{ section: 'main' }],
      }),
    ),
  ];
}

function ablationRows(task: Task, data: Readonly<Record<string, unknown>>): readonly Draft[] {
  const common = { task, config: task, seeds: 1, stage: 2, places: [{ section: 'ablation' }] } as const;
  return [
    {
      ...common,
      id: `${task}-erm`,
      method: 'without invariance (λ = 0)',
      short: 'λ = 0',
      change: inSequence(onData(data), irm(0, 0, 0)),
    },
    {
      ...common,
      id: `${task}-unconstrained`,
      method: 'without the Lipschitz constraint',
      short: 'no constraint',
      change: inSequence(onData(data), unconstrained),
    },
  ];
}

/** The same network, trained on the problem's `-blind` data. */
function oracleRow(task: Task, method: string, oracle: string): Draft {
  return {
    id: `${task}-oracle`,
    task,
    method,
    config: task,
    oracle,
    change: inSequence(onData({ name: `${task}-blind` }), irm(0, 0, 0)),
    seeds: 1,
    stage: 2,
    places: [{ section: 'main' }],
  };
}

const AVATARS = { name: 'avatars' };
const EMOJI_CUE = { name: 'emoji-cue' };
const EMOJI = { name: 'emoji' };

export const PICTURES: readonly Draft[] = [
  ...mainRows('avatars', AVATARS, 2),
  ...mainRows('emoji-cue', EMOJI_CUE, 2),
  ...mainRows('emoji', EMOJI, 7, 'GLEAN, given domains'),
  {
    id: 'emoji-inferred',
    task: 'emoji',
    method: INFERRED,
    short: 'inferred environments',
    config: COMMON,
    change: onData(EMOJI),
    seeds: 1,
    stage: 2,
    places: [{ section: 'main' }],
  },
  oracleRow('avatars', 'blind to hair colour', 'trained where hair colour tells nothing'),
  oracleRow('emoji-cue', 'blind to style', 'trained where style tells nothing'),
  ...ablationRows('avatars', AVATARS),
  ...ablationRows('emoji-cue', EMOJI_CUE),
  ...ablationRows('emoji', EMOJI),
];
