/** Images as callers give them, checked against the model's shape. */

import { InputError } from '../trusted/errors.ts';

/** Bytes, which a model sees as byte/255, or float32 pixels on [0, 1]. */
export type Pixels = Uint8Array | Uint8ClampedArray | Float32Array;

/**
 * H·W·C interleaved pixels: bare, with their shape, or with width and height (a browser's ImageData). If there is one
 * channel more than the model's one or three, it is alpha, and the colours are laid over black.
 */
export type PixelImage =
  | Pixels
  | { readonly data: Pixels; readonly shape: readonly [height: number, width: number, channels: number] }
  | { readonly data: Pixels; readonly width: number; readonly height: number };

export function isPixels(value: unknown): value is Pixels {
  return value instanceof Uint8Array || value instanceof Float32Array || value instanceof Uint8ClampedArray;
}

export function isPixelImage(image: unknown): image is PixelImage {
  return isPixels(image) || (typeof image === 'object' && image !== null && 'data' in image && isPixels(image.data));
}

/**
 * The H·W·C values of an image.
 *
 * @throws InputError if it is not of the model's shape
 */
export function pixelsOf(image: PixelImage, shape: readonly number[], size: number): Pixels {
  if (isPixels(image)) {
    if (image.length === size) return image;
    throw new InputError(`expected ${shape.join('×')} = ${size} pixels, got ${image.length}`, {
      found: image.length,
      expected: size,
    });
  }
  const { data } = image;
  const found =
    'shape' in image ? image.shape : [image.height, image.width, data.length / (image.width * image.height)];
  const [height, width, channels] = shape;
  const alpha = channels === 1 || channels === 3 ? channels + 1 : channels;
  const fits = found.length === 3 && found[0] === height && found[1] === width;
  if (!fits || (found[2] !== channels && found[2] !== alpha)) {
    throw new InputError(`expected an image of ${shape.join('×')} (height×width×channels), got ${found.join('×')}`, {
      found,
      expected: shape,
    });
  }
  const length = found.reduce((product, dim) => product * dim, 1);
  if (data.length !== length) {
    throw new InputError(`an image of ${found.join('×')} has ${length} values, got ${data.length}`, {
      found: data.length,
      expected: length,
    });
  }
  return found[2] === channels ? data : overBlack(data, channels!);
}

/** Each colour times its alpha, with the alpha dropped: what the picture looks like on black. */
function overBlack(data: Pixels, channels: number): Pixels {
  const count = data.length / (channels + 1);
  const floats = data instanceof Float32Array;
  const result = floats ? new Float32Array(count * channels) : new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    const alpha = data[i * (channels + 1) + channels]!;
    for (let c = 0; c < channels; c++) {
      const value = data[i * (channels + 1) + c]!;
      result[i * channels + c] = floats ? value * alpha : Math.round((value * alpha) / 255);
    }
  }
  return result;
}
