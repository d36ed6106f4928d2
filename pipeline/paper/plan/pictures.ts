/** Pictures through a convolutional encoder: avatars in place of CelebA, emoji in place of DomainNet. */
import {
  augmentationOf,
  averageOf,
  type Change,
  type Draft,
  givenDomains,
  inferredEnvironments,
  inSequence,
  objective,
  objectiveOf,
  onData,
  optimizer,
  penalty,
  stepsOf,
  unconstrained,
} from '../draft.ts';
import type { Place, Task } from '../experiment.ts';
import { BASELINES } from './methods.ts';
import { STAGES } from './stages.ts';

/** The network and the optimizer of the baselines; GLEAN has its own configuration for each problem. */
const COMMON = 'pictures';
const SEEDS = 3;
/** How many images every method has in a step, shared by its environments. */
const BATCH = 128;
/**
 * The images that a baseline is certified on where it is right often: one that it is right on takes two to three
 * seconds of a core, so that 250 take minutes. It is 500 elsewhere.
 */
const FEWER_IMAGES = 250;

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
const GIVEN = 'GLEAN, given domains';

interface Problem {
  readonly task: Task;
  /** GLEAN's configuration in pipeline/configs; another problem's where this one was not tuned on. */
  readonly config: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** How many training domains it has. */
  readonly domains: number;
  readonly glean: string;
  readonly seeds: number;
  readonly stage: number;
  /** The stage of the baselines' first seed, and the stages between two; with those of other problems by default. */
  readonly baselines?: readonly [stage: number, stride: number];
  readonly images?: number;
  /** What the oracle does not see, and what it is told. */
  readonly oracle?: readonly [method: string, told: string];
  /**
   * The baselines' steps where a domain is held out and nothing reverses (docs/baselines.md). Where a cue reverses they
   * have found it after the 400 steps of the common configuration.
   */
  readonly baselineSteps?: number | 'as GLEAN';
}

const ICONS = { domains: 2, glean: INFERRED, images: FEWER_IMAGES };
const FAMILIES = { glean: GIVEN, seeds: SEEDS, images: FEWER_IMAGES, baselineSteps: 'as GLEAN' } as const;
const MORE_FAMILIES = {
  ...FAMILIES,
  config: 'emoji-large',
  domains: 9,
  stage: STAGES.gleanOnFamilies,
  baselineSteps: 3000,
} as const;

const PROBLEMS: readonly Problem[] = [
  {
    task: 'avatars',
    config: 'avatars',
    data: { name: 'avatars' },
    domains: 2,
    glean: INFERRED,
    seeds: 5,
    stage: STAGES.gleanOnAvatars,
    oracle: ['blind to hair colour', 'trained where hair colour tells nothing'],
  },
  {
    ...ICONS,
    task: 'emoji-cue',
    config: 'emoji-cue',
    data: { name: 'emoji-cue' },
    seeds: 5,
    stage: STAGES.gleanOnIcons,
    oracle: ['blind to style', 'trained where style tells nothing'],
  },
  {
    task: 'avatars-glasses',
    config: 'avatars',
    data: { name: 'avatars-glasses' },
    domains: 2,
    glean: INFERRED,
    seeds: SEEDS,
    stage: STAGES.untuned,
    baselines: [STAGES.untuned, 2],
    oracle: ['blind to the background', 'trained where the background tells nothing'],
  },
  { ...MORE_FAMILIES, task: 'emoji-large', data: { name: 'emoji-large' } },
  { ...MORE_FAMILIES, task: 'emoji-large-noto', data: { name: 'emoji-large', heldOut: 'noto' } },
  {
    ...MORE_FAMILIES,
    task: 'emoji-large-high-contrast',
    data: { name: 'emoji-large', heldOut: 'fluent-emoji-high-contrast' },
  },
  {
    ...FAMILIES,
    task: 'emoji',
    config: 'emoji',
    data: { name: 'emoji' },
    domains: 7,
    stage: STAGES.fewerFamilies,
    baselines: [STAGES.fewerFamilies, 1],
  },
  {
    ...ICONS,
    task: 'emoji-cue-large',
    config: 'emoji-cue',
    data: { name: 'emoji-cue-large' },
    seeds: SEEDS,
    stage: STAGES.gleanOnFamilies,
    oracle: ['blind to style', 'trained where style tells nothing'],
  },
];

