/** Other invariance learners in place of IRM, and how much each depends on its settings; Coloured MNIST. */
import {
  byCommittee,
  type Change,
  type Draft,
  inSequence,
  network,
  optimizer,
  penalty,
  referenceSteps,
} from '../draft.ts';
import { STAGES } from './stages.ts';

interface Learner {
  /** The configuration, whose name is also that of the runs. */
  readonly config: string;
  readonly title: string;
  /** λ of the configuration, and the other values that are tried. */
  readonly weight: number;
  readonly others: readonly number[];
  /** Whether λ holds from the first step. */
  readonly constant: boolean;
}

const LEARNERS: readonly Learner[] = [
  {
    config: 'cmnist-inferred',
    title: 'IRM, inferred environments, cross-entropy (Creager et al. 2021)',
    weight: 10,
    others: [1, 100],
    constant: true,
  },
  {
    config: 'cmnist-rich-irm',
    title: 'rich features first, then IRM (Zhang et al. 2022)',
    weight: 1000,
    others: [100, 10_000],
    constant: true,
  },
  {
    config: 'cmnist-vrex',
    title: 'V-REx (Krueger et al. 2021)',
    weight: 10_000,
    others: [100, 1000, 100_000],
    constant: false,
  },
  {
    config: 'cmnist-ib-irm',
    title: 'IB-IRM (Ahuja et al. 2021)',
    weight: 10_000,
    others: [100, 1000, 100_000],
    constant: false,
  },
  {
    config: 'cmnist-fishr',
    title: 'Fishr (Rame et al. 2022)',
    weight: 10_000,
    others: [100, 1000, 100_000],
    constant: false,
  },
];

function draftsOf({ config, title, weight, others, constant }: Learner): readonly Draft[] {
  const common = { task: 'cmnist', config } as const;
  return [
    {
      ...common,
      id: config,
      method: title,
      seeds: 3,
      stage: STAGES.studies,
      places: [{ section: 'learners' }, { section: 'sensitivity', series: title, label: `λ = ${weight}` }],
    },
    ...others.map(
      (other): Draft => ({
        ...common,
        id: `${config}-weight-${other}`,
        method: `${title}, λ = ${other}`,
        change: penalty(constant ? { weight: other, before: other } : { weight: other }),
        seeds: 1,
        stage: STAGES.studies,
        places: [{ section: 'sensitivity', series: title, label: `λ = ${other}` }],
      }),
    ),
  ];
}

/** What GLEAN's own row depends on besides λ. */
const OWN: readonly {
  readonly name: string;
  readonly label: string;
  readonly change: Change;
  readonly seeds?: number;
}[] = [
  { name: 'committee', label: 'a committee in place of the one reference', change: byCommittee, seeds: 5 },
  {
    name: 'committee-steps-600',
    label: 'a committee, and 600 steps',
    change: inSequence(byCommittee, optimizer({ steps: 600 })),
    seeds: 5,
  },
  { name: 'reference-20', label: 'reference of 20 steps', change: referenceSteps(20) },
  { name: 'reference-200', label: 'reference of 200 steps', change: referenceSteps(200) },
  { name: 'temperature-1', label: 'temperature 1', change: network({ temperature: 1 }) },
  { name: 'temperature-4', label: 'temperature 4', change: network({ temperature: 4 }) },
  { name: 'steps-600', label: '600 steps', change: optimizer({ steps: 600 }) },
  {
    name: 'shift-2',
    label: 'shift of 2 pixels',
    change: (config) => ({ ...config, augmentation: { ...(config['augmentation'] as object), shift: 2 } }),
  },
];

export const OWN_SERIES = 'GLEAN, inferred environments';

export const INVARIANCE: readonly Draft[] = [
  ...LEARNERS.flatMap(draftsOf),
  // PAIR has no λ; a preference between its objectives takes its place.
  {
    id: 'cmnist-pair',
    task: 'cmnist',
    method: 'PAIR (Chen et al. 2023)',
    config: 'cmnist-pair',
    seeds: 1,
    stage: STAGES.studies,
    places: [{ section: 'learners' }],
  },
  ...OWN.map(
    ({ name, label, change, seeds = 1 }): Draft => ({
      id: `cmnist-glean-${name}`,
      task: 'cmnist',
      method: `${OWN_SERIES}, ${label}`,
      config: 'cmnist',
      change,
      seeds,
      stage: STAGES.studies,
      places: [{ section: 'sensitivity', series: OWN_SERIES, label }],
    }),
  ),
];
