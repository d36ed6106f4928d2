/** Small graphs of every operator, each after several others: what the pinned numbers are of. */

import type { Graph } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';

interface Small {
  readonly name: string;
  readonly graph: Graph;
  readonly latent: string;
}

type Step = (b: GraphBuilder, x: string) => string;

/** n numbers about ±scale whose products and sums are never exact; the same in each run. */
export function awkward(n: number, seed: number, scale = 1): number[] {
  let state = 12_345 + 977 * seed;
  return Array.from({ length: n }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return scale * (state / 1_073_741_823 - 1);
  });
}

/** A constant of such numbers. */
function constant(b: GraphBuilder, dims: readonly number[], seed: number, scale = 1): string {
  const size = dims.reduce((a, d) => a * d, 1);
  return b.floats(dims, awkward(size, seed, scale));
}

const DIMS = [2, 4, 6];

function parts(b: GraphBuilder, x: string, axis: number, count = 2): string[] {
  return b.nodeWith('Split', [x], count, { axis, num_outputs: count });
}

/** What is known of a tensor of [N, 2, 4, 6] before the operator: nothing, a dot product, a scale, a view, pairs, branches. */
const BEGINNINGS: Readonly<Record<string, Step>> = {
  image: (_, x) => x,
  product: (b, x) => b.node('MatMul', [x, constant(b, [6, 6], 1, 0.7)]),
  scaled: (b, x) => b.node('Mul', [b.node('MatMul', [x, constant(b, [6, 6], 2, 0.7)]), constant(b, [4, 1], 3, 3)]),
  shifted: (b, x) =>
    b.node('Add', [
      b.node('Mul', [b.node('MatMul', [x, constant(b, [6, 6], 4, 0.7)]), constant(b, [1], 5, 3)]),
      constant(b, [2, 1, 6], 6, 5),
    ]),
  view: (b, x) => b.node('Gather', [x, b.ints([0, 2, 2, 3])], { axis: 2 }),
  pairs: (b, x) => b.groupSort(x, 2),
  pixels: (b, x) => b.node('Sub', [b.node('Div', [x, constant(b, [], 7, 0.3)]), constant(b, [6], 8, 0.2)]),
};

const bn = (b: GraphBuilder, x: string): string =>
  b.node(
    'BatchNormalization',
    [
      x,
      constant(b, [2], 20, 3),
      constant(b, [2], 21, 2),
      constant(b, [2], 22, 2),
      b.floats(
        [2],
        awkward(2, 23).map((v) => 0.3 + Math.abs(v)),
      ),
    ],
    { epsilon: { float: 0.013 } },
  );

const conv =
  (kernel: number[], attributes: Record<string, number | string | number[]>, bias = true): Step =>
  (b, x) =>
    b.node('Conv', [x, constant(b, kernel, 30, 0.6), ...(bias ? [constant(b, [kernel[0]!], 31, 2)] : [])], attributes);

/** x ↦ Σ of products of its parts on the last axis. */
const inParts =
  (op: string, axis: number, count: number): Step =>
  (b, x) => {
    const pieces = parts(b, x, axis, count);
    const width = DIMS[axis - 1]! / count;
    return b.node(
      op,
      pieces.map((piece, i) => {
        const w = constant(b, axis === 3 ? [width, 5] : [3, width], 40 + i);
        return b.node('MatMul', axis === 3 ? [piece, w] : [w, piece]);
      }),
    );
  };

