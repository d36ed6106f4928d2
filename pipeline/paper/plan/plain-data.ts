/** Two checks beyond the paper: all of Fashion-MNIST, and the baselines where nothing shifts. */
import type { Draft } from '../draft.ts';
import { BASELINES } from './methods.ts';
import { STAGES } from './stages.ts';

export const PLAIN_DATA: readonly Draft[] = [
  ...BASELINES.map(
    ({ name, title, short }): Draft => ({
      id: `mnist-${name}`,
      task: 'mnist',
      method: title,
      short,
      config: `mnist-${name}`,
      seeds: 1,
      stage: STAGES.studies,
      places: [{ section: 'mnist' }],
    }),
  ),
  {
    id: 'fashion-glean',
    task: 'fashion',
    method: 'GLEAN, inferred environments',
    config: 'fashion-full',
    seeds: 1,
    stage: STAGES.studies,
    places: [{ section: 'fashion' }],
  },
];
