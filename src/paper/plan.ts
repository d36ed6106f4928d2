/** The plan: every row and every point of the paper's tables and figures, and of our own, as a configuration to run. */
import { type Draft, type Effort, experimentOf, penalty } from './draft.ts';
import type { Experiment } from './experiment.ts';

/** The paper's CERTIFY; 500 images in image space, as is customary. */
const FULL: Effort = {
  n: 100_000,
  n0: 100,
  alpha: 0.001,
  images: 500,
  attack: { images: 50, steps: 40, restarts: 2 },
};

const SEEDS = 5;
const BLIND = 'told what colour is: red and green are summed before training';

const CMNIST: readonly Draft[] = [
  {
    id: 'cmnist-glean',
    task: 'cmnist',
    method: 'GLEAN, inferred environments',
    config: 'cmnist',
    seeds: SEEDS,
    stage: 0,
    places: [{ section: 'main' }, { section: 'ablation' }, { section: 'learners' }],
  },
  {
    id: 'cmnist-irm',
    task: 'cmnist',
    method: "GLEAN with the paper's IRM, given domains",
    config: 'cmnist-irm',
    seeds: SEEDS,
    stage: 0,
    places: [
      { section: 'main' },
      { section: 'ablation' },
      { section: 'learners' },
      { section: 'lambda', series: 'IRM, given domains', x: 10_000 },
    ],
  },
  {
    id: 'cmnist-erm',
    task: 'cmnist',
    method: 'without invariance (λ = 0)',
    config: 'cmnist-erm',
    seeds: SEEDS,
    stage: 0,
    places: [{ section: 'ablation' }],
  },
  {
    id: 'cmnist-oracle',
    task: 'cmnist',
    method: 'blind to colour',
    config: 'cmnist-oracle',
    oracle: BLIND,
    seeds: SEEDS,
    stage: 1,
    places: [{ section: 'main' }],
  },
  ...[10, 100, 1000, 100_000, 1_000_000].map(
    (weight): Draft => ({
      id: `cmnist-irm-lambda-${weight}`,
      task: 'cmnist',
      method: `IRM, λ = ${weight}`,
      config: 'cmnist-irm',
      change: penalty({ weight }),
      seeds: 1,
      stage: 3,
      places: [{ section: 'lambda', series: 'IRM, given domains', x: weight }],
    }),
  ),
];

/** Everything, the most important first. */
export function fullPlan(): Promise<readonly Experiment[]> {
  return Promise.all(CMNIST.map((draft) => experimentOf(draft, FULL)));
}
