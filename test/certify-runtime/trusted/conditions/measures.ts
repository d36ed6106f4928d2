/** Tensors of which the walk knows only one thing: what each term of a rule is made of can be seen apart from the others. */

import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import type { Value } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import { computed, type Data, type Measure, newChain } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { awkward } from './graphs.ts';
import { float32, int64 } from './site.ts';

const ZERO: AffineBound = { constant: 0, l2: 0, l1: 0 };

function numbers(n: number, seed: number, scale = 1): number[] {
  return awkward(n, seed).map((v) => scale * (0.3 + Math.abs(v)));
}

/** In ℓ2 alone, as norms are. */
function inNorm(seed: number, scale = 1): AffineBound {
  const [constant, l2] = numbers(2, seed, scale) as [number, number];
  return { constant, l2, l1: 0 };
}

function inSum(seed: number, scale = 1): AffineBound {
  const [constant, l1] = numbers(2, seed, scale) as [number, number];
  return { constant, l2: 0, l1 };
}

const NOTHING: Measure = { lipschitz: 0, norm: ZERO, l1Norm: null, errors: [ZERO], chain: newChain(ZERO) };

function known(seed: number, scale: number): Measure {
  const [lipschitz, growth, weight] = numbers(3, seed, 2) as [number, number, number];
  return {
    lipschitz,
    norm: inNorm(seed + 1, scale),
    l1Norm: inSum(seed + 2, scale),
    errors: [inNorm(seed + 3, 1e-6 * scale), { ...inSum(seed + 4, 1e-6 * scale), l2: 1e-7 * scale }],
    chain: {
      ...newChain(ZERO),
      ...{ terms: 17, extra: 5, scales: 3, weight: 1 + weight, growth: 1 + growth },
      reach: inNorm(seed + 5, 3 * scale),
      peak: inNorm(seed + 6, 9 * scale),
      flush: inNorm(seed + 7, 1e-37),
    },
  };
}

const WHOLE = known(200, 1);

