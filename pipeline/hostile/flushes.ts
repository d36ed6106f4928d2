/** Kind 5: a value that may be flushed to zero, and that a later factor magnifies. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, ones, sides } from './case.ts';

const KIND = 'flush to zero magnified';
const fours = (value: number): number[] => Array<number>(4).fill(value);

const flush = (id: string, what: string, build: HostileCase['build'], images?: HostileCase['images']): HostileCase => ({
  id,
  kind: KIND,
  what,
  shape: [1, 1, 4],
  build,
  ...(images === undefined ? {} : { images }),
});

/** The image through a BatchNormalization of four channels with this γ, mean 0 and variance. */
const normalised = (b: GraphBuilder, x: string, gamma: number, variance: number): string => {
  const [scale, zero, spread] = [b.floats([4], fours(gamma)), b.floats([4], fours(0)), b.floats([4], fours(variance))];
  return b.node('BatchNormalization', [x, scale, zero, zero, spread], { epsilon: { float: 0 } });
};

const SMALL = [fours(4e-6), fours(6e-6)];

export const flushes: readonly HostileCase[] = [
  flush('5-weights-alpha', 'weights of 1e-39, subnormal, and an alpha of 1e38', (b) =>
    sides(b, b.node('Gemm', [flat(b, 4), b.floats([4, 1], fours(1e-39))], { alpha: { float: 1e38 } }), [10], 1),
  ),
  flush('5-constant-beta', 'a C of 1e-39, subnormal, and a beta of 1e38', (b) => {
    const product = b.node('Gemm', [flat(b, 4), b.floats([4, 1], fours(0.05)), b.floats([1], [1e-39])], {
      beta: { float: 1e38 },
    });
    return sides(b, product, [10], 1.5);
  }),
  flush('5-alpha', 'an alpha of 1e-39, subnormal, and weights of 1e38', (b) =>
    sides(b, b.node('Gemm', [flat(b, 4), b.floats([4, 1], fours(1e38 / 8))], { alpha: { float: 1e-39 } }), [80], 1),
  ),
  flush('5-beta', 'a beta of 1e-39, subnormal, and a C of 1e38', (b) => {
    const product = b.node('Gemm', [flat(b, 4), b.floats([4, 1], fours(0.05)), b.floats([1], [1e37])], {
      beta: { float: 1e-39 },
    });
    return sides(b, product, [100], 5.5);
  }),
  flush(
    '5-products-alpha',
    'products of pixels and weights are subnormal before an alpha of 1e30',
    (b) => {
      const product = b.node('Gemm', [flat(b, 4), b.floats([4, 1], fours(1e-33))], { alpha: { float: 1e30 } });
      return sides(b, product, [1e6], 2e-2);
    },
    SMALL,
  ),
  flush(
    '5-mul-matmul',
    'Mul by 1e30, then MatMul by 1e-33: one with an alpha, and subnormal products',
    (b) => {
      const large = b.node('Mul', [flat(b, 4), b.floats([], [1e30])]);
      return sides(b, b.node('MatMul', [large, b.floats([4, 1], fours(1e-33))]), [1e6], 2e-2);
    },
    SMALL,
  ),
  flush(
    '5-div-matmul',
    'Div by 1e-30, then a matrix on the left',
    (b) => {
      const large = b.node('Div', [b.node('Reshape', ['image', b.ints([0, 4, 1])]), b.floats([], [1e-30])]);
      const product = b.node('MatMul', [b.floats([1, 4], fours(1e-33)), large]);
      return sides(b, b.node('Flatten', [product], { axis: 1 }), [1e6], 2e-2);
    },
    SMALL,
  ),
  flush('5-batch-normalization', 'a γ of 1e-39, subnormal, over √1e-30', (b) => {
    const large = b.node('Mul', [flat(b, 4), b.floats([], [1e24])]);
    return sides(b, normalised(b, large, 1e-39, 1e-30), ones(4), 2);
  }),
  flush('5-conv-batch-normalization', 'the same after a Conv, into which it may be folded', (b) => {
    const pixels = b.node('Reshape', ['image', b.ints([0, 4, 1, 1])]);
    const identity = Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1e24 : 0));
    const large = b.node('Conv', [pixels, b.floats([4, 4, 1, 1], identity)]);
    return sides(b, b.node('Flatten', [normalised(b, large, 1e-39, 1e-30)], { axis: 1 }), ones(4), 2);
  }),
  flush('5-mean', 'γ/√variance is 3e-40, subnormal, and meets a mean of 1e37: β − mean·γ/√variance', (b) => {
    const constants = [
      [1, 1, 1, 1e-21],
      [0, 0, 0, 0],
      [0, 0, 0, 1e37],
      [1, 1, 1, 1e37],
    ].map((values) => b.floats([4], values));
    const normal = b.node('BatchNormalization', [flat(b, 4), ...constants], { epsilon: { float: 0 } });
    return sides(b, normal, [1, 1, 1, 1000], -1.5);
  }),
  flush('5-some-weights', 'of four weights two are subnormal, and as large as the others once alpha is applied', (b) =>
    sides(
      b,
      b.node('Gemm', [flat(b, 4), b.floats([4, 1], [1.3e-38, 1.1e-38, 1.3e-38, 1.1e-38])], { alpha: { float: 1e38 } }),
      [1],
      2.4,
    ),
  ),
];
