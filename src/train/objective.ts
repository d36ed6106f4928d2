/** The IRM objective, Σ_d R_d(β∘Ψ) + λ·‖∇_{w|w=1} R_d(w·β∘Ψ)‖² (Arjovsky et al. 2019; GLEAN, eq. 8). */
import type { TrainConfig } from './config.ts';
import { tf } from './tfjs.ts';

export interface Risk {
  /** R = mean cross-entropy of softmax(y) against the labels. */
  readonly risk: tf.Scalar;
  /** (dR(w·y)/dw at w = 1)². */
  readonly penalty: tf.Scalar;
}

/**
 * Risk and IRM penalty of one environment. `logits` [N, K], `targets` [N, K] one-hot.
 *
 * The inner derivative has a closed form for cross-entropy: d/dw CE(softmax(w·y), t) = Σ_k (softmax(w·y)_k − t_k)·y_k,
 * so first-order differentiation of the penalty is enough.
 */
export function irmRisk(logits: tf.Tensor2D, targets: tf.Tensor2D): Risk {
  const logProbabilities = tf.logSoftmax(logits);
  const risk = tf.neg(tf.mean(tf.sum(tf.mul(targets, logProbabilities), 1))) as tf.Scalar;
  const residual = tf.sub(tf.exp(logProbabilities), targets);
  const derivative = tf.mean(tf.sum(tf.mul(residual, logits), 1));
  return { risk, penalty: tf.square(derivative) as tf.Scalar };
}

/** λ at a step: a small weight first, while features are found, then the full one. */
export function penaltyWeight(irm: TrainConfig['objective']['irm'], step: number): number {
  return step < irm.warmup ? irm.before : irm.weight;
}

/**
 * Σ_d R_d + λ·penalty_d, divided by λ where λ > 1, so that a sudden λ of 10 000 does not blow up the step (as in
 * Arjovsky's own code).
 */
export function objective(risks: readonly Risk[], lambda: number): tf.Scalar {
  const total = tf.add(
    tf.addN(risks.map(({ risk }) => risk)),
    tf.mul(tf.addN(risks.map(({ penalty }) => penalty)), lambda),
  );
  return (lambda > 1 ? tf.div(total, lambda) : total) as tf.Scalar;
}
