/** Pictures through a convolutional encoder: avatars in the place of CelebA, emoji in that of DomainNet. */
import { type Draft, givenDomains, inSequence, objectiveOf, onData, penalty, unconstrained } from '../draft.ts';
import type { Task } from '../experiment.ts';
import { BASELINES } from './methods.ts';

/** One configuration for all three; the methods differ in their objectives only. */
const CONFIG = 'avatars';

function rowsOf(
  task: Task,
  data: Readonly<Record<string, unknown>>,
  seeds: number,
  ablated: boolean,
): readonly Draft[] {
  const on = onData(data);
  const ablation = ablated ? [{ section: 'ablation' } as const] : [];
  return [
    {
      id: `${task}-glean`,
      task,
      method: 'GLEAN, inferred environments',
      short: 'GLEAN',
      config: CONFIG,
      change: on,
      seeds,
      stage: 0,
      places: [{ section: 'main' }, ...ablation],
    },
    {
      id: `${task}-irm`,
      task,
      method: "GLEAN with the paper's IRM, given domains",
      short: "the paper's IRM",
      config: CONFIG,
      change: inSequence(on, givenDomains, penalty({ kind: 'irm', weight: 10_000, before: 1, warmup: 100 })),
      seeds,
      stage: 0,
      places: [{ section: 'main' }, ...ablation],
    },
    ...BASELINES.map(
      ({ name, title }): Draft => ({
        id: `${task}-${name}`,
        task,
        method: title,
        short: title.replace(/ \(.*/, ''),
        config: CONFIG,
        change: inSequence(on, unconstrained, objectiveOf(`cmnist-${name}`)),
        seeds,
        stage: 0,
        places: [{ section: 'main' }],
      }),
    ),
    ...(ablated
      ? [
          {
            id: `${task}-erm`,
            task,
            method: 'without invariance (λ = 0)',
            short: 'λ = 0',
            config: CONFIG,
            change: inSequence(on, givenDomains, penalty({ kind: 'irm', weight: 0, before: 0, warmup: 0 })),
            seeds,
            stage: 2,
            places: ablation,
          } satisfies Draft,
          {
            id: `${task}-unconstrained`,
            task,
            method: 'without the Lipschitz constraint',
            short: 'no constraint',
            config: CONFIG,
            change: inSequence(on, unconstrained),
            seeds,
            stage: 2,
            places: ablation,
          } satisfies Draft,
        ]
      : []),
  ];
}

export const PICTURES: readonly Draft[] = [
  ...rowsOf('avatars', { name: 'avatars' }, 3, true),
  ...rowsOf('animals', { name: 'emoji-cue' }, 3, true),
  ...rowsOf('emoji', { name: 'emoji' }, 3, false),
];
