/** The IRM penalty (IRMv1): how far a scale of 1 is from optimal for the head, in each environment. */
import { tf } from '../tfjs.ts';
import type { EnvironmentAnswers } from './penalties.ts';

/**
 * Σ_e (dR_e(w·y)/dw at w = 1)², Arjovsky et al., Invariant Risk Minimization, 2019, section 3.1; GLEAN, eq. 8.
 *
 * The inner derivative has a closed form for cross-entropy: d/dw CE(softmax(w·y), t) = Σ_k (softmax(w·y)_k − t_k)·y_k,
 * so first-order differentiation of the penalty is enough.
 */
export function irmPenalty(environments: readonly EnvironmentAnswers[]): tf.Scalar {
  return tf.addN(
    environments.map(({ logits, targets }) => {
      const residual = tf.sub(tf.softmax(logits), targets);
      return tf.square(tf.mean(tf.sum(tf.mul(residual, logits), 1)));
    }),
  ) as tf.Scalar;
}
