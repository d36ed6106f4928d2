/** The Fishr penalty: environments should have the same variance of the head's gradients. */
import { tf } from '../../tfjs.ts';
import type { EnvironmentAnswers } from './penalty.ts';

/**
 * Variance over the images of the gradient of ℓ in the head's weights and bias, (g ⊗ [z, 1]) with g = ∂ℓ/∂y: mean
 * g²⊗[z, 1]² − (mean g⊗[z, 1])², [d + 1, K]; it never holds a gradient per image in memory.
 */
export function gradientVariance({ latent, gradients }: EnvironmentAnswers): tf.Tensor2D {
  const n = latent.shape[0];
  const inputs = tf.concat2d([latent, tf.ones([n, 1])], 1);
  const mean = tf.div(tf.matMul(inputs, gradients, true), n);
  const meanSquare = tf.div(tf.matMul(tf.square(inputs), tf.square(gradients), true), n);
  return tf.sub(meanSquare, tf.square(mean)) as tf.Tensor2D;
}

/**
 * mean_e ‖v_e − mean v‖², v_e the variances of environment e. Rame, Dancette & Cord, Fishr: Invariant Gradient
 * Variances for Out-of-Distribution Generalization, ICML 2022, eq. 4, but without the authors' moving average over
 * steps.
 */
export function fishrPenalty(environments: readonly EnvironmentAnswers[]): tf.Scalar {
  const variances = tf.stack(environments.map(gradientVariance));
  return tf.sum(tf.moments(variances, 0).variance) as tf.Scalar;
}