const imagesOf = ({ images }: Problem) => (images === undefined ? {} : { images });

function stepsOfBaselines({ baselineSteps: steps, config }: Problem): readonly Change[] {
  if (steps === undefined) return [];
  return [steps === 'as GLEAN' ? stepsOf(config) : optimizer({ steps })];
}

/**
 * The paper's methods on one problem; every one has its images changed and its weights averaged as GLEAN's configuration
 * says.
 */
function mainRows(problem: Problem): readonly Draft[] {
  const { task, config, data, domains, glean, seeds, stage } = problem;
  const [first, stride] = problem.baselines ?? [STAGES.baselines, 1];
  const on = onData(data);
  const same = inSequence(on, augmentationOf(config), averageOf(config), ...stepsOfBaselines(problem));
  const common = { task, config: COMMON, seeds: SEEDS, stage: first, stride, ...imagesOf(problem) };
  const places: readonly Place[] = [{ section: 'main' }, { section: 'ablation' }];
  return [
    {
      ...common,
      id: `${task}-glean`,
      method: glean,
      short: 'GLEAN',
      config,
      change: on,
      seeds,
      stage,
      stride: 0,
      places,
    },
    ...BASELINES.map(
      ({ name, title, short }): Draft => ({
        ...common,
        id: `${task}-${name}`,
        method: title,
        short,
        change: inSequence(
          same,
          unconstrained,
          objectiveOf(`cmnist-${name}`),
          CHEAPER[name],
          optimizer({ perEnvironment: BATCH }),
        ),
        places: [{ section: 'main' }],
      }),
    ),
    {
      ...common,
      id: `${task}-irm`,
      method: "GLEAN with the paper's IRM, given domains",
      short: "the paper's IRM",
      change: inSequence(same, irm(10_000, 1, 100), optimizer({ perEnvironment: Math.floor(BATCH / domains) })),
      places,
    },
  ];
}

function ablationRows(problem: Problem): readonly Draft[] {
  const { task, config, data } = problem;
  const common = {
    task,
    config,
    seeds: 1,
    stage: STAGES.ablations,
    places: [{ section: 'ablation' }],
    ...imagesOf(problem),
  } as const;
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

/** GLEAN's network, trained on the problem's `-blind` data. */
function oracleRows(problem: Problem): readonly Draft[] {
  const { task, config, data, oracle } = problem;
  if (oracle === undefined) return [];
  const [method, told] = oracle;
  return [
    {
      id: `${task}-oracle`,
      task,
      method,
      config,
      oracle: told,
      change: inSequence(onData({ ...data, name: `${data['name']}-blind` }), irm(0, 0, 0)),
      seeds: 1,
      stage: STAGES.ablations,
      places: [{ section: 'main' }],
      ...imagesOf(problem),
    },
  ];
}

/** The problems whose ablations are run. */
const ABLATED: readonly Task[] = ['avatars', 'emoji-cue', 'emoji'];

export const PICTURES: readonly Draft[] = [
  ...PROBLEMS.flatMap(mainRows),
  ...PROBLEMS.flatMap(oracleRows),
  {
    id: 'emoji-inferred',
    task: 'emoji',
    method: INFERRED,
    short: 'inferred environments',
    config: 'emoji',
    change: inSequence(onData({ name: 'emoji' }), inferredEnvironments, optimizer({ perEnvironment: BATCH / 2 })),
    seeds: 1,
    stage: STAGES.ablations,
    images: FEWER_IMAGES,
    places: [{ section: 'main' }],
  },
  ...PROBLEMS.filter(({ task }) => ABLATED.includes(task)).flatMap(ablationRows),
];
