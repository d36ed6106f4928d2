/** Sealing classifiers that other programs wrote: inputs, outputs and operator sets of every kind, each against the original. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError, UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import { readOnnx } from '../../../src/certify-runtime/trusted/onnx/read.ts';
import { verifyModel } from '../../../src/certify-runtime/trusted/verify.ts';
import { channelsFirst, fileOf, runFile, sealBytes } from '../../support/networks/brought.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { run } from '../../support/networks/sealed.ts';
import { Random } from '../../support/numbers/random.ts';

const SHAPE = [6, 5, 3] as const;
const SIZE = 90;

function pixels(seed = 3, size = SIZE): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: size }, () => random.below(256) / 255);
}

/** A linear layer as PyTorch writes it. */
function gemm(builder: GraphBuilder, x: string, inputs: number, outputs: number, seed = 1): string {
  const random = new Random(seed);
  const weights = builder.floats([outputs, inputs], random.normals(inputs * outputs, 1 / Math.sqrt(inputs)));
  return builder.node('Gemm', [x, weights, builder.floats([outputs], random.normals(outputs, 0.1))], { transB: 1 });
}

/** Conv, Relu, Flatten, two linear layers, NCHW. */
function convolutional(dims: readonly (number | string)[], outputs = 4): { builder: GraphBuilder; logits: string } {
  const builder = new GraphBuilder(dims);
  const random = new Random(2);
  const kernel = builder.floats([4, 3, 3, 3], random.normals(108, 0.2));
  const x = builder.node('Relu', [builder.node('Conv', ['image', kernel], { pads: [1, 1, 1, 1] })]);
  const latent = builder.node('Relu', [gemm(builder, builder.node('Flatten', [x]), 120, 8)]);
  return { builder, logits: gemm(builder, latent, 8, outputs, 5) };
}

/** A hidden layer and a last one on vectors. */
function dense(
  dims: readonly (number | string)[],
  inputs: number,
  outputs = 3,
): { builder: GraphBuilder; logits: string } {
  const builder = new GraphBuilder(dims);
  const x = dims.length === 2 ? 'image' : builder.node('Flatten', ['image']);
  return { builder, logits: gemm(builder, builder.node('Relu', [gemm(builder, x, inputs, 8)]), 8, outputs, 5) };
}

function close(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    assert(
      Math.abs(found[i]! - expected[i]!) <= tolerance * Math.max(1, Math.abs(expected[i]!)),
      `${i}: ${found[i]} ≠ ${expected[i]}`,
    );
  }
}

async function logitsOf(
  bytes: Uint8Array,
  image: Float32Array,
  shape: readonly number[] = SHAPE,
): Promise<Float32Array> {
  return (await run(bytes, image, shape))[0]!.logits;
}

test('NCHW with a free batch, a fixed one, and one baked into a Reshape', async () => {
  const free = convolutional(['N', 3, 6, 5]);
  const original = fileOf(free.builder, free.logits);
  const expected = await runFile(original, channelsFirst(pixels(), SHAPE), [1, 3, 6, 5]);
  const { bytes, prepared, verified } = await sealBytes(original);
  assert.deepEqual(prepared.input.shape, SHAPE);
  assert.deepEqual(verified.certificate.classes, ['0', '1', '2', '3']);
  close(await logitsOf(bytes, pixels()), expected);

  for (const batch of [1, 4]) {
    const fixed = convolutional([batch, 3, 6, 5]);
    const flatten = fixed.builder.nodes.findIndex(({ op }) => op === 'Flatten');
    const target = fixed.builder.ints(batch === 1 ? [1, 120] : [batch, -1]);
    const node = fixed.builder.nodes[flatten]!;
    fixed.builder.nodes[flatten] = { ...node, op: 'Reshape', inputs: [...node.inputs, target] };
    const sealed = await sealBytes(fileOf(fixed.builder, fixed.logits));
    assert(sealed.deviation < 1e-6);
    close(await logitsOf(sealed.bytes, pixels()), expected);
    const two = await run(sealed.bytes, Float32Array.from([...pixels(), ...pixels(4)]), SHAPE);
    close(two[0]!.logits, expected);
  }
});

