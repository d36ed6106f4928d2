/** The IRM penalty (IRMv1): how far a scale of 1 is from optimal for the head, in each environment. */
import { tf } from '../../tfjs.ts';
import type { EnvironmentAnswers } from './penalty.ts';

/**
 * Σ_e (dR_e(w·y)/dw at w = 1)², Arjovsky et al., Invariant Risk Minimization, 2019, section 3.1; GLEAN, eq. 8.
 *
 * dR(w·y)/dw at w = 1 is the mean of Σ_k y_k·∂ℓ/∂y_k, which the risk gives in closed form, so that first-order
 * differentiation of the penalty is enough.
 */
export function irmPenalty(environments: readonly EnvironmentAnswers[]): tf.Scalar {
  return tf.addN(
    environments.map(({ logits, gradients }) => tf.square(tf.mean(tf.sum(tf.mul(gradients, logits), 1)))),
  ) as tf.Scalar;
}
