/** Risks: what an environment's answers cost. The invariance penalties work with any of them. */
import { tf } from '../tfjs.ts';
import type { RiskConfig } from './invariance-config.ts';

/** Logits y [n, K] and one-hot targets t [n, K]. */
export interface Risk {
  /** R, the mean of ℓ over the rows. */
  mean(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar;
  /** ∂ℓ/∂y of each row, [n, K], in closed form, which the penalties differentiate once more. */
  gradients(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor2D;
}

/** ℓ = −log softmax(y)_t; ∂ℓ/∂y = softmax(y) − t. */
const crossEntropy: Risk = {
  mean: (logits, targets) => logits.logSoftmax().mul(targets).sum(1).mean().neg() as tf.Scalar,
  gradients: (logits, targets) => tf.sub(tf.softmax(logits), targets) as tf.Tensor2D,
};

/**
 * ℓ = 1 − softmax(y)_t, half the ℓ1 distance of softmax(y) and t; ∂ℓ/∂y = softmax(y)_t·(softmax(y) − t).
 *
 * The losses of all classes add up to a constant, so labels flipped at random, equally often to each class, leave the
 * minimiser where it is (Ghosh, Kumar & Sastry, Robust Loss Functions under Label Noise for Deep Neural Networks,
 * AAAI 2017). With a head of fixed temperature it is a bounded function of the margin, steepest at 0 and flat for
 * margins well beyond 1/τ, which is close to what the average certified radius measures. Use it only with such a head:
 * a free temperature would grow without bound.
 */
const absolute: Risk = {
  mean: (logits, targets) => tf.sub(1, tf.softmax(logits).mul(targets).sum(1).mean()) as tf.Scalar,
  gradients: (logits, targets) => {
    const probabilities = tf.softmax(logits);
    const right = probabilities.mul(targets).sum(1, true);
    return tf.mul(right, tf.sub(probabilities, targets)) as tf.Tensor2D;
  },
};

export function createRisk({ kind }: RiskConfig): Risk {
  switch (kind) {
    case 'cross-entropy':
      return crossEntropy;
    case 'absolute':
      return absolute;
  }
}
