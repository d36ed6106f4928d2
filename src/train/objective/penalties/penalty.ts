/** What an invariance penalty is, and what it is computed from. */
import type { tf } from '../../tfjs.ts';

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
