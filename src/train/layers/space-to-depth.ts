/** Space-to-depth: down-sampling that loses nothing. */
import { tf } from '../tfjs.ts';

/** [N, H, W, C] → [N, H/d, W/d, d·d·C], a channel's number being (row in its group, column in its group, channel). */
export function spaceToDepth(x: tf.Tensor4D, down: number): tf.Tensor4D {
  if (down === 1) return x;
  const [n, height, width, channels] = x.shape;
  const grouped = tf.reshape(x, [n, height / down, down, width / down, down, channels]);
  const moved = tf.transpose(grouped, [0, 1, 3, 2, 4, 5]);
  return tf.reshape(moved, [n, height / down, width / down, down * down * channels]) as tf.Tensor4D;
}
