/** Float64 on the way to a sealed file: other programs' double networks, sealing again, and scales of one number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Precision } from '../../src/certify-runtime/trusted/bounds/precision.ts';
import { HEAD_PREFIX } from '../../src/certify-runtime/trusted/file/names.ts';
import { encodeOnnx } from '../../src/certify-runtime/trusted/onnx/codec.ts';
import type { Tensor } from '../../src/certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { sealOriginal } from '../../src/export/seal/seal-original.ts';
import { GraphBuilder } from '../support/networks/graph-builder.ts';
import { run } from '../support/networks/sealed.ts';
import { Random } from '../support/numbers/random.ts';

const random = new Random(5);
const HIDDEN = random.normals(16 * 8, 0.2);
const HEAD = random.normals(8 * 3, 0.3);

/** x [N, 4, 4, 1] in float64 ↦ W₂·Relu(0.7·W₁(x − 0.3)/0.9), as a program that computes in float64 writes it. */
function doubleNetwork(): Uint8Array {
  const b = new GraphBuilder(['N', 4, 4, 1]);
  const doubles = (dims: readonly number[], values: readonly number[]) =>
    b.tensor({ type: 'float64', dims, data: Float64Array.from(values) });
  const centred = b.node('Div', [b.node('Sub', ['image', doubles([], [0.3])]), doubles([1], [0.9])]);
  const flat = b.node('Reshape', [centred, b.ints([-1, 16])]);
  const scaled = b.node('Mul', [doubles([], [0.7]), b.node('MatMul', [flat, doubles([16, 8], HIDDEN)])]);
  const y = b.node('MatMul', [b.node('Relu', [scaled]), doubles([8, 3], HEAD)]);
  const graph = b.graph(y);
  return encodeOnnx({
    ...{ irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', metadata: new Map() },
    graph: {
      ...graph,
      inputs: graph.inputs.map((info) => ({ ...info, type: 'float64' })),
      outputs: [{ name: y, type: 'float64', dims: ['N', 3] }],
    },
  });
}

const sealAs = (bytes: Uint8Array, precision?: Precision) =>
  sealOriginal(bytes, {
    ...{ source: 'test', producerVersion: '0', run, layout: 'NHWC' },
    ...(precision === undefined ? {} : { precision }),
  });

const constantsOf = (bytes: Uint8Array): Tensor[] =>
  [...readOnnx(bytes).graph.initializers.values()].filter(({ name }) => !name.startsWith(HEAD_PREFIX));

const has = (tensors: readonly Tensor[], values: readonly number[]) =>
  tensors.some(({ data }) => data.length === values.length && values.every((value, i) => data[i] === value));

test('a double network keeps its constants in float64, and is float32 unless that is asked for', async () => {
  const original = doubleNetwork();
  const wide = await sealAs(original, 'float64');
  const narrow = await sealAs(original);
  assert.deepEqual([wide.verified.precision, narrow.verified.precision], ['float64', 'float32']);
  const constants = constantsOf(wide.bytes);
  for (const values of [HIDDEN, HEAD]) {
    assert.ok(has(constants, values));
    assert.ok(!has(constantsOf(narrow.bytes), values) && has(constantsOf(narrow.bytes), values.map(Math.fround)));
  }
  // Its answers are the original's, but for the rounding of logits to float32.
  assert.ok(wide.deviation < 1e-6);
  assert.ok(wide.verified.terms.logitSlack.l2 < narrow.verified.terms.logitSlack.l2);
});

test('a scale of one number is written once for each element of the last axis', async () => {
  const { bytes } = await sealAs(doubleNetwork(), 'float64');
  const constants = constantsOf(bytes);
  assert.ok(has(constants, Array(8).fill(0.7)), 'behind a MatMul');
  assert.ok(has(constants, Array(4).fill(0.9)), 'a grey image');
  assert.ok(has(constants, [0.3]), 'what is subtracted stays one number');
});

test('a sealed file stays of its precision when it is sealed again, unless another is asked for', async () => {
  const { bytes } = await sealAs(doubleNetwork(), 'float64');
  const again = await sealAs(bytes);
  assert.equal(again.verified.precision, 'float64');
  assert.equal(
    again.verified.certificate.weightsSha256,
    (await sealAs(again.bytes)).verified.certificate.weightsSha256,
  );
  assert.ok(has(constantsOf(again.bytes), HIDDEN));
  assert.equal((await sealAs(bytes, 'float32')).verified.precision, 'float32');
});