const STEPS: Readonly<Record<string, Step>> = {
  nothing: (_, x) => x,
  'MatMul right': (b, x) => b.node('MatMul', [x, constant(b, [6, 5], 10)]),
  'MatMul left': (b, x) => b.node('MatMul', [constant(b, [3, 4], 11), x]),
  'MatMul blocks': (b, x) => b.node('MatMul', [x, constant(b, [2, 6, 3], 12)]),
  'MatMul tiny': (b, x) => b.node('MatMul', [x, constant(b, [6, 5], 13, 1e-36)]),
  Gemm: (b, x) => b.node('Gemm', [b.node('Flatten', [x]), constant(b, [7, 48], 14, 0.2)], { transB: 1 }),
  'Gemm scaled': (b, x) =>
    b.node('Gemm', [b.node('Flatten', [x]), constant(b, [48, 7], 15, 0.2), constant(b, [7], 16, 9)], {
      alpha: { float: 1.7 },
      beta: { float: -0.6 },
    }),
  'Gemm one bias': (b, x) =>
    b.node('Gemm', [b.node('Flatten', [x]), constant(b, [48, 7], 15, 0.2), b.floats([1], [0.3])]),
  'Sum of parts': inParts('Sum', 3, 3),
  'Add of parts': inParts('Add', 3, 2),
  'Sum of parts, left': inParts('Sum', 2, 2),
  'Sum of uneven parts': (b, x) => {
    const [p, q] = b.nodeWith('Split', [x, b.ints([4, 2])], 2, { axis: 3 }) as [string, string];
    return b.node('Sum', [
      b.node('MatMul', [p, constant(b, [4, 5], 43)]),
      b.node('MatMul', [q, constant(b, [2, 5], 44)]),
    ]);
  },
  'Conv 3×3': conv([3, 2, 3, 3], { pads: [1, 1, 1, 1] }),
  'Conv strided': conv([3, 2, 2, 3], { strides: [2, 3], pads: [0, 1, 1, 0] }, false),
  'Conv dilated': conv([2, 2, 2, 2], { strides: [2, 1], dilations: [3, 2] }),
  'Conv groups': conv([4, 1, 3, 2], { group: 2, auto_pad: 'SAME_LOWER' }),
  'Conv 1×1': conv([5, 2, 1, 1], {}),
  'Conv of positive ones': (b, x) => {
    const positive = awkward(36, 32).map((v) => 0.1 + Math.abs(v));
    return b.node('Conv', [x, b.floats([2, 2, 3, 3], positive)], { pads: [1, 1, 1, 1] });
  },
  'Conv of equal ones': (b, x) => b.node('Conv', [x, b.floats([1, 2, 2, 2], Array(8).fill(0.3))]),
  'Conv of the whole': conv([3, 2, 4, 6], {}),
  Add: (b, x) => b.node('Add', [x, constant(b, [2, 4, 6], 50, 3)]),
  'Sub from a constant': (b, x) => b.node('Sub', [constant(b, [6], 51, 3), x]),
  Mul: (b, x) => b.node('Mul', [constant(b, [4, 1], 52, 1.9), x]),
  Div: (b, x) => b.node('Div', [x, constant(b, [6], 53, 1.9)]),
  Neg: (b, x) => b.node('Neg', [x]),
  'Add of branches': (b, x) => b.node('Add', [b.node('Mul', [x, constant(b, [6], 54)]), b.node('Relu', [x])]),
  'Sub of branches': (b, x) => b.node('Sub', [b.node('Relu', [x]), b.node('MatMul', [x, constant(b, [6, 6], 55)])]),
  'Sum of branches': (b, x) =>
    b.node('Sum', [b.node('Mul', [x, constant(b, [1], 56)]), x, b.node('MatMul', [x, constant(b, [6, 6], 57)])]),
  Relu: (b, x) => b.node('Relu', [x]),
  Abs: (b, x) => b.node('Abs', [x]),
  LeakyRelu: (b, x) => b.node('LeakyRelu', [x], { alpha: { float: -1.3 } }),
  PRelu: (b, x) => b.node('PRelu', [x, constant(b, [6], 58, 2.1)]),
  Clip: (b, x) => b.node('Clip', [x, b.floats([], [0.3]), b.floats([], [1.7])]),
  BatchNormalization: bn,
  AveragePool: (b, x) => b.node('AveragePool', [x], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }),
  'AveragePool, padding counted': (b, x) =>
    b.node('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  GlobalAveragePool: (b, x) => b.node('GlobalAveragePool', [x]),
  MaxPool: (b, x) => b.node('MaxPool', [x], { kernel_shape: [2, 3], strides: [2, 3] }),
  GlobalMaxPool: (b, x) => b.node('GlobalMaxPool', [x]),
  ReduceMean: (b, x) => b.node('ReduceMean', [x, b.ints([3])]),
  ReduceSum: (b, x) => b.node('ReduceSum', [x, b.ints([1, 3])], { keepdims: 0 }),
  ReduceMax: (b, x) => b.node('ReduceMax', [x, b.ints([2])]),
  'ReduceMin of pairs': (b, x) => b.node('ReduceMin', [x, b.ints([1])]),
  TopK: (b, x) => b.nodeWith('TopK', [x, b.ints([3])], 2)[0]!,
  Split: (b, x) => b.node('Concat', parts(b, x, 3, 3).reverse(), { axis: 3 }),
  Transpose: (b, x) => b.node('Transpose', [x], { perm: [0, 3, 1, 2] }),
  Slice: (b, x) => b.node('Slice', [x, b.ints([0, -1]), b.ints([3, -6]), b.ints([2, 3]), b.ints([2, -2])]),
  Gather: (b, x) => b.node('Gather', [x, b.ints([5, 0, 5, 5])], { axis: 3 }),
  Pad: (b, x) => b.node('Pad', [x, b.ints([0, 0, 1, 0, 0, 0, 2, 1])]),
  'Pad with a value': (b, x) => b.node('Pad', [x, b.ints([0, 0, 1, 0, 0, 0, 2, 1]), b.floats([], [-0.7])]),
  GroupSort: (b, x) => b.groupSort(x, 3),
  'Concat of branches': (b, x) => b.node('Concat', [b.node('Mul', [x, constant(b, [6], 60)]), x, x], { axis: 2 }),
  'Max of branches': (b, x) =>
    b.node('Max', [b.node('Mul', [x, constant(b, [6], 61)]), b.node('MatMul', [x, constant(b, [6, 6], 62)])]),
  'Max with a constant': (b, x) => b.node('Max', [x, constant(b, [2, 1, 6], 63)]),
  'Min of what overlaps': (b, x) => {
    const half = (from: number): string => b.node('Slice', [x, b.ints([from]), b.ints([from + 4]), b.ints([3])]);
    return b.node('Concat', [b.node('Min', [half(0), half(1)]), b.node('Max', [half(0), half(2)])], { axis: 1 });
  },
};

