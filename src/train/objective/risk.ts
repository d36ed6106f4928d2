/** Risks: what an environment's answers cost. The invariance penalties work with any of them. */
import { tf } from '../tfjs.ts';
import type { RiskConfig } from './invariance-config.ts';

/** Logits y [n, K] and one-hot targets t [n, K]; a risk R is the mean of ℓ over an environment's rows. */
export interface Risk {
  /** ℓ of each row, [n]. */
  losses(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor1D;
  /** ∂ℓ/∂y of each row, [n, K], in closed form, which the penalties differentiate once more. */
  gradients(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor2D;
}

/** ℓ = −log softmax(y)_t; ∂ℓ/∂y = softmax(y) − t. */
const crossEntropy: Risk = {
  losses: (logits, targets) => logits.logSoftmax().mul(targets).sum(1).neg() as tf.Tensor1D,
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
  losses: (logits, targets) => tf.sub(1, tf.softmax(logits).mul(targets).sum(1)) as tf.Tensor1D,
  gradients: (logits, targets) => {
    const probabilities = tf.softmax(logits);
    const right = probabilities.mul(targets).sum(1, true);
    return tf.mul(right, tf.sub(probabilities, targets)) as tf.Tensor2D;
  },
};

/**
 * ℓ = (1 − p^q)/q with p = softmax(y)_t; ∂ℓ/∂y = p^q·(softmax(y) − t).
 *
 * It lies between cross-entropy (q → 0) and the absolute risk (q = 1): an image that the network cannot get right weighs
 * p^q of what it would under cross-entropy, so that the small slope of a Lipschitz network is not spent on it, and the
 * start is not as flat as under the absolute risk. Zhang & Sabuncu, Generalized Cross Entropy Loss for Training Deep
 * Neural Networks with Noisy Labels, NeurIPS 2018, equation 6.
 */
function generalizedCrossEntropy(q: number): Risk {
  const power = (logits: tf.Tensor2D, targets: tf.Tensor2D) => logits.logSoftmax().mul(targets).sum(1).mul(q).exp();
  return {
    losses: (logits, targets) => tf.div(tf.sub(1, power(logits, targets)), q) as tf.Tensor1D,
    gradients: (logits, targets) =>
      tf.mul(power(logits, targets).expandDims(1), tf.sub(tf.softmax(logits), targets)) as tf.Tensor2D,
  };
}

/**
 * ℓ = −log softmax(y − s·t)_t with s = τ·offset; ∂ℓ/∂y = softmax(y − s·t) − t.
 *
 * With two classes, ℓ = log(1 + exp(−τ·(r − offset))): the cross-entropy of the radius r = (y_t − y_j)/τ less an offset,
 * at the head's temperature. A steep τ leaves alone what is certified well beyond the offset, and spends the network's
 * small slope on what is near it. Prach & Lampert, Almost-Orthogonal Layers for Efficient General-Purpose Lipschitz
 * Networks, ECCV 2022, section 5.
 */
function offsetCrossEntropy(shift: number): Risk {
  const moved = (logits: tf.Tensor2D, targets: tf.Tensor2D) => tf.sub(logits, tf.mul(targets, shift)) as tf.Tensor2D;
  return {
    losses: (logits, targets) => crossEntropy.losses(moved(logits, targets), targets),
    gradients: (logits, targets) => crossEntropy.gradients(moved(logits, targets), targets),
  };
}

/** @param temperature τ of the head, if it is fixed */
export function createRisk(config: RiskConfig, temperature = 1): Risk {
  switch (config.kind) {
    case 'offset':
      return offsetCrossEntropy(temperature * config.offset);
    case 'generalized-cross-entropy':
      return generalizedCrossEntropy(config.q);
    case 'cross-entropy':
      return crossEntropy;
    case 'absolute':
      return absolute;
  }
}