/** Each with one field of WHOLE, or of one in another scale, and nothing else. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  nothing: NOTHING,
  'nothing, and no sum of nothing': { ...NOTHING, l1Norm: ZERO },
  whole: WHOLE,
  'whole, mixed': { ...WHOLE, l1Norm: null },
  tiny: known(210, 1e-38),
  large: known(220, 1e18),
  'its norm': { ...NOTHING, norm: WHOLE.norm },
  'its sum': { ...NOTHING, l1Norm: WHOLE.l1Norm },
  'its errors': { ...NOTHING, errors: WHOLE.errors },
  'its reach': { ...NOTHING, chain: { ...NOTHING.chain, reach: WHOLE.chain.reach } },
  'its peak': { ...NOTHING, chain: { ...NOTHING.chain, peak: WHOLE.chain.peak } },
  'its flush': { ...NOTHING, chain: { ...NOTHING.chain, flush: WHOLE.chain.flush } },
  'its growth': { ...NOTHING, chain: { ...NOTHING.chain, growth: WHOLE.chain.growth } },
  'its terms': { ...WHOLE, chain: { ...NOTHING.chain, terms: 900, extra: 7, scales: 4 } },
};

const SHAPE = [1, 2, 3, 4];

export const dataOf = (measure: Measure, shape: readonly number[] = SHAPE): Data => computed(shape, measure);

interface Node {
  readonly op: string;
  readonly inputs: (measure: Measure) => readonly Value[];
  readonly attributes?: Record<string, number | string | readonly number[] | { float: number }>;
}

const constant = (dims: readonly number[], seed: number, scale = 1): Value => {
  const size = dims.reduce((a, d) => a * d, 1);
  return float32(awkward(size, seed, scale), dims);
};

const withConstants =
  (...constants: readonly Value[]) =>
  (measure: Measure): readonly Value[] => [dataOf(measure), ...constants];

const row = (measure: Measure): Data => dataOf(measure, [1, 24]);

/** One node of each kind of rule. */
export const NODES: Readonly<Record<string, Node>> = {
  MatMul: { op: 'MatMul', inputs: withConstants(constant([4, 3], 1)) },
  'MatMul of zeros': { op: 'MatMul', inputs: withConstants(float32(Array(12).fill(0), [4, 3])) },
  'MatMul of tiny ones': { op: 'MatMul', inputs: withConstants(constant([4, 3], 2, 1e-39)) },
  'MatMul of large ones': { op: 'MatMul', inputs: withConstants(constant([4, 3], 3, 1e15)) },
  Gemm: {
    op: 'Gemm',
    inputs: (measure) => [row(measure), constant([24, 3], 4), constant([3], 5)],
    attributes: { alpha: { float: 2.3 }, beta: { float: 1.9 } },
  },
  'Gemm, little alpha and beta': {
    op: 'Gemm',
    inputs: (measure) => [row(measure), constant([24, 3], 4), constant([3], 5)],
    attributes: { alpha: { float: 0.3 }, beta: { float: 0.7 } },
  },
  'Gemm of tiny ones': {
    op: 'Gemm',
    inputs: (measure) => [row(measure), constant([24, 3], 6, 1e-39), constant([3], 7, 1e-39)],
    attributes: { alpha: { float: 1e6 }, beta: { float: -1e5 } },
  },
  'Gemm, turned': {
    op: 'Gemm',
    inputs: (measure) => [row(measure), constant([24, 3], 4), constant([3], 5)],
    attributes: { alpha: { float: -2.3 }, beta: { float: -1.9 } },
  },
  'MatMul of positive ones': { op: 'MatMul', inputs: withConstants(float32([3, 4, 3, 4], [4, 1])) },
  'MatMul in blocks': { op: 'MatMul', inputs: withConstants(float32([1, 2, 3, 4, 9, 8, 7, 7], [2, 4, 1])) },
  'MatMul in blocks, turned': { op: 'MatMul', inputs: withConstants(float32([9, 8, 7, 7, 1, 2, 3, 4], [2, 4, 1])) },
  Conv: {
    op: 'Conv',
    inputs: withConstants(constant([3, 2, 2, 2], 8), constant([3], 9)),
    attributes: { pads: [1, 0, 0, 1] },
  },
  'Conv of tiny ones': { op: 'Conv', inputs: withConstants(constant([3, 2, 2, 2], 8, 1e-39)) },
  AveragePool: { op: 'AveragePool', inputs: withConstants(), attributes: { kernel_shape: [2, 3] } },
  GlobalAveragePool: { op: 'GlobalAveragePool', inputs: withConstants() },
  ReduceSum: { op: 'ReduceSum', inputs: withConstants(int64([2])) },
  MaxPool: { op: 'MaxPool', inputs: withConstants(), attributes: { kernel_shape: [1, 2], strides: [1, 2] } },
  Add: { op: 'Add', inputs: withConstants(constant([3, 1], 10, 3)) },
  'Add of zeros': { op: 'Add', inputs: withConstants(float32([0], [])) },
  'Add of tiny ones': { op: 'Add', inputs: withConstants(constant([4], 11, 1e-38)) },
  Neg: { op: 'Neg', inputs: withConstants() },
  Mul: { op: 'Mul', inputs: withConstants(constant([2, 1, 4], 12, 2.7)) },
  'Mul, small': { op: 'Mul', inputs: withConstants(float32([0.3], [])) },
  Div: { op: 'Div', inputs: withConstants(float32([0.3], [])) },
  'Sum of two': { op: 'Sum', inputs: (measure) => [dataOf(measure), dataOf(WHOLE)] },
  'Sum of two, turned': { op: 'Sum', inputs: (measure) => [dataOf(NOTHING), dataOf(measure)] },
  'Sum of three': { op: 'Sum', inputs: (measure) => [dataOf(measure), dataOf(NOTHING), dataOf(measure)] },
  Sub: { op: 'Sub', inputs: (measure) => [dataOf({ ...NOTHING, l1Norm: ZERO }), dataOf(measure)] },
  Concat: { op: 'Concat', inputs: (measure) => [dataOf(measure), dataOf(WHOLE)], attributes: { axis: 1 } },
  'Concat, turned': { op: 'Concat', inputs: (measure) => [dataOf(NOTHING), dataOf(measure)], attributes: { axis: 2 } },
  'Concat, whole first': {
    op: 'Concat',
    inputs: (measure) => [dataOf(WHOLE), dataOf(measure)],
    attributes: { axis: 3 },
  },
  Max: { op: 'Max', inputs: (measure) => [dataOf(measure), dataOf(NOTHING)] },
  'Max with a constant': { op: 'Max', inputs: withConstants(constant([4], 13)) },
  Relu: { op: 'Relu', inputs: withConstants() },
  LeakyRelu: { op: 'LeakyRelu', inputs: withConstants(), attributes: { alpha: { float: 1.7 } } },
  Clip: { op: 'Clip', inputs: withConstants(float32([0.3], []), float32([0.9], [])) },
  BatchNormalization: {
    op: 'BatchNormalization',
    inputs: withConstants(constant([2], 14, 3), constant([2], 15), constant([2], 16, 2), float32([0.7, 0.2])),
  },
  'BatchNormalization, small': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([0.3, 0.2]), constant([2], 15), constant([2], 16, 2), float32([7, 8])),
  },
  'BatchNormalization, of a little variance': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([0.3, 0.2]), constant([2], 15), constant([2], 16, 2), float32([0.07, 0.05])),
  },
  'BatchNormalization, of nothing': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([0, 0]), float32([0, 0]), constant([2], 18, 7), float32([0.3, 0.2])),
  },
  'BatchNormalization, a mean before a little scale': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([0.01, 0.02]), float32([0, 0]), constant([2], 19, 1e36), float32([0.04, 0.05])),
  },
  'BatchNormalization, of negative ones': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([0.2, -30]), float32([0, -2]), float32([-3, 0]), float32([7e4, 8e4])),
  },
  'BatchNormalization, large': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([30, 0.2]), float32([0, 0]), float32([0, 0]), float32([7e4, 8e4])),
  },
  'BatchNormalization, of a large mean': {
    op: 'BatchNormalization',
    inputs: withConstants(float32([1, 1]), float32([0, 0]), constant([2], 17, 5e36), float32([0.7, 0.8])),
  },
  'Pad with a value': {
    op: 'Pad',
    inputs: withConstants(int64([0, 0, 0, 1, 0, 0, 0, 0]), float32([0.7], [])),
  },
};
