/**
 * The twins of the rules: every operator that has a rule has a value and a gradient in float64, which agree with ONNX Runtime
 * and with difference quotients, and is marked as affine if and only if it is.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { differentiate } from '../../../src/certify-runtime/gradient/network.ts';
import { TWINS } from '../../../src/certify-runtime/gradient/operators.ts';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom, type Random } from '../../../src/certify-runtime/smoothing/random.ts';
import { RULES } from '../../../src/certify-runtime/trusted/rules/table.ts';
import { cutsOf } from '../../../src/evaluate/sampling/affine-part.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { QUIET } from '../../support/networks/sealed.ts';

/** Operators with a rule and without a twin, and why. */
const WITHOUT: Readonly<Record<string, string>> = {};

const [C, H, W] = [2, 4, 4] as const;
const SIZE = C * H * W;
const N = 3;

type Form = (b: GraphBuilder, random: Random) => string;

const normals = (random: Random, count: number) => Float32Array.from({ length: count }, () => random.normal());
const weights = (b: GraphBuilder, random: Random, ...dims: number[]) =>
  b.floats(
    dims,
    normals(
      random,
      dims.reduce((a, c) => a * c, 1),
    ),
  );
/** Away from 0, so that it can be divided by. */
const positive = (b: GraphBuilder, random: Random, ...dims: number[]) =>
  b.floats(
    dims,
    normals(
      random,
      dims.reduce((a, c) => a * c, 1),
    ).map((value) => 0.5 + Math.abs(value)),
  );
const other = (b: GraphBuilder) => b.node('Transpose', ['image'], { perm: [0, 1, 3, 2] });
const flat = (b: GraphBuilder) => b.node('Flatten', ['image']);
const unary =
  (op: string, attributes = {}): Form =>
  (b) =>
    b.node(op, ['image'], attributes);

