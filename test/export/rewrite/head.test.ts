/** Heads in the spellings of exporters become one linear layer; what stands behind the logits is cut off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import { makeHead } from '../../../src/export/foreign/rewrite/head.ts';
import { answersFor, checkSingle, cutTail } from '../../../src/export/foreign/rewrite/tail.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { Random } from '../../support/numbers/random.ts';
import { modelOf, operators, rewriterOf, rewritten } from './rewritten.ts';

const random = new Random(3);
const matrix = (b: GraphBuilder, dims: readonly number[]) =>
  b.floats(dims, random.normals(dims.reduce((product, dim) => product * dim, 1)));

/** The operators of a network that ends as `build` says. */
async function formOf(
  sample: readonly number[],
  build: (b: GraphBuilder, x: string) => string,
  batch: number | null = null,
): Promise<string> {
  const builder = new GraphBuilder([batch ?? 'N', ...sample]);
  const output = build(builder, builder.node('Relu', ['image']));
  return operators(await rewritten(builder, output, { sample, batch, change: makeHead }));
}

test('a layer that is linear already stays as it is', async () => {
  const gemm = (b: GraphBuilder, x: string) => b.node('Gemm', [x, matrix(b, [7, 3]), matrix(b, [3])]);
  assert.equal(await formOf([7], gemm), 'Relu Gemm');
  const bias = (b: GraphBuilder, x: string) =>
    b.node('Add', [matrix(b, [3]), b.node('MatMul', [x, matrix(b, [7, 3])])]);
  assert.equal(await formOf([7], bias), 'Relu MatMul Add');
});

test('affine operators behind the last matrix are multiplied into it', async () => {
  const product = (b: GraphBuilder, x: string) => b.node('MatMul', [x, matrix(b, [7, 3])]);
  const layer = (b: GraphBuilder, x: string) =>
    b.node('Gemm', [x, matrix(b, [3, 7]), matrix(b, [1, 3])], { transB: 1 });
  const scales = { alpha: { float: 0.5 }, beta: { float: 2 } };
  const forms: ((b: GraphBuilder, x: string) => string)[] = [
    (b, x) => b.node('Div', [layer(b, x), b.floats([1], [1.7])]),
    (b, x) => b.node('Mul', [b.floats([], [3]), layer(b, x)]),
    (b, x) => b.node('Sub', [layer(b, x), matrix(b, [3])]),
    (b, x) => b.node('Sub', [matrix(b, [1, 3]), layer(b, x)]),
    (b, x) => b.node('Add', [b.node('Add', [product(b, x), matrix(b, [3])]), matrix(b, [3])]),
    (b, x) => b.node('Gemm', [x, matrix(b, [7, 3]), matrix(b, [3])], scales),
    (b, x) => b.node('Reshape', [b.node('Unsqueeze', [layer(b, x), b.ints([1])]), b.ints([-1, 3])]),
    (b, x) => b.node('Gather', [layer(b, x), b.ints([2, 0])], { axis: 1 }),
    (b, x) =>
      b.node('BatchNormalization', [
        layer(b, x),
        matrix(b, [3]),
        matrix(b, [3]),
        matrix(b, [3]),
        b.floats([3], [1, 2, 3]),
      ]),
  ];
  for (const form of forms) assert.equal(await formOf([7], form), 'Relu Gemm');
  const fixed = (b: GraphBuilder, x: string) => b.node('Reshape', [b.node('Neg', [layer(b, x)]), b.ints([2, 3])]);
  assert.equal(await formOf([7], fixed, 2), 'Relu Gemm');
});

