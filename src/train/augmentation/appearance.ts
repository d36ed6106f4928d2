/** What an image looks like apart from its shapes: random convolutions and colours, on a batch of float images. */
import type { Random } from '../../certify-runtime/smoothing/random.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { TrainConfig } from '../config.ts';
import type { tf } from '../tfjs.ts';
import { drawColours, recolour } from './colours.ts';
import { convolveRandomly } from './random-convolution.ts';

type Augmentation = TrainConfig['augmentation'];

/** @throws InputError if the images have not the size or the channels that the augmentation needs */
export function checkAppearance({ convolution, colour }: Augmentation, shape: readonly [number, number, number]): void {
  const [height, width, channels] = shape;
  const largest = Math.max(0, ...(convolution?.sizes ?? []));
  // At the border an image is mirrored once.
  if ((largest - 1) / 2 > Math.min(height, width)) {
    throw new InputError(
      `augmentation.convolution.sizes: found ${largest}, expected kernels that fit images of ${height}×${width} pixels`,
      { found: largest, shape },
    );
  }
  if (colour !== undefined && colour.hue > 0 && channels !== 3) {
    throw new InputError(
      `augmentation.colour.hue turns red, green and blue, but the images have ${channels} channels; leave hue out`,
      { channels },
    );
  }
}

/** `images` [N, H, W, C] on [0, 1], as the augmentation changes them; themselves if it does not. */
export function changeAppearance(
  images: tf.Tensor4D,
  { convolution, colour, grey = 0 }: Augmentation,
  random: Random,
): tf.Tensor4D {
  const [n, , , channels] = images.shape;
  const convolved = convolution === undefined ? images : convolveRandomly(images, convolution, random);
  if (colour === undefined && grey === 0) return convolved;
  return recolour(
    convolved,
    Array.from({ length: n }, () => drawColours(channels, colour, grey, random)),
  );
}