/** Convolutions of an image so large that the matrix of the whole is not formed. */
const LARGE: Readonly<Record<string, Step>> = {
  '3×3': conv([2, 2, 3, 3], {}),
  '3×3, many outputs': conv([5, 2, 3, 3], {}),
  'strided, dilated': conv([2, 2, 3, 3], { strides: [2, 3], dilations: [3, 2] }),
  '1×5': conv([1, 2, 1, 5], {}),
  '5×1': conv([3, 2, 5, 1], {}),
  groups: conv([4, 1, 2, 3], { group: 2 }),
  '1×1': conv([3, 2, 1, 1], {}),
  'one tap': (b, x) => b.node('Conv', [x, b.floats([1, 2, 3, 3], Array(18).fill(0).with(4, 0.3))]),
  nothing: (b, x) => b.node('Conv', [x, b.floats([1, 2, 3, 3], Array(18).fill(0))]),
};

function graphsOf(dims: readonly number[], steps: Readonly<Record<string, Step>>, begin: Step): Small[] {
  return Object.entries(steps).map(([name, step]) => {
    const builder = new GraphBuilder(['N', ...dims]);
    const latent = builder.node('Flatten', [step(builder, begin(builder, 'image'))]);
    return { name, graph: builder.graph(latent), latent };
  });
}

/** All of them, by what comes before the operator. */
export function smallGraphs(): ReadonlyMap<string, readonly Small[]> {
  return new Map([
    ...Object.entries(BEGINNINGS).map(([name, begin]) => [name, graphsOf(DIMS, STEPS, begin)] as const),
    ['a large image', graphsOf([2, 40, 40], LARGE, (_, x) => x)],
  ]);
}
