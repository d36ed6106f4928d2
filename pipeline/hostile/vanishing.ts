/** Images so small that the squares of their pixels vanish, and with them the norm that the head compares. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, sparse } from './case.ts';

/** The largest pixel behind the first Clip: float32 has no number for its square, 2⁻¹⁵⁰, but 0. */
const PIXEL = 2 ** -75;
const BELOW = PIXEL * (1 - 2 ** -24);

/** What magnifies the pixels, in two steps. */
const STEP = 2 ** 101;
const LESS = STEP * (1 - 2 ** -24);
/** Where the latent is clipped, so that it is finite where the sum overflows. */
const LIMIT = 1.75 * 2 ** 125;
const WEIGHT = 2 ** -85;

/**
 * x₀ + x₁ − x₂ − x₃, magnified: infinite if x₀ = x₁ = PIXEL, and else finite, so that one unit in the last place decides
 * between LIMIT and nearly 0. Class 0 is that of a latent above LIMIT/2. maxImageNorm is 2⁻⁷⁸, so that no radius holds for
 * such images, but the head finds their norm to be 0.
 */
const edge =
  (classes: number) =>
  (b: GraphBuilder): string => {
    const diagonal = { '0,0': STEP, '1,1': STEP, '2,2': STEP, '3,3': STEP };
    const small = b.node('Clip', [flat(b, 4), b.floats([], [0]), b.floats([], [PIXEL])]);
    const large = b.node('MatMul', [small, b.floats([4, 4], sparse(4, 4, diagonal))]);
    const pairs = { '0,0': STEP, '1,0': STEP, '2,1': -LESS, '3,1': -LESS };
    const two = b.node('MatMul', [large, b.floats([4, 2], sparse(4, 2, pairs))]);
    const sum = b.node('MatMul', [two, b.floats([2, 1], [1, 1])]);
    const latent = b.node('Clip', [sum, b.floats([], [-LIMIT]), b.floats([], [LIMIT])]);
    const rows = Array.from({ length: classes }, (_, i) => (i === 0 ? WEIGHT : -WEIGHT));
    const bias = rows.map((w) => (-w * LIMIT) / 2);
    return b.node('Gemm', [latent, b.floats([classes, 1], rows), b.floats([classes], bias)], { transB: 1 });
  };

const beyond = (classes: number): HostileCase => ({
  id: `9-vanishing-${classes}`,
  kind: 'squares of pixels that vanish',
  what: `a norm of 0 for images far beyond maxImageNorm, ${classes} classes`,
  shape: [1, 1, 4],
  build: edge(classes),
  images: [
    [PIXEL, PIXEL, PIXEL, PIXEL],
    [BELOW, BELOW, BELOW, BELOW],
  ],
});

export const vanishing: readonly HostileCase[] = [beyond(2), beyond(13)];
