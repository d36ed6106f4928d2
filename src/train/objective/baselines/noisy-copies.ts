/** Several noisy copies of each image of a batch, which the baselines train on. */
import { STEP_STREAMS } from '../../../certify-runtime/smoothing/streams.ts';
import { tf } from '../../tfjs.ts';
import type { Model, StepContext } from '../objective.ts';

/**
 * y_i = f(x + σε_i), ε_i ~ N(0, I), i = 1 … copies: images [N, H, W, C] → logits [copies, N, K]. Seed and step decide
 * the noise, so it is the same each time within a step: an attack and the loss after it see the same noise.
 */
export function noisyLogits(
  model: Model,
  images: tf.Tensor4D,
  { sigma, copies }: { readonly sigma: number; readonly copies: number },
  context: StepContext,
): tf.Tensor3D {
  const [n, ...shape] = images.shape;
  const noise = tf.mul(context.normal([copies, n, ...shape], STEP_STREAMS.noise), sigma);
  const noisy = tf.reshape(tf.add(tf.expandDims(images, 0), noise), [copies * n, ...shape]) as tf.Tensor4D;
  const logits = model.classify(model.encode(noisy));
  return tf.reshape(logits, [copies, n, logits.shape[1]]);
}

/** Mean cross-entropy of logits [copies, N, K] against targets [N, K]. */
export function meanCrossEntropy(logits: tf.Tensor3D, targets: tf.Tensor2D): tf.Scalar {
  return logits.logSoftmax().mul(targets).sum(2).mean().neg() as tf.Scalar;
}
