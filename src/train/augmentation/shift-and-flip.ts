/** Moves and mirrors training images: changes that the label does not depend on. */
import { type Random, uniformInt } from '../../certify-runtime/smoothing/random.ts';

export interface Motion {
  /** Images are moved by up to this many pixels each way. */
  readonly shift: number;
  /**
   * What fills the space a moved image leaves: its nearest pixel (`edge`), or 0 (`black`, for images drawn on black).
   */
  readonly rim: 'edge' | 'black';
  /** Whether each image is mirrored, left to right, with probability ½. */
  readonly flip: boolean;
}

/**
 * Pixel (x, y) becomes the one at (x − dx, y − dy), with dx and dy uniform on {−shift, …, shift}; if a fair coin says
 * so, the image is mirrored first. For each image in turn, dx and dy are drawn if `shift` > 0, then the coin if `flip`
 * is set: what is not asked for takes no random numbers.
 *
 * @param images N·H·W·C bytes; may be changed
 * @returns as many images, in the same order; `images` itself if nothing moves
 */
export function augment(
  images: Uint8Array,
  shape: readonly [height: number, width: number, channels: number],
  { shift, rim, flip }: Motion,
  random: Random,
): Uint8Array {
  if (shift === 0 && !flip) return images;
  const stride = shape[0] * shape[1] * shape[2];
  const moved = shift === 0 ? images : new Uint8Array(images.length);
  for (let begin = 0; begin < images.length; begin += stride) {
    const dx = shift === 0 ? 0 : uniformInt(2 * shift + 1, random) - shift;
    const dy = shift === 0 ? 0 : uniformInt(2 * shift + 1, random) - shift;
    const image = images.subarray(begin, begin + stride);
    if (flip && uniformInt(2, random) === 1) mirror(image, shape);
    if (shift > 0) move(image, moved.subarray(begin, begin + stride), shape, dx, dy, rim);
  }
  return moved;
}

/** Mirrors the image left to right, in place. */
function mirror(image: Uint8Array, [height, width, channels]: readonly [number, number, number]): void {
  const row = width * channels;
  for (let y = 0; y < height; y++) {
    for (let left = y * row, right = left + row - channels; left < right; left += channels, right -= channels) {
      for (let c = 0; c < channels; c++) {
        const kept = image[left + c]!;
        image[left + c] = image[right + c]!;
        image[right + c] = kept;
      }
    }
  }
}

/** Writes `image`, moved by (dx, dy), to `into`, which is black at first. */
function move(
  image: Uint8Array,
  into: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  dx: number,
  dy: number,
  rim: 'edge' | 'black',
): void {
  const row = width * channels;
  // The columns and rows that come from the image; if none do, all of them repeat the nearest one.
  const [left, right] = [clamp(dx, width), clamp(width + dx, width)];
  const [top, bottom] = [clamp(dy, height), clamp(height + dy, height)];
  if (rim === 'black' && (left === right || top === bottom)) return;
  const [first, last] = top < bottom ? [top, bottom - 1] : top === 0 ? [0, 0] : [height - 1, height - 1];
  for (let y = first; y <= last; y++) {
    const from = clamp(y - dy, height - 1) * row;
    const to = y * row;
    if (left < right)
      into.set(image.subarray(from + (left - dx) * channels, from + (right - dx) * channels), to + left * channels);
    if (rim === 'edge') {
      repeat(into, to, left, image, from, channels);
      repeat(into, to + right * channels, width - right, image, from + row - channels, channels);
    }
  }
  if (rim === 'edge') {
    for (let y = 0; y < first; y++) into.copyWithin(y * row, first * row, (first + 1) * row);
    for (let y = last + 1; y < height; y++) into.copyWithin(y * row, last * row, (last + 1) * row);
  }
}

/** Writes the pixel of `source` at `from` `count` times. */
function repeat(into: Uint8Array, to: number, count: number, source: Uint8Array, from: number, channels: number): void {
  const end = to + count * channels;
  for (let at = to; at < end; at += channels) {
    for (let c = 0; c < channels; c++) into[at + c] = source[from + c]!;
  }
}

/** The number in 0 … `most` that is nearest to `value`. */
function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
