/** The invariance penalties by the names configurations use. */
import type { TrainConfig } from '../config.ts';
import type { tf } from '../tfjs.ts';
import { irmPenalty } from './irm.ts';

/** What the network answers in one environment. */
export interface EnvironmentAnswers {
  /** z with its noise, [n, d]. */
  readonly latent: tf.Tensor2D;
  /** [n, K]. */
  readonly logits: tf.Tensor2D;
  /** [n, K], one-hot. */
  readonly targets: tf.Tensor2D;
  /** Mean cross-entropy. */
  readonly risk: tf.Scalar;
}

/** A differentiable penalty, summed over the environments. */
export type Penalty = (environments: readonly EnvironmentAnswers[]) => tf.Scalar;

type PenaltyConfig = Extract<TrainConfig['objective'], { readonly penalty: unknown }>['penalty'];

/** The penalty of a configuration. */
export function createPenalty(config: PenaltyConfig): Penalty {
  switch (config.kind) {
    case 'irm':
      return irmPenalty;
  }
}
