/** Activations: GroupSort with groups of two, and ReLU. */
import type { Activation } from '../../export/plain-network.ts';
import { tf } from '../tfjs.ts';

/**
 * MaxMin: (a, b) ↦ (max(a, b), min(a, b)) on the two halves of x's last axis; a sort of pairs, so a permutation of each
 * sample's values: 1-Lipschitz and gradient-norm preserving. Anil, Lucas & Grosse, Sorting Out Lipschitz Function
 * Approximation, ICML 2019.
 */
export function maxMin<T extends tf.Tensor>(x: T): T {
  const axis = x.rank - 1;
  const [a, b] = tf.split(x, 2, axis) as [tf.Tensor, tf.Tensor];
  return tf.concat([tf.maximum(a, b), tf.minimum(a, b)], axis) as T;
}

export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  if (activation === 'none') return x;
  return activation === 'maxMin' ? maxMin(x) : tf.relu(x);
}
