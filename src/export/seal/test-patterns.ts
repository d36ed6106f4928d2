/** Images for known vectors if none are given: noise, two gradients, and a flat grey. */
import { createRandom, uniformInt } from '../../certify-runtime/smoothing/random.ts';
import { SEEDS } from '../../certify-runtime/smoothing/streams.ts';

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
