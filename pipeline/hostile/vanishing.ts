/** Images so small that the squares of their pixels vanish, and with them the norm that the head compares. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase } from './case.ts';

/** The largest pixel behind the first Clip: float32 has no number for its square, 2⁻¹⁵⁰, but 0. */
const PIXEL = 2 ** -75;
const BELOW = PIXEL * (1 - 2 ** -24);

/** Where the latent is clipped, so that it is finite where a product overflowed. */
const LIMIT = 2 ** 119;
/** What separates the classes: below LIMIT by so little that the head of format 3 has a radius above it, too. */
const BETWEEN = (61 / 64) * LIMIT;
const WEIGHT = 2 ** -85;

/**
 * 2¹⁹³·x₀, by way of 2²⁰³·x₀, which is infinite for PIXEL and finite one unit in the last place below it: the latent is
 * LIMIT or LIMIT/2. As maxImageNorm is 2⁻⁷⁷, no radius holds for such images, but the head finds their norm to be 0.
 */
const edge =
  (classes: number) =>
  (b: GraphBuilder): string => {
    const times = (x: string, ...column: readonly number[]) =>
      b.node('MatMul', [x, b.floats([column.length, 1], column)]);
    const small = b.node('Clip', [flat(b, 2), b.floats([], [0]), b.floats([], [PIXEL])]);
    const product = times(times(times(small, 2 ** 101, 0), 2 ** 102), 2 ** -10);
    const latent = b.node('Clip', [product, b.floats([], [-LIMIT]), b.floats([], [LIMIT])]);
    const rows = Array.from({ length: classes }, (_, i) => (i === 0 ? WEIGHT : -WEIGHT));
    const bias = rows.map((w) => -w * BETWEEN);
    return b.node('Gemm', [latent, b.floats([classes, 1], rows), b.floats([classes], bias)], { transB: 1 });
  };

const beyond = (classes: number): HostileCase => ({
  id: `9-vanishing-${classes}`,
  kind: 'squares of pixels that vanish',
  what: `a norm of 0 for images far beyond maxImageNorm, ${classes} classes`,
  shape: [1, 1, 2],
  build: edge(classes),
  images: [
    [PIXEL, PIXEL],
    [BELOW, BELOW],
  ],
});

export const vanishing: readonly HostileCase[] = [beyond(2), beyond(13)];
