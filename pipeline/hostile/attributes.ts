/** Kinds found later: attributes and axes that ONNX Runtime reads differently from the rules. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, ones, sides } from './case.ts';

const FLAGS = 'a flag that is neither 0 nor 1';
const EMPTY = 'an empty list of axes';

/**
 * The rules see [N, 1, n] after `reduce` and ONNX Runtime sees [N, n]: the sum over axis 1, which is one element or n,
 * is then given to all n places.
 */
const keepdims = (op: string, flag: number): HostileCase => ({
  id: `6-keepdims-${op.toLowerCase()}`,
  kind: FLAGS,
  what: `${op} with keepdims = ${flag} is taken to keep its axis; ONNX Runtime keeps it for 1 alone`,
  shape: [1, 1, 16],
  build: (b) => {
    const table = b.node('Reshape', ['image', b.ints([0, 1, 16])]);
    const reduced = b.node(op, [table, b.ints([1])], { keepdims: flag });
    const total = b.node('ReduceSum', [reduced, b.ints([1])], { keepdims: 1 });
    const spread = b.node('Mul', [total, b.floats([16], ones(16))]);
    return sides(b, b.node('Flatten', [spread], { axis: 1 }), [1, ...Array<number>(15).fill(0)], 8);
  },
});

const COLUMN = [1, 1, 4];

/**
 * Squeezes [N, 1, 4] by no axes: the rules see the same shape, ONNX Runtime [N, 4], or [4] for one image. The constant
 * [1, 1, 4] then makes it [1, N, 4], and axis 1 is the batch. Something comes through only if more than five images are
 * bright, so neither a single image nor the known vectors show it.
 */
const acrossTheBatch = (id: string, what: string, mix: (b: GraphBuilder, table: string) => string): HostileCase => ({
  id,
  kind: EMPTY,
  what,
  shape: [1, 1, 4],
  build: (b) => {
    const table = b.node('Reshape', ['image', b.ints([0, 1, 4])]);
    const total = mix(b, b.node('Mul', [table, b.floats([], [1])]));
    const bright = b.node('Relu', [b.node('Sub', [total, b.floats([], [5])])]);
    return sides(b, b.node('Add', [flat(b, 4), bright]), ones(4), 3);
  },
  images: [[0.6, 0.6, 0.6, 0.6], ones(4)],
  batches: [2, 12],
});

export const attributes: readonly HostileCase[] = [
  keepdims('ReduceMax', 2),
  keepdims('ReduceSum', -1),
  keepdims('ReduceMean', 3),
  keepdims('ReduceMin', 2 ** 32 + 1),
  {
    id: '6-sorted',
    kind: FLAGS,
    what: 'TopK with sorted = 2 is taken for sorted; ONNX Runtime sorts for 1 alone, and its order jumps',
    shape: [1, 1, 4],
    build: (b) => {
      const [top] = b.nodeWith('TopK', [flat(b, 4), b.ints([3])], 2, { axis: 1, sorted: 2 });
      return b.node('Gemm', [top!, b.floats([2, 3], [0, 1, -1, 0, -1, 1])], { transB: 1 });
    },
    images: [
      [0.16, 0.15, 1, 0.05],
      [0.14, 0.15, 1, 0.05],
    ],
  },
  acrossTheBatch(
    '6-squeeze-nothing',
    'Squeeze by an empty list removes every axis of 1, the batch included',
    (b, x) => {
      const spread = b.node('Mul', [b.node('Squeeze', [x, b.ints([])]), b.floats(COLUMN, ones(4))]);
      return b.node('ReduceSum', [spread, b.ints([1])], { keepdims: 0 });
    },
  ),
  acrossTheBatch(
    '6-keepdims-batch',
    'the axis that keepdims = 2 does not keep lets a constant in front of the batch',
    (b, x) => {
      const reduced = b.node('ReduceMax', [x, b.ints([1])], { keepdims: 2 });
      const spread = b.node('Mul', [reduced, b.floats(COLUMN, ones(4))]);
      return b.node('ReduceSum', [spread, b.ints([1])], { keepdims: 0 });
    },
  ),
  acrossTheBatch(
    '6-squeeze-constant',
    "a constant index [1], squeezed by an empty list, is a scalar: Gather's axis is gone",
    (b, x) => {
      const index = b.node('Squeeze', [b.ints([0]), b.ints([])]);
      const row = b.node('Gather', [x, index], { axis: 1 });
      const spread = b.node('Mul', [row, b.floats(COLUMN, ones(4))]);
      return b.node('ReduceSum', [spread, b.ints([1])], { keepdims: 0 });
    },
  ),
];