test('a batch that is part of the computation is refused', async () => {
  const builder = new GraphBuilder([2, 3, 6, 5]);
  const mixed = builder.node('Reshape', ['image', builder.ints([1, 180])]);
  const hidden = builder.node('Reshape', [gemm(builder, mixed, 180, 16), builder.ints([2, 8])]);
  await assert.rejects(sealBytes(fileOf(builder, gemm(builder, hidden, 8, 3))), UnprovableError);
});

test('grey images, vectors, free sizes; what cannot be known is asked for', async () => {
  const grey = dense(['N', 6, 5], 30);
  const sealed = await sealBytes(fileOf(grey.builder, grey.logits));
  assert.deepEqual(sealed.prepared.input.shape, [6, 5, 1]);
  const image = pixels(8, 30);
  close(
    await logitsOf(sealed.bytes, image, [6, 5, 1]),
    await runFile(fileOf(grey.builder, grey.logits), image, [1, 6, 5]),
  );

  const flat = dense(['N', SIZE], SIZE);
  const file = fileOf(flat.builder, flat.logits);
  await assert.rejects(sealBytes(file), (error) => error instanceof InputError && /--shape/.test(error.message));
  await assert.rejects(sealBytes(file, { shape: SHAPE }), /--layout/);
  await assert.rejects(sealBytes(file, { shape: [6, 5, 1], layout: 'NHWC' }), InputError);
  const first = await sealBytes(file, { shape: SHAPE, layout: 'NCHW' });
  close(await logitsOf(first.bytes, pixels()), await runFile(file, channelsFirst(pixels(), SHAPE), [1, SIZE]));
  const last = await sealBytes(file, { shape: SHAPE, layout: 'NHWC' });
  close(await logitsOf(last.bytes, pixels()), await runFile(file, pixels(), [1, SIZE]));

  const open = convolutional(['N', 3, 'height', 'width']);
  await assert.rejects(sealBytes(fileOf(open.builder, open.logits)), /--shape H,W,C/);
  assert.deepEqual((await sealBytes(fileOf(open.builder, open.logits), { shape: SHAPE })).prepared.input.shape, SHAPE);

  const unclear = dense(['N', 3, 6, 3], 54);
  await assert.rejects(sealBytes(fileOf(unclear.builder, unclear.logits)), /--layout/);
  const told = await sealBytes(fileOf(unclear.builder, unclear.logits), { layout: 'NCHW' });
  assert.deepEqual(told.prepared.input.shape, [6, 3, 3]);
  await assert.rejects(
    sealBytes(fileOf(unclear.builder, unclear.logits), { layout: 'NCHW', shape: [3, 6, 3] }),
    InputError,
  );
});

test('preprocessing is computed in the graph, and counts in L', async () => {
  const { builder, logits } = convolutional(['N', 3, 6, 5]);
  const file = fileOf(builder, logits);
  const plain = await sealBytes(file);
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ] as const;
  const normalised = await sealBytes(file, { mean, std });
  const image = pixels();
  const input = image.map((x, i) => (x - mean[i % 3]!) / std[i % 3]!);
  close(await logitsOf(normalised.bytes, image), await runFile(file, channelsFirst(input, SHAPE), [1, 3, 6, 5]));
  const factor = normalised.verified.proven.lipschitz / plain.verified.proven.lipschitz;
  // The channels' own scales are part of the first layer's kernel, so L grows by no more than the largest of them.
  assert(factor > 1 / 0.229 && factor < 1 / 0.224 + 1e-3, `${factor}`);

  const bytes = await sealBytes(file, { scale: 255, mean: [128], std: [2] });
  const bytesInput = image.map((x) => (255 * x - 128) / 2);
  close(await logitsOf(bytes.bytes, image), await runFile(file, channelsFirst(bytesInput, SHAPE), [1, 3, 6, 5]), 1e-4);
  assert(Math.abs(bytes.verified.proven.lipschitz / plain.verified.proven.lipschitz - 127.5) < 1e-2);

  for (const wrong of [{ mean: [1, 2] }, { std: [0] }, { std: [0.2, -0.2, 0.2] }, { scale: Number.NaN }]) {
    await assert.rejects(sealBytes(file, wrong), InputError);
  }
});

