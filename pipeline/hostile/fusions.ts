/**
 * Kinds found later: a value computed from constants overflows, or ONNX Runtime's optimiser turns the graph into
 * another function.
 */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, ones, sides } from './case.ts';

const CONSTANTS = 'float32 arithmetic on constants that overflows';
const FUSED = 'another function once ONNX Runtime has optimised the graph';

const fours = (value: number): number[] => Array<number>(4).fill(value);

/** γ = 2.4e19, mean 0 and variance + ε = 6e38, which is infinite in float32. */
function infinite(b: GraphBuilder, x: string): string {
  const constants = [2.4e19, 0, 0, 3e38].map((value) => b.floats([4], fours(value)));
  return b.node('BatchNormalization', [x, ...constants], { epsilon: { float: 3e38 } });
}

/** γ 1 for the first channel and 0 for the others. */
function firstOfFour(b: GraphBuilder, x: string): string {
  const constants = [[1, 0, 0, 0], fours(0), fours(0), fours(1)].map((values) => b.floats([4], values));
  return b.node('BatchNormalization', [x, ...constants], { epsilon: { float: 1e-5 } });
}

const IDENTITY = Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
const second = (b: GraphBuilder, x: string): string =>
  sides(b, b.node('Flatten', [x], { axis: 1 }), [0, 1, ...Array<number>(14).fill(0)], 0.5);

/** Four pixels below 0, a zero on each side, and the maxima of pairs. */
const padded = (id: string, what: string, between: (b: GraphBuilder, x: string) => string): HostileCase => ({
  id,
  kind: FUSED,
  what,
  shape: [1, 4, 1],
  build: (b) => {
    const low = b.node('Sub', [b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] }), b.floats([], [1])]);
    const wide = between(b, b.node('Pad', [low, b.ints([0, 0, 0, 1, 0, 0, 0, 1])]));
    const pooled = b.node('MaxPool', [wide], { kernel_shape: [1, 2], strides: [1, 2], pads: [0, 0, 0, 0] });
    return sides(b, b.node('Flatten', [pooled], { axis: 1 }), ones(3), -0.9);
  },
});

/** Four rows of four through the identity, then `move`, then a normalisation of four channels. */
const normalised = (id: string, what: string, move: (b: GraphBuilder, x: string) => string): HostileCase => ({
  id,
  kind: FUSED,
  what,
  shape: [4, 4, 1],
  build: (b) => {
    const rows = b.node('Reshape', ['image', b.ints([-1, 4])]);
    return second(b, firstOfFour(b, move(b, b.node('MatMul', [rows, b.floats([4, 4], IDENTITY)]))));
  },
});

export const fusions: readonly HostileCase[] = [
  {
    id: '7-variance',
    kind: CONSTANTS,
    what: 'variance + ε is 6e38 in float64, infinite in float32: the output is β, whatever the image',
    shape: [1, 1, 4],
    build: (b) => sides(b, infinite(b, flat(b, 4)), ones(4), 2),
    exact: true,
  },
  {
    id: '7-variance-conv',
    kind: CONSTANTS,
    what: 'the same, folded into a Conv',
    shape: [1, 1, 4],
    build: (b) => {
      const pixels = b.node('Reshape', ['image', b.ints([0, 4, 1, 1])]);
      const conv = b.node('Conv', [pixels, b.floats([4, 4, 1, 1], IDENTITY)]);
      return sides(b, b.node('Flatten', [infinite(b, conv)], { axis: 1 }), ones(4), 2);
    },
    exact: true,
  },
  padded('7-pad-maxpool', 'Pad with zeros, then MaxPool: ONNX Runtime makes padding of −∞ of the zeros', (_, x) => x),
  padded('7-pad-add-maxpool', 'the same with an Add of 0 between, which goes first', (b, x) =>
    b.node('Add', [x, b.floats([], [0])]),
  ),
  padded('7-pad-mul-maxpool', 'the same with a Mul by [1] and a Cast between', (b, x) =>
    b.node('Cast', [b.node('Mul', [b.floats([1], [1]), x])], { to: 1 }),
  ),
  {
    id: '7-pad-maxpool-line',
    kind: FUSED,
    what: 'the same on one spatial axis, the padding on one side only',
    shape: [1, 1, 5],
    build: (b) => {
      const low = b.node('Sub', [b.node('Reshape', ['image', b.ints([0, 1, 5])]), b.floats([], [1])]);
      const padded = b.node('Pad', [low, b.ints([0, 0, 0, 0, 0, 1]), b.floats([], [0])]);
      const pooled = b.node('MaxPool', [padded], { kernel_shape: [2], strides: [2], pads: [0, 0] });
      return sides(b, b.node('Flatten', [pooled], { axis: 1 }), [0, 0, 1], -0.2);
    },
  },
  {
    id: '7-transpose-pad-axes',
    kind: FUSED,
    what: 'Transpose, Pad with a list of axes, Transpose: ONNX Runtime exchanges the pads, but not the axes they are for',
    shape: [1, 3, 3],
    build: (b) => {
      const turned = b.node('Transpose', [b.node('Reshape', ['image', b.ints([0, 3, 3])])], { perm: [0, 2, 1] });
      const wide = b.node('Pad', [turned, b.ints([1, 0, 0, 0, 0, 0]), '', b.ints([2, 1, 0])]);
      const back = b.node('Flatten', [b.node('Transpose', [wide], { perm: [0, 2, 1] })], { axis: 1 });
      // Zeros come first: three of them as written, one before each row as optimised.
      return sides(b, back, [0, 1, 1, ...Array<number>(9).fill(0)], 0.5);
    },
  },
  {
    id: '7-transpose-pad-channels',
    kind: FUSED,
    what: 'the same on a picture with channels last, its axes listed as [0, 2, 3, 1]',
    shape: [2, 2, 2],
    build: (b) => {
      const turned = b.node('Transpose', ['image'], { perm: [0, 1, 3, 2] });
      const wide = b.node('Pad', [turned, b.ints([0, 1, 0, 0, 0, 0, 0, 0]), '', b.ints([0, 2, 3, 1])]);
      const back = b.node('Flatten', [b.node('Transpose', [wide], { perm: [0, 1, 3, 2] })], { axis: 1 });
      return sides(b, back, [0, 1, 1, ...Array<number>(9).fill(0)], 0.5);
    },
  },
  normalised(
    '7-matmul-normalization',
    "MatMul, Reshape, BatchNormalization: ONNX Runtime takes the channels, rows now, for the matrix' columns",
    (b, x) => b.node('Reshape', [x, b.ints([-1, 4, 4])]),
  ),
  normalised('7-matmul-transpose-normalization', 'the same with two axes exchanged on the way', (b, x) =>
    b.node('Transpose', [b.node('Reshape', [x, b.ints([-1, 4, 2, 2])])], { perm: [0, 1, 3, 2] }),
  ),
  normalised('7-matmul-sub-normalization', 'the same with a Sub of 0 after the Reshape, which goes first', (b, x) =>
    b.node('Sub', [b.node('Reshape', [x, b.ints([-1, 4, 4])]), b.floats([], [0])]),
  ),
  normalised('7-matmul-div-normalization', 'the same with a Div by [[1]] before the Reshape', (b, x) =>
    b.node('Reshape', [b.node('Div', [x, b.floats([1, 1], [1])]), b.ints([-1, 4, 4])]),
  ),
];
