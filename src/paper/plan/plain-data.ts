/** Two checks beside the paper: all of Fashion-MNIST, and the baselines where nothing shifts. */
import { type Draft, inSequence, onData, optimizer } from '../draft.ts';
import { BASELINES } from './methods.ts';

export const PLAIN_DATA: readonly Draft[] = [
  ...BASELINES.map(
    ({ name, title, short }): Draft => ({
      id: `mnist-${name}`,
      task: 'mnist',
      method: title,
      short,
      config: `mnist-${name}`,
      seeds: 1,
      stage: 1,
      places: [{ section: 'mnist' }],
    }),
  ),
  {
    id: 'fashion-glean',
    task: 'fashion',
    method: 'GLEAN, inferred environments',
    config: 'cmnist',
    change: inSequence(onData({ name: 'fashion' }), optimizer({ perEnvironment: 1000 })),
    seeds: 1,
    stage: 1,
    places: [{ section: 'fashion' }],
  },
];
