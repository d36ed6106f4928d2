/** Reading a head: each condition violated alone, each spelling read as what it is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinearHead } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import {
  headError,
  maxHeadImageNorm,
  pairwiseDistances,
  readLinearHead,
} from '../../../../src/certify-runtime/trusted/head.ts';
import type { Graph, Tensor } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { refusal } from './site.ts';

type Make = (b: GraphBuilder, z: string) => string;

function graphOf(make: Make): { graph: Graph; latent: string; logits: string } {
  const builder = new GraphBuilder(['N', 3]);
  const latent = builder.node('Relu', ['image']);
  const logits = make(builder, latent);
  return { graph: builder.graph(logits), latent, logits };
}

function read(make: Make, change: (graph: Graph) => Graph = (graph) => graph): LinearHead {
  const { graph, latent, logits } = graphOf(make);
  return readLinearHead(change(graph), { latent, logits });
}

const W = [1, 2, 3, 4, 5, 6];
const w = (b: GraphBuilder, dims: readonly number[] = [3, 2], values: readonly number[] = W): string =>
  b.floats(dims, values);

test('where W is stored as it is and where it is transposed', () => {
  const rows = [1, 3, 5, 2, 4, 6];
  assert.deepEqual([...read((b, z) => b.node('MatMul', [z, w(b)])).weights], rows);
  assert.deepEqual([...read((b, z) => b.node('Gemm', [z, w(b)])).weights], rows);
  assert.deepEqual([...read((b, z) => b.node('Gemm', [z, w(b)], { transB: 0 })).weights], rows);
  const stored = read((b, z) => b.node('Gemm', [z, w(b, [2, 3])], { transB: 1 }));
  assert.deepEqual([stored.classes, stored.latentSize, [...stored.weights]], [2, 3, W]);
  // transB on a MatMul means nothing and is refused, not believed.
  refusal(() => read((b, z) => b.node('MatMul', [z, w(b)], { transB: 1 })), /attribute transB/);
});

test('the bias: none, one for all, one for each, in a Gemm and in an Add', () => {
  const gemm = (dims: readonly number[], values: readonly number[]): number[] => [
    ...read((b, z) => b.node('Gemm', [z, w(b), b.floats(dims, values)])).bias,
  ];
  const add = (dims: readonly number[], values: readonly number[]): number[] => [
    ...read((b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), b.floats(dims, values)])).bias,
  ];
  for (const bias of [gemm, add]) {
    assert.deepEqual(bias([2], [7, 8]), [7, 8]);
    assert.deepEqual(bias([1, 2], [7, 8]), [7, 8]);
    assert.deepEqual(bias([1], [7]), [7, 7]);
    assert.deepEqual(bias([], [7]), [7, 7]);
    assert.deepEqual(bias([1, 1], [7]), [7, 7]);
    refusal(() => bias([3], [7, 8, 9]), /does not fit/);
    refusal(() => bias([2, 1], [7, 8]), /does not fit/);
    refusal(() => bias([1, 1, 2], [7, 8]), /does not fit/);
    refusal(() => bias([2], [7]), /wrong number/);
    refusal(() => bias([2], [7, Number.NaN]), /not finite/);
    refusal(() => bias([2], [7, Number.POSITIVE_INFINITY]), /not finite/);
  }
  assert.deepEqual([...read((b, z) => b.node('Gemm', [z, w(b), ''])).bias], [0, 0]);
  // An Add of a Gemm is no head: two biases.
  const both: Make = (b, z) => b.node('Add', [b.node('Gemm', [z, w(b), b.floats([2], [1, 1])]), b.floats([2], [7, 8])]);
  refusal(() => read(both), /not one linear layer/);
});

test('the layer: its operator, its inputs, its outputs', () => {
  refusal(() => read((b, z) => b.node('Relu', [b.node('MatMul', [z, w(b)])])), /not one linear layer/);
  refusal(() => read((b) => b.node('MatMul', ['image', w(b)])), /first input/);
  refusal(() => read((b, z) => b.node('Gemm', [z, w(b), '', w(b)])), /more than a linear layer/);
  refusal(() => read((b, z) => b.node('MatMul', [z, w(b), w(b)])), /more than a linear layer/);
  refusal(
    () => read((b, z) => b.node('Add', [b.nodeWith('MatMul', [z, w(b)], 2)[0]!, b.floats([2], [1, 1])])),
    /more than a linear layer/,
  );
  refusal(() => read((b, z) => b.nodeWith('MatMul', [z, w(b)], 2)[0]!), /more than a linear layer/);
  refusal(
    () => read((b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), b.floats([2], [1, 1]), w(b)])),
    /more than a linear layer/,
  );
  refusal(() => read((b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), ''])), /add one constant/);
  refusal(() => read((b, z) => b.node('Add', [b.node('MatMul', [z, w(b)])])), /add one constant/);
  const twice: Make = (b, z) => {
    const y = b.node('MatMul', [z, w(b)]);
    return b.node('Add', [y, y]);
  };
  refusal(() => read(twice), /add one constant/);
  const { graph, latent } = graphOf((b, z) => b.node('MatMul', [z, w(b)]));
  refusal(() => readLinearHead(graph, { latent, logits: 'nowhere' }), /no node computes/);
  // Another MatMul that the Add does not take is not its layer.
  const beside: Make = (b, z) => {
    const other = b.floats([2], [1, 1]);
    b.node('MatMul', [z, w(b)]);
    return b.node('Add', [other, other]);
  };
  refusal(() => read(beside), /not one linear layer/);
});

test('the attributes: each but transB must be what it is without', () => {
  const gemm = (attributes: Parameters<GraphBuilder['node']>[2]): LinearHead =>
    read((b, z) => b.node('Gemm', [z, w(b)], attributes));
  gemm({ alpha: { float: 1 }, beta: { float: 1 }, transA: 0, transB: 0 });
  refusal(() => gemm({ alpha: { float: 2 } }), /attribute alpha/);
  refusal(() => gemm({ beta: { float: 0 } }), /attribute beta/);
  refusal(() => gemm({ transA: 1 }), /attribute transA/);
  refusal(() => gemm({ transB: 2 }), /attribute transB/);
  refusal(() => gemm({ broadcast: 1 }), /attribute broadcast/);
  refusal(
    () => read((b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), b.floats([2], [1, 1])], { alpha: { float: 1 } })),
    /attribute alpha/,
  );
});

test('the constants: float32, of their size, finite, and not for the caller to replace', () => {
  const matrix =
    (tensor: Omit<Tensor, 'name'>): Make =>
    (b, z) =>
      b.node('MatMul', [z, b.tensor(tensor)]);
  const data = Float32Array.from(W);
  assert.equal(read(matrix({ type: 'float32', dims: [3, 2], data })).classes, 2);
  refusal(() => read(matrix({ type: 'float32', dims: [6], data })), /rank 2/);
  refusal(() => read(matrix({ type: 'float32', dims: [1, 3, 2], data })), /rank 2/);
  refusal(() => read(matrix({ type: 'float32', dims: [0, 2], data: new Float32Array(0) })), /rank 2/);
  refusal(() => read(matrix({ type: 'float32', dims: [3, 3], data })), /wrong number/);
  refusal(() => read(matrix({ type: 'float32', dims: [3, 2], data: data.with(5, Number.NaN) })), /not finite/);
  refusal(() => read(matrix({ type: 'float64', dims: [3, 2], data: Float64Array.from(W) })), /constant of float32/);
  refusal(() => read((b, z) => b.node('MatMul', [z, z])), /constant of float32/);
  const open = (graph: Graph): Graph => ({
    ...graph,
    inputs: [...graph.inputs, { name: 'constant_0', type: 'float32', dims: [3, 2] }],
  });
  refusal(() => read((b, z) => b.node('MatMul', [z, w(b)]), open), /constant of float32/);
});

test('distances of rows, one unit above the exact ones', () => {
  const head: LinearHead = {
    ...{ classes: 3, latentSize: 2 },
    weights: Float32Array.of(3, 4, 0, 0, 3, 0),
    bias: new Float32Array(3),
  };
  const s = pairwiseDistances(head);
  for (const [c, j, exact] of [
    [0, 1, 5],
    [0, 2, 4],
    [1, 2, 3],
  ] as const) {
    assert.equal(s[3 * c + j], s[3 * j + c]);
    assert.ok(s[3 * c + j]! > exact && s[3 * c + j]! < exact + 1e-14);
    assert.equal(s[4 * c], 0);
  }
});

const LATENT = {
  latentNorm: { constant: 0, l2: 1, l1: 0 },
  latentChain: { scales: 0, growth: 1, reach: { constant: 0, l2: 1, l1: 0 } },
};

test('the largest image of a head: no weight, no scale and no logit beyond 2¹²⁷', () => {
  const of = (weight: number, bias: number, growth = 1, reach = 1): number =>
    maxHeadImageNorm(
      { classes: 1, latentSize: 1, weights: Float32Array.of(weight), bias: Float32Array.of(bias) },
      { latentNorm: LATENT.latentNorm, latentChain: { scales: 0, growth, reach: { constant: 0, l2: reach, l1: 0 } } },
      2 ** 60,
    );
  assert.equal(of(1, 0), 2 ** 60);
  const about = (actual: number, exact: number): void => assert.ok(actual < exact && actual > exact * (1 - 2 ** -40));
  about(of(2 ** 100, 0), 2 ** 25);
  about(of(2 ** 100, 2 ** 124), 2 ** 24);
  about(of(2 ** 100, 0, 1, 2 ** 20), 2 ** 5);
  // A provider may move the scale to the weights, and the weights by themselves may be small.
  assert.equal(of(2 ** 100, 0, 2 ** 28), 0);
  assert.equal(of(2 ** -100, 0, 2 ** 127), 0);
  assert.equal(of(2 ** -100, 0, 2 ** 126), 2 ** 60);
  assert.equal(of(1, 2 ** 125), 0);
  assert.equal(of(0, 2 ** 124), 2 ** 60);
  assert.equal(of(0, 0, 1, 0), 2 ** 60);
});

test('a head whose error has no bound is refused', () => {
  const head = { classes: 1, latentSize: 1, weights: Float32Array.of(1), bias: Float32Array.of(0) };
  assert.ok(headError(head, LATENT).l2 > 0);
  const endless = { ...LATENT, latentNorm: { constant: 0, l2: Number.POSITIVE_INFINITY, l1: 0 } };
  refusal(() => headError(head, endless), /no finite bound/);
});