test('a bias of any size rounds nothing of the matrix off', async () => {
  const huge = (b: GraphBuilder, x: string) => {
    const layer = b.node('Gemm', [x, matrix(b, [7, 3]), b.floats([3], [3e6, -2e6, 1e6])]);
    return b.node('Sub', [b.node('Neg', [layer]), b.floats([3], [-3e6, 2e6, -1e6])]);
  };
  const builder = new GraphBuilder(['N', 7]);
  const output = huge(builder, builder.node('Relu', ['image']));
  const model = modelOf(builder, output);
  const rewriter = await rewriterOf(model, [1, 7], null);
  await makeHead(rewriter);
  const weights = rewriter.floats(rewriter.draft.nodes.at(-1)!.inputs[1])!;
  const own = rewriter.floats(builder.nodes[1]!.inputs[1])!;
  for (let k = 0; k < 3; k++) {
    for (let i = 0; i < 7; i++) assert(Math.abs(weights[k * 7 + i]! + own[i * 3 + k]!) < 1e-6);
  }
});

test('transposed products, convolutions and means', async () => {
  const column = (b: GraphBuilder, x: string) =>
    b.node('Add', [b.node('MatMul', [matrix(b, [3, 7]), x]), matrix(b, [3, 1])]);
  assert.equal(await formOf([7, 1], column), 'Relu Reshape Gemm');

  const one = (b: GraphBuilder, x: string) => b.node('Conv', [x, matrix(b, [3, 4, 1, 1]), matrix(b, [3])]);
  const means: ((b: GraphBuilder, x: string) => string)[] = [
    (b, x) => b.node('Flatten', [b.node('GlobalAveragePool', [x])]),
    (b, x) => b.node('ReduceMean', [x, b.ints([2, 3])], { keepdims: 0 }),
    (b, x) => b.node('Squeeze', [b.node('ReduceMean', [x, b.ints([-1, -2])]), b.ints([2, 3])]),
  ];
  for (const mean of means) {
    const ops = await formOf([4, 5, 6], (b, x) => mean(b, one(b, x)));
    assert.equal(ops, 'Relu GlobalAveragePool Reshape Gemm');
  }
  // A convolution over places does not change places with the mean.
  const three = (b: GraphBuilder, x: string) => b.node('Conv', [x, matrix(b, [3, 4, 3, 3])], { pads: [1, 1, 1, 1] });
  assert.equal(await formOf([4, 5, 6], (b, x) => means[0]!(b, three(b, x))), 'Relu Reshape Gemm');
  const padded = (b: GraphBuilder, x: string) => b.node('Conv', [x, matrix(b, [3, 4, 1, 1])], { pads: [1, 1, 1, 1] });
  assert.equal(await formOf([4, 5, 6], (b, x) => means[1]!(b, padded(b, x))), 'Relu Reshape Gemm');
  const whole = (b: GraphBuilder, x: string) => b.node('Flatten', [b.node('Conv', [x, matrix(b, [3, 4, 5, 6])])]);
  assert.equal(await formOf([4, 5, 6], whole), 'Relu Reshape Gemm');
});

test('a network that does not end with a linear layer gets one', async () => {
  assert.equal(await formOf([4], (b, x) => b.node('Clip', [x, '', b.floats([], [1])])), 'Relu Clip Gemm');
  assert.equal(
    await formOf([4, 5, 6], (b, x) => b.node('Flatten', [b.node('GlobalAveragePool', [x])])),
    'Relu Reshape Gemm',
  );
});

async function cut(build: (b: GraphBuilder, x: string) => string, opset = 18): Promise<[string, string]> {
  const builder = new GraphBuilder(['N', 7]);
  const logits = builder.node('Gemm', ['image', matrix(builder, [7, 3])]);
  const output = build(builder, logits);
  const model = modelOf(builder, output, opset);
  const rewriter = await rewriterOf(model, [1, 7], null);
  const ops = cutTail(rewriter, opset);
  assert.equal(rewriter.draft.outputs[0]!.name, rewriter.draft.nodes.at(-1)!.outputs[0]);
  return [ops.join(' '), operators(rewriter.draft.nodes)];
}

