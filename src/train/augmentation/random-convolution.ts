/**
 * Random convolutions: a picture keeps its shapes and loses its colours and textures. Xu, Liu, Yang, Raffel & Niethammer,
 * Robust and Generalizable Visual Representation Learning via Random Convolutions, ICLR 2021.
 */
import { type Random, uniformInt } from '../../certify-runtime/smoothing/random.ts';
import type { TrainConfig } from '../config.ts';
import { tf } from '../tfjs.ts';

/**
 * x ↦ x + w·(s(K∗x) − x). K is one k×k kernel from all channels to all channels, with k drawn from `sizes` and entries
 * from N(0, 1), the same for the whole batch, as in the paper: all environments of a step see the same one. For each
 * image, w is 0, or, with `probability`, 1 or (`mixing`) uniform on (0, 1). At the border the image is mirrored, since
 * zeros would frame it.
 *
 * s maps the values of each image, from the least to the greatest over all channels, onto those of x. The paper scales K
 * instead and lets pixels leave their range; like this, pixels stay on [0, 1], and contrast is what it was, as in
 * Choi et al., Progressive Random Convolutions for Single Domain Generalization, CVPR 2023, which normalises as well.
 *
 * @param images [N, H, W, C] on [0, 1]
 */
export function convolveRandomly(
  images: tf.Tensor4D,
  { probability, sizes, mixing }: NonNullable<TrainConfig['augmentation']['convolution']>,
  random: Random,
): tf.Tensor4D {
  const [n, , , channels] = images.shape;
  const size = sizes[uniformInt(sizes.length, random)]!;
  const kernel = Float32Array.from({ length: size * size * channels * channels }, () => random.normal());
  const weights = Float32Array.from({ length: n }, () => {
    if (random.uniform() >= probability) return 0;
    return mixing ? random.uniform() : 1;
  });
  return tf.tidy(() => {
    const rim = [(size - 1) / 2, (size - 1) / 2] as [number, number];
    const padded = tf.mirrorPad(images, [[0, 0], rim, rim, [0, 0]], 'symmetric');
    const convolved = tf.conv2d(padded, tf.tensor4d(kernel, [size, size, channels, channels]), 1, 'valid');
    const scaled = tf.add(least(images), tf.mul(unitRange(convolved), tf.sub(greatest(images), least(images))));
    const share = tf.tensor4d(weights, [n, 1, 1, 1]);
    return tf.add(images, tf.mul(share, tf.sub(scaled, images))) as tf.Tensor4D;
  });
}

const least = (images: tf.Tensor4D) => tf.min(images, [1, 2, 3], true);
const greatest = (images: tf.Tensor4D) => tf.max(images, [1, 2, 3], true);

/** Each image from its least value, which becomes 0, to its greatest, 1; one that is the same everywhere becomes 0. */
function unitRange(images: tf.Tensor4D): tf.Tensor {
  const low = least(images);
  return tf.divNoNan(tf.sub(images, low), tf.sub(greatest(images), low));
}
