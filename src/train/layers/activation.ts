/** Activations: GroupSort with groups of two, and ReLU. */
import type { Activation } from '../../network/plain-network.ts';
import { tf } from '../tfjs.ts';

/**
 * MaxMin: (a, b) ↦ (max(a, b), min(a, b)) on the two halves of x's last axis; it sorts pairs, so it permutes each
 * sample's values: 1-Lipschitz and gradient-norm preserving. Its gradient is the inverse permutation (in a tie, a comes
 * before b). Anil, Lucas & Grosse, Sorting Out Lipschitz Function Approximation, ICML 2019.
 */
const sortPairs = tf.customGrad<tf.Tensor>((x, save) => {
  const axis = (x as tf.Tensor).rank - 1;
  const [a, b] = tf.split(x as tf.Tensor, 2, axis) as [tf.Tensor, tf.Tensor];
  const ordered = tf.greaterEqual(a, b);
  (save as tf.GradSaveFunc)([ordered]);
  return {
    value: tf.concat([tf.maximum(a, b), tf.minimum(a, b)], axis),
    gradFunc: (dy, saved) => {
      const [large, small] = tf.split(dy as tf.Tensor, 2, axis) as [tf.Tensor, tf.Tensor];
      return tf.concat([tf.where(saved[0]!, large, small), tf.where(saved[0]!, small, large)], axis);
    },
  };
});

export const maxMin = sortPairs as <T extends tf.Tensor>(x: T) => T;

export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  if (activation === 'none') return x;
  return activation === 'maxMin' ? maxMin(x) : tf.relu(x);
}
