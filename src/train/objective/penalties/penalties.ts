/** The invariance penalties by the names configurations use. */
import type { tf } from '../../tfjs.ts';
import { fishrPenalty } from './fishr.ts';
import { ibIrmPenalty } from './ib-irm.ts';
import type { PenaltyConfig } from '../invariance-config.ts';
import { irmPenalty } from './irm.ts';
import { vrexPenalty } from './vrex.ts';

/** What the network answers in one environment. */
export interface EnvironmentAnswers {
  /** z with its noise, [n, d]. */
  readonly latent: tf.Tensor2D;
  /** y, [n, K]. */
  readonly logits: tf.Tensor2D;
  /** ∂ℓ/∂y, [n, K]. */
  readonly gradients: tf.Tensor2D;
  /** R_e, the mean of ℓ. */
  readonly risk: tf.Scalar;
}

/** A differentiable penalty over the environments. */
export type Penalty = (environments: readonly EnvironmentAnswers[]) => tf.Scalar;

/** A penalty of a weight that is a setting. */
export type ScheduledPenalty = Exclude<PenaltyConfig, { readonly kind: 'pair' }>;

/** The penalty of a configuration. */
export function createPenalty(config: ScheduledPenalty): Penalty {
  switch (config.kind) {
    case 'irm':
      return irmPenalty;
    case 'vrex':
      return vrexPenalty;
    case 'ib-irm':
      return (environments) => ibIrmPenalty(environments, config.bottleneck);
    case 'fishr':
      return fishrPenalty;
  }
}
