/** What has no rule is refused by name: operators, attributes, everything that could mix samples, hostile sizes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import type { Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules } from '../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { type Make, refused } from '../../support/networks/refused.ts';

test('operators without a rule', () => {
  const without =
    'Softmax LogSoftmax Exp Log Pow Gelu Sin Cos Tan Sinh Cosh Asinh Atan ThresholdedRelu Shrink LogSigmoid Swish ' +
    'Reciprocal Round Floor Ceil Sign ConvTranspose ConvInteger MatMulInteger QLinearConv QuantizeLinear DequantizeLinear ' +
    'DynamicQuantizeLinear LayerNormalization InstanceNormalization GroupNormalization LpNormalization LpPool LRN LSTM GRU ' +
    'RNN Attention ReduceL2 ReduceProd ReduceLogSumExp ArgMax CumSum Einsum Resize Upsample GridSample If Loop Scan Where ' +
    'Equal Greater Tile Expand GatherND ScatterND ScatterElements NonZero DepthToSpace SpaceToDepth Dropout_ RandomNormal constructor';
  for (const op of without.split(' ')) refused(['N', 4], (b) => b.node(op, ['image']), op, /has no rule/);
});

test('attributes without a rule', () => {
  const w = (b: GraphBuilder): string => b.floats([4, 4], Array(16).fill(1));
  refused(['N', 4], (b) => b.node('Relu', ['image'], { surprise: 1 }), 'Relu', /attribute surprise has no rule/);
  refused(['N', 4], (b) => b.node('Gemm', ['image', w(b)], { transA: 1 }), 'Gemm', /mix the samples/);
  refused(['N', 4], (b) => b.node('Gemm', ['image', w(b)], { alpha: 'x' }), 'Gemm', /of kind float/);
  const image = ['N', 1, 4, 4];
  const k = (b: GraphBuilder): string => b.floats([1, 1, 2, 2], [1, 1, 1, 1]);
  refused(image, (b) => b.node('Conv', ['image', k(b)], { auto_pad: 'SOMEHOW' }), 'Conv', /auto_pad SOMEHOW/);
  refused(image, (b) => b.node('Conv', ['image', k(b)], { pads: [-1, 0, 0, 0] }), 'Conv', /pads/);
  refused(image, (b) => b.node('Conv', ['image', k(b)], { group: 2 }), 'Conv', /groups/);
  refused(image, (b) => b.node('Conv', ['image', k(b)], { kernel_shape: [3, 3] }), 'Conv', /kernel_shape/);
  refused(image, (b) => b.node('Conv', ['image', b.floats([1, 1, 9, 9], Array(81).fill(1))]), 'Conv', /does not fit/);
  refused(
    image,
    (b) => b.node('MaxPool', ['image'], { kernel_shape: [2, 2], auto_pad: 'SAME_UPPER', ceil_mode: 1 }),
    'MaxPool',
    /ceil_mode/,
  );
  refused(
    image,
    (b) => b.node('AveragePool', ['image'], { kernel_shape: [2, 2], pads: [2, 2, 2, 2] }),
    'AveragePool',
    /padding/,
  );
  refused(
    image,
    (b) => b.node('AveragePool', ['image'], { kernel_shape: [2, 2], dilations: [2, 2] }),
    'AveragePool',
    /dilations/,
  );
  refused(
    image,
    (b) => b.node('Pad', ['image', b.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'wrap' }),
    'Pad',
    /mode wrap/,
  );
  refused(
    image,
    (b) => b.node('Pad', ['image', b.ints([0, 0, 4, 1, 0, 0, 1, 1])], { mode: 'reflect' }),
    'Pad',
    /more than once/,
  );
  refused(['N', 4], (b) => b.node('TopK', ['image', b.ints([2])], { sorted: 0 }), 'TopK', /order/);
  refused(['N', 4], (b) => b.node('Reshape', ['image', b.ints([0, 4])], { allowzero: 1 }), 'Reshape', /allowzero/);
  refused(['N', 4], (b) => b.node('Cast', ['image'], { to: 10 }), 'Cast', /float32/);
  const bn = (b: GraphBuilder): string[] => ['image', ...[0, 1, 2, 3].map(() => b.floats([1], [1]))];
  refused(
    image,
    (b) => b.node('BatchNormalization', bn(b), { training_mode: 1 }),
    'BatchNormalization',
    /mixes the samples/,
  );
  const negative = (b: GraphBuilder): string[] => ['image', ...[1, 1, 1, -2].map((v) => b.floats([1], [v]))];
  refused(image, (b) => b.node('BatchNormalization', negative(b)), 'BatchNormalization', /variance/);
});

test('everything that could mix the samples of a batch', () => {
  const dims = ['N', 4, 6];
  refused(dims, (b) => b.node('Reshape', ['image', b.ints([4, -1])]), 'Reshape', /batch is free/);
  refused(dims, (b) => b.node('Reshape', ['image', b.ints([-1, 7])]), 'Reshape', /mixed/);
  refused(dims, (b) => b.node('Reshape', ['image', b.ints([-1, 48])]), 'Reshape', /mixed/);
  refused(
    dims,
    (b) => b.node('Reshape', ['image', b.node('Gather', [b.node('Shape', ['image']), b.ints([1, 0, 2])])]),
    'Reshape',
    /batch is free/,
  );
  refused(dims, (b) => b.node('Flatten', ['image'], { axis: 0 }), 'Flatten', /mix/);
  refused(dims, (b) => b.node('Transpose', ['image'], { perm: [1, 0, 2] }), 'Transpose', /batch axis/);
  refused(dims, (b) => b.node('Transpose', ['image']), 'Transpose', /batch axis/);
  for (const op of ['Concat', 'Gather', 'TopK'] as const) {
    const inputs = { Concat: ['image', 'image'], Gather: [''], TopK: [''] }[op];
    const make: Make = (b) => b.node(op, op === 'Concat' ? inputs : ['image', b.ints([0])], { axis: 0 });
    refused(dims, make, op, /axis 0 is the batch/);
  }
  refused(dims, (b) => b.node('Concat', ['image', 'image'], { axis: -3 }), 'Concat', /axis 0 is the batch/);
  refused(dims, (b) => b.nodeWith('Split', ['image'], 2, { axis: 0 })[0]!, 'Split', /axis 0 is the batch/);
  refused(dims, (b) => b.node('Slice', ['image', b.ints([0]), b.ints([1])]), 'Slice', /axis 0 is the batch/);
  refused(dims, (b) => b.node('Squeeze', ['image']), 'Squeeze', /batch/);
  refused(dims, (b) => b.node('Squeeze', ['image', b.ints([0])]), 'Squeeze', /axis 0 is the batch/);
  refused(dims, (b) => b.node('Unsqueeze', ['image', b.ints([0])]), 'Unsqueeze', /axis 0 is the batch/);
  refused(dims, (b) => b.node('Pad', ['image', b.ints([1, 0, 0, 0, 0, 0])]), 'Pad', /axis 0 is the batch/);
  for (const op of ['ReduceMax', 'ReduceMin', 'ReduceMean', 'ReduceSum']) {
    refused(dims, (b) => b.node(op, ['image']), op, /mix/);
    refused(dims, (b) => b.node(op, ['image', b.ints([0])]), op, /axis 0 is the batch/);
    refused(dims, (b) => b.node(op, ['image', b.ints([-3])]), op, /axis 0 is the batch/);
  }
  refused(
    ['N', 4],
    (b) => b.node('MatMul', [b.floats([3, 4], Array(12).fill(1)), 'image']),
    'MatMul',
    /mix the samples/,
  );
  // Blocks that go with the batch, with some of an axis, or with all of it at once.
  const ones = (b: GraphBuilder, ...dims: number[]): string =>
    b.floats(dims, Array(dims.reduce((x, y) => x * y, 1)).fill(1));
  refused(['N', 3, 4], (b) => b.node('MatMul', ['image', ones(b, 2, 4, 5)]), 'MatMul', /in blocks \[2\]/);
  refused(['N', 2, 3, 4], (b) => b.node('MatMul', ['image', ones(b, 2, 2, 4, 5)]), 'MatMul', /in blocks \[2,2\]/);
  refused(['N', 2, 3, 4], (b) => b.node('MatMul', ['image', ones(b, 1, 4, 5)]), 'MatMul', /in blocks \[1\]/);
  refused(['N', 1, 3, 4], (b) => b.node('MatMul', ['image', ones(b, 6, 4, 5)]), 'MatMul', /in blocks \[6\]/);
  refused(['N', 2, 3, 4], (b) => b.node('MatMul', [ones(b, 3, 5, 3), 'image']), 'MatMul', /in blocks \[3\]/);
  refused(['N', 2, 3, 4], (b) => b.node('MatMul', [ones(b, 2, 5, 4), 'image']), 'MatMul', /4 inputs/);
  for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'PRelu']) {
    refused(['N', 4], (b) => b.node(op, ['image', b.floats([3, 4], Array(12).fill(1))]), op, /varies with the batch/);
    refused(['N', 4], (b) => b.node(op, ['image', b.floats([3, 1, 4], Array(12).fill(1))]), op, /more dimensions/);
  }
  refused(
    ['N', 4],
    (b) => b.node('Gemm', ['image', b.floats([4, 2], Array(8).fill(1)), b.floats([3, 2], Array(6).fill(1))]),
    'Gemm',
    /batch/,
  );
});

test('products and quotients of two data tensors, and what is not constant', () => {
  for (const op of ['Div', 'MatMul']) refused(['N', 4], (b) => b.node(op, ['image', 'image']), op, /no bound/);
  refused(['N', 4], (b) => b.node('Div', [b.floats([4], [1, 1, 1, 1]), 'image']), 'Div', /no bound/);
  refused(['N', 4], (b) => b.node('Div', ['image', b.floats([4], [1, 0, 1, 1])]), 'Div', /divides by 0/);
  refused(['N', 4], (b) => b.node('Div', ['image', b.floats([1], [1e-40])]), 'Div', /zero/);
  refused(['N', 4], (b) => b.node('Gemm', ['image', 'elsewhere']), 'Gemm', /"elsewhere"/);
  refused(
    ['N', 4],
    (b) => b.node('Clip', ['image', b.node('Slice', ['image', b.ints([0]), b.ints([1]), b.ints([1])])]),
    'Clip',
    /constant/,
  );
  refused(
    ['N', 4, 4],
    (b) => b.node('Max', ['image', b.node('ReduceMax', ['image', b.ints([1])])]),
    'Max',
    /broadcast/,
  );
  refused(['N', 4], (b) => b.node('Add', ['image', b.floats([4], [1, Number.NaN, 1, 1])]), 'Add', /NaN/);
  refused(['N', 4], (b) => b.node('Mul', ['image', b.floats([1], [Number.POSITIVE_INFINITY])]), 'Mul', /Infinity/);
  refused(
    ['N', 4],
    (b) => b.node('Add', ['image', b.node('Mul', [b.floats([1], [2]), b.floats([1], [3])])]),
    'Mul',
    /int64/,
  );
});

test('an initializer that is also an input is no constant: the caller may replace it', () => {
  const builder = new GraphBuilder(['N', 4]);
  const bias = builder.floats([4], [1, 2, 3, 4]);
  const latent = builder.node('Add', ['image', bias]);
  const graph: Graph = builder.graph(latent);
  boundEncoder(graph, { input: 'image', latent, rules: allRules });
  const open = { ...graph, inputs: [...graph.inputs, { name: bias, type: 'float32' as const, dims: [4] }] };
  assert.throws(() => boundEncoder(open, { input: 'image', latent, rules: allRules }), UnprovableError);
});

test('a tensor computed twice, a missing input or latent, an image without fixed size', () => {
  const builder = new GraphBuilder(['N', 4]);
  const latent = builder.node('Relu', ['image']);
  const graph = builder.graph(latent);
  const twice = { ...graph, nodes: [...graph.nodes, { ...graph.nodes[0]!, op: 'Abs' }] };
  assert.throws(() => boundEncoder(twice, { input: 'image', latent, rules: allRules }), /computed twice/);
  assert.throws(() => boundEncoder(graph, { input: 'photo', latent, rules: allRules }), UnprovableError);
  assert.throws(() => boundEncoder(graph, { input: 'image', latent: 'nowhere', rules: allRules }), UnprovableError);
  const free = { ...graph, inputs: [{ ...graph.inputs[0]!, dims: ['N', 'width'] }] };
  assert.throws(() => boundEncoder(free, { input: 'image', latent, rules: allRules }), UnprovableError);
  const half = { ...graph, inputs: [{ ...graph.inputs[0]!, type: 'float64' as const }] };
  assert.throws(() => boundEncoder(half, { input: 'image', latent, rules: allRules }), UnprovableError);
});

test('constants so large that float32 may overflow for every image', () => {
  refused(['N', 4], (b) => b.node('Add', ['image', b.floats([1], [3e38])]), 'Add', /overflow/);
  const twice: Make = (b) => b.node('Mul', [b.node('Mul', ['image', b.floats([1], [1e25])]), b.floats([1], [1e25])]);
  refused(['N', 4], twice, 'Mul', /overflow/);
});

test('attributes that set 18 does not know are refused: a sealed file has no operator of an earlier form', () => {
  const dims = ['N', 1, 4, 6];
  for (const [op, attributes] of [
    ['Clip', { min: { float: 0 } }],
    ['Squeeze', { axes: [1] }],
    ['Unsqueeze', { axes: [1] }],
    ['ReduceSum', { axes: [1] }],
    ['ReduceMean', { axes: [1] }],
    ['ReduceMax', { axes: [1] }],
    ['ReduceMin', { axes: [1] }],
    ['Split', { axis: 1, split: [1] }],
    ['Slice', { starts: [0], ends: [1], axes: [1] }],
    ['Pad', { pads: [0, 0, 0, 1, 0, 0, 0, 0] }],
    ['Pad', { value: { float: 1 } }],
    ['Dropout', { ratio: { float: 0.5 } }],
    ['Cast', { to: 1, saturate: 1 }],
    ['AveragePool', { kernel_shape: [1, 1], dilations: [1, 1] }],
  ] as const) {
    refused([...dims], (b) => b.node(op, ['image'], attributes), op, /attribute \w+ has no rule/);
  }
});