test('a Softmax, LogSoftmax or Sigmoid at the end is cut off; one output becomes two classes', async () => {
  const image = pixels();
  for (const op of ['Softmax', 'LogSoftmax', 'Sigmoid']) {
    const { builder, logits } = dense(['N', ...SHAPE], SIZE);
    const file = fileOf(
      builder,
      builder.node('Identity', [builder.node(op, [logits], op === 'Sigmoid' ? {} : { axis: 1 })]),
    );
    const { bytes, prepared, deviation } = await sealBytes(file);
    assert.deepEqual(prepared.output.cut, [op]);
    assert(deviation < 1e-6);
    const given = await runFile(file, image, [1, ...SHAPE]);
    const answer = (await run(bytes, image, SHAPE))[0]!;
    assert.equal(answer.label, given.indexOf(Math.max(...given)));
  }
  const across = dense(['N', ...SHAPE], SIZE);
  const wrong = across.builder.node('Softmax', [across.logits], { axis: 0 });
  await assert.rejects(sealBytes(fileOf(across.builder, wrong)), /Softmax .* is not over the classes/);

  const one = dense(['N', ...SHAPE], SIZE, 1);
  const random = new Random(9);
  const hidden = one.builder.nodes.at(-1)!.inputs[0]!;
  const product = one.builder.node('MatMul', [hidden, one.builder.floats([8, 1], random.normals(8))]);
  const files = [
    fileOf(one.builder, one.logits),
    fileOf(one.builder, one.builder.node('Sigmoid', [one.logits])),
    fileOf(one.builder, one.builder.node('Add', [product, one.builder.floats([1], [0.3])])),
    fileOf(one.builder, product),
  ];
  for (const [i, file] of files.entries()) {
    const { bytes, prepared } = await sealBytes(file, { classes: ['no', 'yes'] });
    assert(prepared.output.single);
    const [y] = await runFile(file, image, [1, ...SHAPE]);
    const answer = (await run(bytes, image, SHAPE))[0]!;
    assert.equal(answer.label, y! > (i === 1 ? 0.5 : 0) ? 1 : 0);
    if (i !== 1) close(answer.logits, [0, y!]);
  }
});

test('of several outputs, one must be named', async () => {
  const { builder, logits } = dense(['N', ...SHAPE], SIZE);
  const hidden = builder.nodes.at(-1)!.inputs[0]!;
  const file = fileOf(builder, [hidden, logits]);
  await assert.rejects(sealBytes(file), (error) => error instanceof InputError && /--logits/.test(error.message));
  await assert.rejects(sealBytes(file, { logits: 'no such' }), InputError);
  assert.equal((await sealBytes(file, { logits })).verified.certificate.classes.length, 3);
  await assert.rejects(sealBytes(file, { logits, classes: ['a', 'b'] }), /2 classes are named, the network has 3/);
});

/** Split, Max, Min and Concat; Squeeze, Unsqueeze and reductions, in the form of a set before 13, of 13 to 17, or after. */
function oldForms(opset: number): Uint8Array {
  const builder = new GraphBuilder(['N', 3, 6, 5]);
  const axes = (values: readonly number[], since: number) =>
    opset < since ? { inputs: [], attributes: { axes: values } } : { inputs: [builder.ints(values)], attributes: {} };
  const on = (op: string, x: string, values: readonly number[], since: number, more = {}) => {
    const { inputs, attributes } = axes(values, since);
    return builder.node(op, [x, ...inputs], { ...attributes, ...more });
  };
  const sizes = opset < 13 ? {} : { inputs: [builder.ints([3, 3])] };
  const halves = builder.nodeWith(
    'Split',
    ['image', ...(sizes.inputs ?? [])],
    2,
    opset < 13 ? { axis: 2, split: [3, 3] } : { axis: 2 },
  );
  const equal = builder.nodeWith('Split', [halves[0]!], 3, opset < 18 ? { axis: 1 } : { axis: 1, num_outputs: 3 });
  const sorted = builder.node('Concat', [builder.node('Max', equal), builder.node('Min', equal)], { axis: 1 });
  const cast = builder.node('Cast', [sorted], opset < 19 ? { to: 1 } : { to: 1, saturate: 1 });
  const pooled = builder.node('AveragePool', [cast], {
    kernel_shape: [1, 1],
    ...(opset < 19 ? {} : { dilations: [1, 1] }),
  });
  const dropped = builder.nodeWith('Dropout', [pooled], 1)[0]!;
  const mean = on('ReduceMean', dropped, [2], 18, { keepdims: 0 });
  const most = on('ReduceMax', halves[1]!, [3], 18, { keepdims: 0 });
  const squeezed = on('Squeeze', on('Unsqueeze', most, [1], 13), [1], 13);
  const total = on('ReduceSum', squeezed, [1], 13, { keepdims: 0 });
  const allowzero = opset < 14 ? {} : { allowzero: 1 };
  const rows = builder.node('Reshape', [mean, builder.ints([-1, 10])], allowzero);
  const joined = builder.node('Concat', [rows, total], { axis: 1 });
  return fileOf(builder, builder.node('Softmax', [gemm(builder, joined, 13, 4)], { axis: 1 }), opset);
}