test('what keeps the order of the logits is cut off', async () => {
  assert.deepEqual(await cut((b, x) => b.node('Softmax', [x], { axis: 1 })), ['Softmax', 'Gemm']);
  assert.deepEqual(await cut((b, x) => b.node('Log', [b.node('Softmax', [x])])), ['Softmax Log', 'Gemm']);
  const label = (b: GraphBuilder, x: string) => b.node('ArgMax', [b.node('Sigmoid', [x])], { axis: -1, keepdims: 0 });
  assert.deepEqual(await cut((b, x) => b.node('Cast', [label(b, x)], { to: 6 })), ['Sigmoid ArgMax', 'Gemm']);
  const column = (b: GraphBuilder, x: string) => b.node('Unsqueeze', [x, b.ints([2, 3])]);
  assert.deepEqual(await cut((b, x) => b.node('Flatten', [b.node('Softmax', [column(b, x)], { axis: 1 })])), [
    'Softmax',
    'Gemm Unsqueeze',
  ]);
  const first = (b: GraphBuilder, x: string) => b.nodeWith('TopK', [x, b.ints([1])], 2)[1]!;
  assert.deepEqual(await cut((b, x) => b.node('Cast', [first(b, x)], { to: 6 })), ['ArgMax', 'Gemm']);
  // A Reshape alone belongs to the last layer.
  assert.deepEqual(await cut((b, x) => column(b, x)), ['', 'Gemm Unsqueeze']);
});

test('what does not keep it, or is of another axis, is refused', async () => {
  const column = (b: GraphBuilder, x: string) => b.node('Unsqueeze', [x, b.ints([2])]);
  const wrong: [(b: GraphBuilder, x: string) => string, number?][] = [
    [(b, x) => b.node('Softmax', [x], { axis: 0 })],
    [(b, x) => b.node('Softmax', [column(b, x)])],
    [(b, x) => b.node('ArgMax', [x], { axis: 0 })],
    [(b, x) => b.node('Log', [x])],
  ];
  for (const [build, opset] of wrong) {
    await assert.rejects(cut(build, opset), (error) => {
      const { place, reason, remedy } = (error as UnprovableError).details;
      return error instanceof UnprovableError && [place, reason, remedy].every((text) => typeof text === 'string');
    });
  }
  // Before set 13, a Softmax goes over everything from its axis on, which is 1 by default.
  assert.deepEqual(await cut((b, x) => b.node('Softmax', [column(b, x)]), 12), ['Softmax', 'Gemm Unsqueeze']);
});

test('the answers of the original follow from the logits', () => {
  const logits = [1, -2, 3];
  const none = { found: [], tolerance: 0 };
  const total = Math.exp(1) + Math.exp(-2) + Math.exp(3);
  const close = (found: number[], expected: number[]) =>
    assert(found.every((value, i) => Math.abs(value - expected[i]!) < 1e-12));
  const answers = (cutOff: Parameters<typeof answersFor>[1]['cut'], found = none) =>
    answersFor(logits, { cut: cutOff, single: false }, found);
  close(
    answers(['Softmax']),
    logits.map((y) => Math.exp(y) / total),
  );
  close(answers(['Softmax', 'Log']), answers(['LogSoftmax']));
  close(
    answers(['Sigmoid', 'Normalizer']),
    answers(['Sigmoid']).map((p, _, all) => p / (all[0]! + all[1]! + all[2]!)),
  );
  assert.deepEqual(answers(['Softmax', 'ArgMax']), [2]);
  assert.deepEqual(answersFor([0, 1.5], { cut: [], single: true }, none), [1.5]);
  // Where rounding may decide, the original's label stands; elsewhere it does not.
  assert.deepEqual(answersFor([1, 1.0001], { cut: ['ArgMax'], single: false }, { found: [0], tolerance: 1e-3 }), [0]);
  assert.deepEqual(answersFor([1, 1.1], { cut: ['ArgMax'], single: false }, { found: [0], tolerance: 1e-3 }), [1]);
});

test('of a single output, only what acts on each value alone is cut off', () => {
  checkSingle(['Sigmoid', 'Log']);
  for (const op of ['Softmax', 'ArgMax', 'Normalizer'] as const) {
    assert.throws(() => checkSingle([op]), UnprovableError);
  }
});
