/** Kind 4: means that are executed as a sum and one division. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { type HostileCase, sides } from './case.ts';

const KIND = 'a mean executed as a sum and one division';
const SCALE = 7e35;
/** Sums of 784 pixels of these values are just below and just above the largest float32. */
const BELOW = { fill: 0.61904801 };
const ABOVE = { fill: 0.62104801 };

/** The image as [N, 1, 28, 28] times 7e35. */
const scaled = (b: GraphBuilder, scale = SCALE): string =>
  b.node('Mul', [b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] }), b.floats([], [scale])]);

const ended = (b: GraphBuilder, mean: string): string =>
  sides(b, b.node('Flatten', [mean], { axis: 1 }), [1 / SCALE], 0.5);

const mean = (id: string, what: string, build: HostileCase['build']): HostileCase => ({
  id,
  kind: KIND,
  what,
  shape: [28, 28, 1],
  build,
  images: [BELOW, ABOVE],
});

export const means: readonly HostileCase[] = [
  mean('4-global-average-pool', 'GlobalAveragePool', (b) => ended(b, b.node('GlobalAveragePool', [scaled(b)]))),
  mean('4-average-pool', 'AveragePool over the whole image', (b) =>
    ended(b, b.node('AveragePool', [scaled(b)], { kernel_shape: [28, 28], strides: [28, 28] })),
  ),
  mean('4-average-pool-padded', 'AveragePool with padding that counts', (b) =>
    ended(
      b,
      b.node('AveragePool', [scaled(b)], {
        kernel_shape: [30, 30],
        strides: [30, 30],
        pads: [1, 1, 1, 1],
        count_include_pad: 1,
      }),
    ),
  ),
  mean('4-average-pool-line', 'AveragePool along one axis', (b) => {
    const line = b.node('Reshape', [scaled(b), b.ints([0, 1, 784])]);
    return ended(b, b.node('AveragePool', [line], { kernel_shape: [784] }));
  }),
  mean('4-reduce-mean-flat', 'ReduceMean of the flattened image', (b) => {
    const line = b.node('Flatten', [scaled(b)], { axis: 1 });
    return ended(b, b.node('ReduceMean', [line, b.ints([-1])], { keepdims: 1 }));
  }),
  mean('4-reduce-mean-shared', 'ReduceMean over axis 1, after a Concat of the image with itself', (b) => {
    const line = b.node('Reshape', [scaled(b, SCALE / 2), b.ints([0, 784, 1])]);
    return ended(b, b.node('ReduceMean', [b.node('Concat', [line, line], { axis: 1 }), b.ints([1])], { keepdims: 0 }));
  }),
  mean('4-mean-after-conv', 'the large values come from a Conv of 16 channels, which runs in blocks', (b) => {
    const image = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
    const weights = Array.from({ length: 16 }, (_, channel) => (channel === 3 ? SCALE : 0));
    const conv = b.node('Conv', [image, b.floats([16, 1, 1, 1], weights)]);
    const flattened = b.node('Flatten', [b.node('GlobalAveragePool', [conv])], { axis: 1 });
    return sides(b, flattened, Array<number>(16).fill(1 / SCALE), 0.5);
  }),
  {
    ...mean('4-mean-of-negatives', 'the mean of values that cancel: the sum overflows on the way', (b) => {
      const line = b.node('Reshape', [scaled(b, SCALE), b.ints([0, 784, 1])]);
      const signs = Array.from({ length: 784 }, (_, i) => (i < 392 ? 2 : -2));
      const mixed = b.node('Mul', [line, b.floats([784, 1], signs)]);
      const twice = b.node('Concat', [mixed, mixed], { axis: 2 });
      return sides(b, b.node('ReduceMean', [twice, b.ints([1])], { keepdims: 0 }), [1 / SCALE, 0], 0.5);
    }),
    images: [{ fill: 0.3 }, { fill: 0.6 }, { fill: 0.64 }],
  },
];