/** At least one form of each operator; of one that takes its constant on either side, both. */
const FORMS: Readonly<Record<string, readonly Form[]>> = {
  Abs: [unary('Abs')],
  Add: [(b, r) => b.node('Add', ['image', weights(b, r, C, 1, 1)]), (b) => b.node('Add', ['image', other(b)])],
  AveragePool: [
    unary('AveragePool', { kernel_shape: [2, 2], strides: [2, 2] }),
    unary('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  ],
  BatchNormalization: [
    (b, r) =>
      b.node('BatchNormalization', ['image', weights(b, r, C), weights(b, r, C), weights(b, r, C), positive(b, r, C)]),
  ],
  Celu: [unary('Celu'), unary('Celu', { alpha: { float: 0.3 } })],
  Cast: [unary('Cast', { to: 1 })],
  Clip: [(b) => b.node('Clip', ['image', b.floats([], [-0.3]), b.floats([], [0.4])])],
  Concat: [(b) => b.node('Concat', ['image', other(b)], { axis: 1 })],
  Conv: [(b, r) => b.node('Conv', ['image', weights(b, r, 4, C, 3, 3), weights(b, r, 4)], { pads: [1, 1, 1, 1] })],
  Div: [(b, r) => b.node('Div', ['image', positive(b, r, C, 1, 1)])],
  Dropout: [unary('Dropout')],
  Elu: [unary('Elu'), unary('Elu', { alpha: { float: 3 } })],
  Erf: [unary('Erf')],
  Flatten: [unary('Flatten')],
  Gather: [(b) => b.node('Gather', ['image', b.ints([3, 0, 1])], { axis: 2 })],
  Gemm: [(b, r) => b.node('Gemm', [flat(b), weights(b, r, 5, SIZE), weights(b, r, 5)], { transB: 1 })],
  GlobalAveragePool: [unary('GlobalAveragePool')],
  GlobalMaxPool: [unary('GlobalMaxPool')],
  HardSigmoid: [unary('HardSigmoid'), unary('HardSigmoid', { alpha: { float: -0.5 }, beta: { float: 0.3 } })],
  HardSwish: [unary('HardSwish')],
  Identity: [unary('Identity')],
  LeakyRelu: [unary('LeakyRelu', { alpha: { float: 0.2 } })],
  MatMul: [
    (b, r) => b.node('MatMul', ['image', weights(b, r, W, 3)]),
    (b, r) => b.node('MatMul', [weights(b, r, 3, H), 'image']),
    (b, r) => b.node('MatMul', ['image', weights(b, r, C, W, 3)]),
  ],
  Max: [(b) => b.node('Max', ['image', other(b)]), (b) => b.node('Max', ['image', b.floats([], [0.1])])],
  MaxPool: [
    unary('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }),
    unary('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 0, 0], ceil_mode: 1 }),
    unary('MaxPool', { kernel_shape: [2, 2], dilations: [2, 2], pads: [1, 0, 1, 0] }),
  ],
  Min: [(b) => b.node('Min', ['image', other(b)]), (b) => b.node('Min', ['image', b.floats([], [0.1])])],
  Mish: [unary('Mish')],
  Mul: [
    (b) => b.node('Mul', ['image', b.node('Sigmoid', ['image'])]),
    (b) => b.node('Mul', ['image', 'image']),
    (b, r) => b.node('Mul', ['image', weights(b, r, C, 1, 1)]),
    (b, r) => b.node('Mul', [weights(b, r, 1), 'image']),
  ],
  Neg: [unary('Neg')],
  PRelu: [(b, r) => b.node('PRelu', ['image', weights(b, r, C, 1, 1)])],
  Pad: [
    (b) => b.node('Pad', ['image', b.ints([0, 0, 1, 2, 0, 0, 0, 1]), b.floats([], [0.5])]),
    (b) => b.node('Pad', ['image', b.ints([0, 1, 1, 2, 0, 0, 5, 1])], { mode: 'edge' }),
    (b) => b.node('Pad', ['image', b.ints([0, 1, 3, 2, 0, 1, 2, 3])], { mode: 'reflect' }),
  ],
  ReduceMax: [(b) => b.node('ReduceMax', ['image', b.ints([2, 3])], { keepdims: 0 })],
  ReduceMean: [(b) => b.node('ReduceMean', ['image', b.ints([2])], { keepdims: 1 })],
  ReduceMin: [(b) => b.node('ReduceMin', ['image', b.ints([1])], { keepdims: 0 })],
  ReduceSum: [(b) => b.node('ReduceSum', ['image', b.ints([-1])], { keepdims: 0 })],
  Relu: [unary('Relu')],
  Reshape: [(b) => b.node('Reshape', ['image', b.ints([-1, H * C, W])])],
  Selu: [unary('Selu'), unary('Selu', { alpha: { float: 0.5 }, gamma: { float: 2 } })],
  Sigmoid: [unary('Sigmoid')],
  Slice: [(b) => b.node('Slice', ['image', b.ints([-1]), b.ints([0]), b.ints([3]), b.ints([-2])])],
  Softplus: [unary('Softplus')],
  Softsign: [unary('Softsign')],
  Split: [(b) => b.nodeWith('Split', ['image', b.ints([1, 3])], 2, { axis: 2 })[1]!],
  Sqrt: [(b) => b.node('Sqrt', [b.node('ReduceSum', [b.node('Mul', ['image', 'image']), b.ints([1])])])],
  Squeeze: [(b) => b.node('Squeeze', [b.node('Unsqueeze', ['image', b.ints([1])]), b.ints([1])])],
  Sub: [
    (b, r) => b.node('Sub', ['image', weights(b, r, C, 1, 1)]),
    (b, r) => b.node('Sub', [weights(b, r, C, 1, 1), 'image']),
    (b) => b.node('Sub', ['image', other(b)]),
  ],
  Sum: [(b) => b.node('Sum', ['image', other(b), 'image'])],
  Tanh: [unary('Tanh')],
  TopK: [(b) => b.nodeWith('TopK', ['image', b.ints([2])], 2, { axis: 3 })[0]!],
  Transpose: [unary('Transpose', { perm: [0, 3, 1, 2] })],
  Unsqueeze: [(b) => b.node('Unsqueeze', ['image', b.ints([2])])],
};

async function answerOf(b: GraphBuilder, output: string, images: Float32Array): Promise<Float32Array> {
  const graph = { ...b.graph(output), outputs: [{ name: output, type: 'float32' as const, dims: [] }] };
  const head = { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0' };
  const session = await ort.InferenceSession.create(writeOnnx({ ...head, graph, metadata: new Map() }), QUIET);
  try {
    const results = await session.run({ image: new ort.Tensor('float32', images, [N, C, H, W]) });
    return results[output]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from({ length: a.length }, (_, i) => a[i]! * b[i]!).reduce((sum, term) => sum + term, 0);
const largest = (values: Float64Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);

async function check(op: string, form: Form, seed: number): Promise<void> {
  const random = createRandom(seed);
  const b = new GraphBuilder(['N', C, H, W]);
  const output = form(b, random);
  assert.equal(b.nodes.at(-1)!.op, op);
  const images = normals(random, N * SIZE);
  const network = differentiate(b.graph(output), 'image', output);
  assert.ok(network !== null, 'has no gradient');

  const x = Float64Array.from(images);
  const { output: y, pullback } = network.trace(x, N);
  const expected = await answerOf(b, output, images);
  assert.equal(y.length, expected.length);
  for (const [i, value] of y.entries()) {
    assert.ok(Math.abs(value - expected[i]!) <= 1e-5 * largest(y), `${value}, ONNX Runtime ${expected[i]}`);
  }

  const direction = x.map(() => random.normal());
  const seeds = y.map(() => random.normal());
  const at = (step: number) =>
    network.trace(
      x.map((value, i) => value + step * direction[i]!),
      N,
    ).output;
  const step = 1e-6;
  const [ahead, behind] = [at(step), at(-step)];
  const quotient = dot(
    ahead.map((value, i) => (value - behind[i]!) / (2 * step)),
    seeds,
  );
  const slope = dot(pullback(seeds), direction);
  assert.ok(Math.abs(quotient - slope) <= 1e-6 * (1 + Math.abs(slope)), `difference ${quotient}, gradient ${slope}`);

  const [moved, zero, far] = [direction, x.map(() => 0), x.map((value, i) => value + direction[i]!)].map(
    (points) => network.trace(points, N).output,
  ) as [Float64Array, Float64Array, Float64Array];
  const bend = largest(far.map((value, i) => value + zero[i]! - y[i]! - moved[i]!));
  const isAffine = bend <= 1e-12 * largest(far);
  assert.equal(cutsOf(b.graph(output), 'image', output).includes(output), isAffine, `affine up to ${bend}`);
}

describe('the twins of the rules', () => {
  it('are there for every operator with a rule, but for those on the list', () => {
    const ops = [...RULES.keys()];
    assert.deepEqual(ops.filter((op) => !TWINS.has(op)).toSorted(), Object.keys(WITHOUT).toSorted());
    assert.deepEqual(
      ops.filter((op) => TWINS.has(op) && FORMS[op] === undefined),
      [],
      'no form of it is tried',
    );
    assert.deepEqual(
      [...TWINS.keys()].filter((op) => !RULES.has(op)),
      [],
      'a twin of no rule',
    );
  });
  for (const [op, forms] of Object.entries(FORMS)) {
    it(`${op}: ONNX Runtime's values, and gradients that are difference quotients`, async () => {
      for (const [i, form] of forms.entries()) for (const seed of [1, 2, 3]) await check(op, form, 10 * i + seed);
    });
  }
});
