/** Kind 2: integers folded with other arithmetic than ONNX Runtime's, and what they then cut, move or sum. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, int32, ones, sides } from './case.ts';

const KIND = "integers folded by other arithmetic than ONNX Runtime's";
const INT64 = 7;
const INT32 = 6;

/** Executed: `value`, up to 255. Folded as float64 with a clamp at 2⁵²: 1. */
const clamped = (b: GraphBuilder, value: number): string =>
  b.node('Div', [b.ints([value * 2 ** 54]), b.ints([2 ** 54])]);

/** The other way round: executed it is 1, folded `value`. */
const divided = (b: GraphBuilder, value: number): string => b.node('Div', [b.ints([value]), clamped(b, value)]);

/** Executed in int32, where 2³² is 0: 0. Folded: 4. */
const wrapped = (b: GraphBuilder): string =>
  b.node('Cast', [b.node('Div', [b.node('Mul', [int32(b, [65536]), int32(b, [65536])]), int32(b, [2 ** 30])])], {
    to: INT64,
  });

/** Executed: a cast to int32 cuts 2³² + 2 down to 2, and the quotient is 0. Folded: 2. */
const cut = (b: GraphBuilder): string => {
  const narrow = b.node('Cast', [b.node('Cast', [b.ints([2 ** 32 + 2])], { to: INT32 })], { to: INT64 });
  return b.node('Div', [narrow, b.ints([2 ** 31 + 1])]);
};

const negative = (b: GraphBuilder, x: string): string => b.node('Mul', [x, b.ints([-1])]);
const sum = (b: GraphBuilder, x: string): string => b.node('ReduceSum', [x, b.ints([1])], { keepdims: 1 });

/** [N, m] summed to [N, 1] and given to all `n` places: √m·√n, or the identity if both are 1. */
function spread(b: GraphBuilder, x: string, axis: string, n: number): string {
  const total = b.node('ReduceSum', [x, axis], { keepdims: 0 });
  return b.node('Mul', [total, b.floats([n], ones(n))]);
}

/** Sums what a Slice that starts at `start` leaves of 64 pixels. */
const sliceFrom = (id: string, what: string, start: (b: GraphBuilder) => string, t: number): HostileCase => ({
  id,
  kind: KIND,
  what,
  shape: [1, 1, 64],
  build: (b) => {
    const ends = b.ints([2 ** 40]);
    return sides(b, sum(b, b.node('Slice', [flat(b, 64), start(b), ends, b.ints([1])])), [1], t);
  },
});