test('older and newer operator sets are brought to 18', async () => {
  const image = pixels();
  const reference = await runFile(oldForms(18), channelsFirst(image, SHAPE), [1, 3, 6, 5]);
  let logits: Float32Array | undefined;
  for (const opset of [11, 12, 13, 15, 17, 18, 19, 21, 22, 23, 24, 26]) {
    const file = oldForms(opset);
    close(await runFile(file, channelsFirst(image, SHAPE), [1, 3, 6, 5]), reference);
    const { bytes } = await sealBytes(file);
    assert.equal(readOnnx(bytes).opset, 18);
    logits ??= await logitsOf(bytes, image);
    assert.deepEqual(await logitsOf(bytes, image), logits);
  }
  const { builder, logits: output } = dense(['N', ...SHAPE], SIZE);
  for (const opset of [6, 27]) {
    await assert.rejects(sealBytes(fileOf(builder, output, opset)), /opset .* ONNX Runtime runs 7 to 26; bring it/);
  }
});

test('constants behind Identity and Transpose are folded, also those of the last layer', async () => {
  const builder = new GraphBuilder(['N', ...SHAPE]);
  const random = new Random(4);
  const matrix = (rows: number, columns: number) => {
    const stored = builder.floats([columns, rows], random.normals(rows * columns, 0.2));
    return builder.node('Transpose', [builder.node('Identity', [stored])]);
  };
  const hidden = builder.node('Abs', [builder.node('MatMul', [builder.node('Flatten', ['image']), matrix(SIZE, 6)])]);
  const file = fileOf(builder, builder.node('MatMul', [hidden, matrix(6, 3)]));
  const { bytes } = await sealBytes(file);
  close(await logitsOf(bytes, pixels()), await runFile(file, pixels(), [1, ...SHAPE]));
  assert(readOnnx(bytes).graph.nodes.every(({ op }) => op !== 'Identity'));
});

test('every operator without a rule is named at once, and why', async () => {
  const { builder } = dense(['N', ...SHAPE], SIZE);
  const hidden = builder.nodes.find(({ outputs }) => outputs[0] === builder.nodes.at(-1)!.inputs[0])!;
  const gelu = builder.node('Mul', [hidden.outputs[0]!, builder.node('Exp', hidden.outputs)]);
  const soft = builder.node('Softmax', [builder.node('Sinh', [gelu])], { axis: 1 });
  const file = fileOf(builder, gemm(builder, soft, 8, 3, 6));
  await assert.rejects(
    sealBytes(file),
    (error) =>
      error instanceof UnprovableError &&
      /no rule for Exp 'node\d+' \(node \d+\), Sinh .*, Softmax/.test(error.message) &&
      /attention has no finite/.test(error.message),
  );
});

test('a sealed file can be sealed again: the old head goes, names and σ stay', async () => {
  const { builder, logits } = convolutional(['N', 3, 6, 5]);
  const first = await sealBytes(fileOf(builder, logits), { classes: ['a', 'b', 'c', 'd'], sigma: 0.25 });
  const again = await sealBytes(first.bytes);
  assert.deepEqual(again.verified.certificate.classes, ['a', 'b', 'c', 'd']);
  assert.equal(again.verified.certificate.sigma, 0.25);
  assert.equal(again.verified.proven.lipschitz, first.verified.proven.lipschitz);
  assert.equal(readOnnx(again.bytes).graph.nodes.length, readOnnx(first.bytes).graph.nodes.length);
  // With more in front of it, whatever is called image now is inside.
  const scaled = await sealBytes((await sealBytes(again.bytes, { std: [0.5] })).bytes, { std: [0.5] });
  assert(Math.abs(scaled.verified.proven.lipschitz / first.verified.proven.lipschitz - 4) < 1e-6);
  await verifyModel(scaled.bytes);
});
