/** Gaussian augmentation: the cross-entropy at x + ε, ε ~ N(0, σ²I). Cohen, Rosenfeld & Kolter, ICML 2019. */

import type { Objective } from '../objective.ts';
import type { BaselineOf } from './baseline-config.ts';
import { meanCrossEntropy, noisyLogits } from './noisy-copies.ts';

export function gaussianObjective({ sigma }: BaselineOf<'gaussian'>): Objective {
  return {
    loss(model, { images, targets }, context) {
      const risk = meanCrossEntropy(noisyLogits(model, images, { sigma, copies: 1 }, context), targets);
      return { loss: risk, lambda: 0, risks: [risk] };
    },
  };
}