export const integers: readonly HostileCase[] = [
  sliceFrom(
    '2-int32-product',
    'a product of int32 wraps to 0; folded it is 2³²: Slice starts at 0, not at −4',
    (b) => negative(b, wrapped(b)),
    32,
  ),
  sliceFrom(
    '2-cast-cuts',
    'a Cast to int32 cuts 2³² + 2; folded it keeps it: Slice starts at 0, not at −2',
    (b) => negative(b, cut(b)),
    32,
  ),
  sliceFrom(
    '2-negative-wrap',
    '50000² is −1 794 967 296 in int32, its quotient 0: Slice starts at the first pixel, not at the last',
    (b) => {
      const square = b.node('Mul', [int32(b, [50000]), int32(b, [50000])]);
      const wide = b.node('Cast', [square], { to: INT64 });
      return b.node('Mul', [b.node('Div', [wide, b.ints([2_500_000_000])]), b.ints([-1])]);
    },
    32,
  ),
  {
    id: '2-split-sizes',
    kind: KIND,
    what: 'the sizes of a Split are 63 and 1, folded 1 and 63',
    shape: [1, 1, 64],
    build: (b) => {
      const sizes = b.node('Concat', [clamped(b, 63), divided(b, 63)], { axis: 0 });
      const [part] = b.nodeWith('Split', [flat(b, 64), sizes], 2, { axis: 1 });
      return sides(b, sum(b, part!), [1], 31.5);
    },
  },
  {
    id: '2-gather-list',
    kind: KIND,
    what: 'the end of a Slice is gathered from a list of numbers beyond 2⁵³',
    shape: [1, 1, 64],
    build: (b) => {
      const list = b.node('Div', [b.ints([3 * 2 ** 54, 60 * 2 ** 54]), b.ints([2 ** 54])]);
      const end = b.node('Gather', [list, b.ints([-1])], { axis: 0 });
      const part = b.node('Slice', [flat(b, 64), b.ints([0]), end, b.ints([1])]);
      return sides(b, sum(b, part), [1], 30);
    },
  },
  {
    id: '2-reshape-target',
    kind: KIND,
    what: 'a Reshape to [N, 64, 1] is folded as one to [N, 1, 64]',
    shape: [1, 1, 64],
    build: (b) => {
      const target = b.node('Concat', [b.ints([0]), clamped(b, 64), b.ints([-1])], { axis: 0 });
      const table = b.node('Reshape', ['image', target]);
      return sides(b, spread(b, table, b.ints([1]), 64), [1, ...Array<number>(63).fill(0)], 32);
    },
  },
  {
    id: '2-reduce-axes',
    kind: KIND,
    what: 'the axis of a ReduceSum is 2, folded 1',
    shape: [1, 1, 16],
    build: (b) => {
      const table = b.node('Reshape', ['image', b.ints([0, 1, 16])]);
      return sides(b, spread(b, table, clamped(b, 2), 16), [1, ...Array<number>(15).fill(0)], 8);
    },
  },
  {
    id: '2-squeeze-axes',
    kind: KIND,
    what: 'an axis is put at 2, folded at 1, before a sum over axis 1',
    shape: [1, 1, 16],
    build: (b) => {
      const table = b.node('Unsqueeze', [flat(b, 16), clamped(b, 2)]);
      return sides(b, spread(b, table, b.ints([1]), 16), [1, ...Array<number>(15).fill(0)], 8);
    },
  },
  {
    id: '2-topk-count',
    kind: KIND,
    what: 'TopK takes the 50 largest, folded 1, which are then summed',
    shape: [1, 1, 64],
    build: (b) => {
      const [top] = b.nodeWith('TopK', [flat(b, 64), clamped(b, 50)], 2, { axis: 1 });
      return sides(b, sum(b, top!), [1], 30);
    },
  },
  {
    id: '2-slice-step',
    kind: KIND,
    what: 'a Slice takes every pixel, folded every 16th',
    shape: [1, 1, 64],
    build: (b) => {
      const ends = b.ints([2 ** 40]);
      const part = b.node('Slice', [flat(b, 64), b.ints([0]), ends, b.ints([1]), divided(b, 16)]);
      return sides(b, sum(b, part), [1], 32);
    },
  },
  {
    id: '2-slice-axes',
    kind: KIND,
    what: 'a Slice cuts axis 2, folded axis 1',
    shape: [1, 1, 64],
    build: (b) => {
      const table = b.node('Reshape', ['image', b.ints([0, 64, 1])]);
      const part = b.node('Slice', [table, b.ints([0]), b.ints([1]), clamped(b, 2)]);
      const total = b.node('ReduceSum', [part, b.ints([1])], { keepdims: 0 });
      return sides(b, total, [1], 32);
    },
  },
  {
    id: '2-pad-then-cut',
    kind: KIND,
    what: 'pads of 60 and 1 are folded as 1 and 1, and the cut that follows takes what the proof thinks is padding',
    shape: [1, 1, 64],
    build: (b) => {
      const pads = b.node('Concat', [b.ints([0]), clamped(b, 60), b.ints([0]), b.ints([0])], { axis: 0 });
      const padded = b.node('Pad', [flat(b, 64), pads]);
      // Folded: 65 elements, of which the last is taken. Executed: 124 elements, of which the last 60 are taken.
      const part = b.node('Slice', [padded, b.ints([64]), b.ints([2 ** 40]), b.ints([1])]);
      return sides(b, sum(b, part), [1], 30);
    },
  },
];
