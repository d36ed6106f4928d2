/**
 * The images that a second opinion looks at: known ones, random ones, and ones that are likely to expose a difference.
 */

import { createRandom, type Random } from '../smoothing/random.ts';
import { SEEDS } from '../smoothing/streams.ts';

/** There may be many known vectors; a few of them are enough. */
const MAX_KNOWN = 4;

/** A share just inside the norm up to which everything is claimed to hold. */
const NEARLY = 0.999;

type Pixel = (random: Random, i: number) => number;

/** Pixels on [0, 1], the most telling first, so that every network sees some of each kind. */
const INSIDE: readonly Pixel[] = [
  (random) => random.uniform(),
  () => 1,
  (random) => random.uint32() & 1,
  () => 0,
  // In a constant image, the pairs of GroupSort and the windows of MaxPool tie; close to it all pieces of a network
  // meet.
  (random) => 0.5 + 2 ** -10 * (random.uniform() - 0.5),
  (random) => random.uniform(),
  () => 0.62,
  // Subnormal numbers, and the smallest normal one.
  () => 2 ** -140,
  () => 2 ** -126,
  (random) => random.uniform() * 2 ** -120,
  (_, i) => i & 1,
  (random) => (random.uniform() < 0.05 ? 1 : 0),
  (random) => random.uniform() ** 4,
  (random) => random.uint32() & 1,
  (random) => random.uniform(),
];

/** Images off [0, 1], because claims hold for every image; those with the flag are brought to the largest norm. */
const BEYOND: readonly (readonly [pixel: Pixel, largest: boolean])[] = [
  [() => 1, true],
  [(random) => random.normal(), true],
  [(_, i) => (i & 1) * 2 - 1, true],
  [(random) => random.normal(), false],
  [(_, i) => (i === 0 ? 1 : 0), true],
  [() => -1, true],
  [(random) => 100 * random.normal(), false],
];

/** ‖v‖₂ of float32 values, or of values that are not much larger: their squares neither overflow nor vanish. */
export function norm(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! * values[i]!;
  return Math.sqrt(squares);
}

/** The image, made smaller if its norm is above what anything is claimed for. */
function within(pixels: Float32Array, limit: number, largest: boolean): Float32Array {
  const size = norm(pixels);
  if (size === 0 || (!largest && size <= limit)) return pixels;
  const factor = (NEARLY * limit) / size;
  return pixels.map((pixel) => pixel * factor);
}

/** Takes from the lists in turn, so that a small number has some of each kind. */
function inTurn<T>(...lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

/** At most `count` images of `size` pixels, the same ones every time; none of them has a norm above `limit`. */
export function telling(
  known: readonly Float32Array[],
  size: number,
  limit: number,
  count: number,
): readonly Float32Array[] {
  const make = (pixel: Pixel, largest: boolean) => (place: number) => {
    const random = createRandom(SEEDS.secondOpinion.images, place);
    return within(
      Float32Array.from({ length: size }, (_, i) => pixel(random, i)),
      limit,
      largest,
    );
  };
  return inTurn<(place: number) => Float32Array>(
    known.slice(0, MAX_KNOWN).map((pixels) => () => within(pixels, limit, false)),
    INSIDE.map((pixel) => make(pixel, false)),
    BEYOND.map(([pixel, largest]) => make(pixel, largest)),
  )
    .slice(0, count)
    .map((image, place) => image(place));
}
