/** Images that nobody gives: for known vectors (noise, two gradients, and a flat grey), and for comparisons. */
import { createRandom, uniformInt } from '../../certify-runtime/smoothing/random.ts';
import { SEEDS } from '../../certify-runtime/smoothing/streams.ts';

/** Images of noise on which a sealed network is compared with the original, besides its known vectors. */
export function comparisonImages(shape: readonly number[], count: number): Float32Array[] {
  const random = createRandom(SEEDS.comparison.noise);
  const size = shape.reduce((product, length) => product * length, 1);
  return Array.from({ length: count }, () => Float32Array.from({ length: size }, () => uniformInt(256, random) / 255));
}

export function testPatterns([height, width, channels]: readonly [number, number, number]): Uint8Array[] {
  const random = createRandom(SEEDS.knownVectors.noise);
  const fill = (value: (row: number, column: number, channel: number) => number) =>
    Uint8Array.from({ length: height * width * channels }, (_, i) => {
      const place = Math.floor(i / channels);
      return value(Math.floor(place / width), place % width, i % channels);
    });
  return [
    fill(() => uniformInt(256, random)),
    fill((_, column) => Math.round((255 * column) / Math.max(1, width - 1))),
    fill((row, _, channel) =>
      Math.round((255 * (channel % 2 === 0 ? row : height - 1 - row)) / Math.max(1, height - 1)),
    ),
    fill(() => 128),
  ];
}
