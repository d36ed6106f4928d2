/** MACER (Zhai et al., ICLR 2020): the smoothed classifier's certified radius itself is maximised, up to a limit. */
import { normalQuantile } from '../../../certify-runtime/smoothing/normal.ts';
import { tf } from '../../tfjs.ts';
import type { Objective } from '../objective.ts';
import type { BaselineOf } from './baseline-config.ts';
import { meanCrossEntropy, noisyLogits } from './noisy-copies.ts';

/** Φ⁻¹ of each probability. Gradient: dx/dp = 1/φ(x) = √(2π)·exp(x²/2). */
const quantile = tf.customGrad((p, save) => {
  const x = tf.tensor1d(Float32Array.from((p as tf.Tensor).dataSync(), normalQuantile));
  (save as tf.GradSaveFunc)([x]);
  return {
    value: x,
    gradFunc: (dy, [saved]) => tf.mul(dy, tf.mul(tf.exp(tf.div(tf.square(saved!), 2)), Math.sqrt(2 * Math.PI))),
  };
}) as (p: tf.Tensor1D) => tf.Tensor1D;

/** −log(F̄_y + 1e-10), mean over x; F̄ = the mean softmax of the copies. `logits` [k, N, K]. */
export function smoothedCrossEntropy(logits: tf.Tensor3D, targets: tf.Tensor2D): tf.Scalar {
  const right = tf.sum(tf.mul(tf.mean(tf.softmax(logits), 0), targets), 1);
  return tf.neg(tf.mean(tf.log(tf.add(right, 1e-10)))) as tf.Scalar;
}

/**
 * (1/N) Σ (σ/2)·(γ − ξ), ξ = Φ⁻¹(F̄ᵝ_y) − Φ⁻¹(max_{k≠y} F̄ᵝ_k), over the images that are right (ξ > 0) and not yet at
 * the limit (ξ ≤ γ); F̄ᵝ is the mean of softmax(β·y_i) over the copies. Algorithm 1 of the paper, in the form of the
 * authors' code.
 */
export function robustnessLoss(
  logits: tf.Tensor3D,
  targets: tf.Tensor2D,
  { sigma, beta, gamma }: { readonly sigma: number; readonly beta: number; readonly gamma: number },
): tf.Scalar {
  const mean = tf.mean(tf.softmax(tf.mul(logits, beta)), 0);
  const right = tf.sum(tf.mul(mean, targets), 1) as tf.Tensor1D;
  const other = tf.max(tf.sub(mean, tf.mul(targets, 2)), 1) as tf.Tensor1D;
  const others = other.dataSync();
  const counts = right.dataSync().map((p, i) => {
    // A diverged network has no radius; the classification loss is then NaN and reports it.
    if (Number.isNaN(p)) return 0;
    // A mean of float32 softmaxes may exceed 1 by rounding; at 1 the radius is infinite and the image is at its limit.
    const xi = normalQuantile(Math.min(1, p)) - normalQuantile(Math.min(1, others[i]!));
    return xi > 0 && xi <= gamma ? 1 : 0;
  });
  const mask = tf.tensor1d(counts).toBool();
  const half = tf.fill(right.shape, 0.5) as tf.Tensor1D;
  const xi = tf.sub(quantile(tf.where(mask, right, half)), quantile(tf.where(mask, other, half)));
  const hinge = tf.mul(tf.sub(gamma, xi), mask.toFloat());
  return tf.mul(tf.mean(hinge), sigma / 2) as tf.Scalar;
}

export function macerObjective(config: BaselineOf<'macer'>): Objective {
  return {
    loss(model, { images, targets }, context) {
      const logits = noisyLogits(model, images, config, context);
      const classification = smoothedCrossEntropy(logits, targets);
      const penalty = robustnessLoss(logits, targets, config);
      const lambda = context.step < config.from ? 0 : config.weight;
      const loss = tf.add(classification, tf.mul(penalty, lambda)) as tf.Scalar;
      return { loss, lambda, risks: [meanCrossEntropy(logits, targets)], penalty };
    },
  };
}
