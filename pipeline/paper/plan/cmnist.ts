/** Coloured MNIST: the main rows, the ablations, and the studies of λ and σ. */
import { augmentationOf, type Draft, inSequence, penalty, sigma, unconstrained } from '../draft.ts';
import { OWN_SERIES } from './invariance.ts';
import { BASELINES } from './methods.ts';
import { STAGES } from './stages.ts';

const SEEDS = 5;
const LAMBDAS = [10, 100, 1000, 10_000, 100_000, 1_000_000];
const SIGMAS = [0.12, 0.25, 0.5, 1];

/** Every baseline is given the augmentation of GLEAN's configuration. */
const SAME = augmentationOf('cmnist');

const METHODS: readonly Draft[] = [
  {
    id: 'cmnist-glean',
    task: 'cmnist',
    method: 'GLEAN, inferred environments',
    short: 'GLEAN',
    config: 'cmnist',
    seeds: SEEDS,
    stage: STAGES.gleanOnDigits,
    stride: 0,
    places: [
      { section: 'main' },
      { section: 'ablation' },
      { section: 'learners' },
      { section: 'sensitivity', series: OWN_SERIES, label: 'as shipped' },
      { section: 'lambda', series: 'inferred environments', x: 1 },
      { section: 'sigma', series: 'GLEAN', x: 0.12 },
    ],
  },
  {
    id: 'cmnist-irm',
    task: 'cmnist',
    method: "GLEAN with the paper's IRM, given domains",
    short: "the paper's IRM",
    config: 'cmnist-irm',
    seeds: SEEDS,
    stage: STAGES.baselines,
    places: [
      { section: 'main' },
      { section: 'ablation' },
      { section: 'learners' },
      { section: 'lambda', series: "the paper's IRM", x: 10_000 },
      { section: 'sigma', series: "the paper's IRM", x: 0.12 },
    ],
  },
  ...BASELINES.map(
    ({ name, title, short }): Draft => ({
      id: `cmnist-${name}`,
      task: 'cmnist',
      method: title,
      short,
      config: `cmnist-${name}`,
      change: SAME,
      seeds: 3,
      stage: STAGES.baselines,
      places: [
        { section: 'main' },
        ...(name === 'gaussian' ? [{ section: 'sigma', series: 'Gaussian', x: 0.12 } as const] : []),
      ],
    }),
  ),
  {
    id: 'cmnist-oracle',
    task: 'cmnist',
    method: 'blind to colour',
    config: 'cmnist-oracle',
    oracle: 'red and green are added up before training',
    seeds: SEEDS,
    stage: STAGES.ablations,
    places: [{ section: 'main' }],
  },
  {
    id: 'cmnist-erm',
    task: 'cmnist',
    method: 'without invariance (λ = 0)',
    short: 'λ = 0',
    config: 'cmnist-erm',
    seeds: SEEDS,
    stage: STAGES.ablations,
    places: [{ section: 'ablation' }],
  },
  {
    id: 'cmnist-unconstrained',
    task: 'cmnist',
    method: 'without the Lipschitz constraint',
    short: 'no constraint',
    config: 'cmnist',
    change: unconstrained,
    seeds: 3,
    stage: STAGES.ablations,
    places: [{ section: 'ablation' }],
  },
];

function lambdas(series: string, id: string, config: string, own: number): readonly Draft[] {
  return LAMBDAS.filter((weight) => weight !== own).map((weight) => ({
    id: `${id}-lambda-${weight}`,
    task: 'cmnist',
    method: `${series}, λ = ${weight}`,
    config,
    change: penalty({ weight, ...(config === 'cmnist' ? { before: weight } : {}) }),
    seeds: 1,
    stage: STAGES.studies,
    places: [{ section: 'lambda', series, x: weight }],
  }));
}

function sigmas(series: string, id: string): readonly Draft[] {
  return SIGMAS.filter((value) => value !== 0.12).map((value) => ({
    id: `${id}-sigma-${String(value).replace('.', '')}`,
    task: 'cmnist',
    method: `${series}, σ = ${value}`,
    config: id === 'cmnist-glean' ? 'cmnist' : id,
    change: id === 'cmnist-gaussian' ? inSequence(SAME, sigma(value)) : sigma(value),
    seeds: 1,
    stage: STAGES.studies,
    places: [{ section: 'sigma', series, x: value }],
  }));
}

export const CMNIST: readonly Draft[] = [
  ...METHODS,
  ...lambdas("the paper's IRM", 'cmnist-irm', 'cmnist-irm', 10_000),
  ...lambdas('inferred environments', 'cmnist-glean', 'cmnist', 1),
  ...sigmas('GLEAN', 'cmnist-glean'),
  ...sigmas("the paper's IRM", 'cmnist-irm'),
  ...sigmas('Gaussian', 'cmnist-gaussian'),
];
