/** Consistency regularisation (Jeong & Shin, NeurIPS 2020): noisy copies of an image should get the same answer. */
import { tf } from '../../tfjs.ts';
import type { Objective } from '../objective.ts';
import type { BaselineOf } from './baseline-config.ts';
import { meanCrossEntropy, noisyLogits } from './noisy-copies.ts';

/** Probabilities below this are raised to it before the logarithm, as in the authors' code. */
const SMALLEST = 1e-20;

/**
 * mean over x of λ·(1/m) Σ_i KL(F̄ ‖ F_i) + η·H(F̄), F_i = softmax(y_i), F̄ = (1/m) Σ_i F_i.
 * `logits` [m, N, K]. Equation 8 of the paper, in the form of the authors' code.
 */
export function consistencyPenalty(logits: tf.Tensor3D, weight: number, entropy: number): tf.Scalar {
  const mean = tf.mean(tf.softmax(logits), 0);
  const negativeEntropy = tf.sum(tf.mul(mean, tf.log(tf.maximum(mean, SMALLEST))), 1);
  const cross = tf.sum(tf.mul(mean, tf.mean(tf.logSoftmax(logits), 0)), 1);
  const divergence = tf.sub(negativeEntropy, cross);
  return tf.mean(tf.sub(tf.mul(divergence, weight), tf.mul(negativeEntropy, entropy))) as tf.Scalar;
}

export function consistencyObjective(config: BaselineOf<'consistency'>): Objective {
  return {
    loss(model, { images, targets }, context) {
      const logits = noisyLogits(model, images, config, context);
      const risk = meanCrossEntropy(logits, targets);
      const penalty = consistencyPenalty(logits, config.weight, config.entropy);
      return { loss: tf.add(risk, penalty) as tf.Scalar, lambda: 1, risks: [risk], penalty };
    },
  };
}
