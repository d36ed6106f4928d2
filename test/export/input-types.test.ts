/** Networks that take bytes, other integers, float64, or columns: sealed, they take the same image as float32. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { InputError, UnprovableError } from '../../src/certify-runtime/trusted/errors.ts';
import { encodeInfo, encodeOnnx } from '../../src/certify-runtime/trusted/onnx/codec.ts';
import type { ElementTypeName } from '../../src/certify-runtime/trusted/onnx/model.ts';
import type { SealOriginalOptions } from '../../src/export/seal/seal-original.ts';
import { sealBytes } from '../support/networks/brought.ts';
import { GraphBuilder } from '../support/networks/graph-builder.ts';
import { QUIET, run } from '../support/networks/sealed.ts';
import { Random } from '../support/numbers/random.ts';

const SHAPE = [4, 5, 3] as const;
const SIZE = 60;
const CLASSES = 3;

/** A file whose input is of the type, with a number of its own for those that are no ElementTypeName. */
function fileFor(builder: GraphBuilder, output: string, type: ElementTypeName, number?: number): Uint8Array {
  const graph = builder.graph(output);
  const inputs = graph.inputs.map((info) => ({ ...info, type }));
  const model = { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', metadata: new Map() };
  const bytes = Buffer.from(encodeOnnx({ ...model, graph: { ...graph, inputs } }));
  if (number === undefined) return bytes;
  const info = Buffer.from(encodeInfo(inputs[0]!));
  const at = bytes.lastIndexOf(info);
  assert(at >= 0);
  bytes[at + info.indexOf(Buffer.from([8, type === 'int32' ? 6 : 0]), info.indexOf('image') + 5) + 1] = number;
  return bytes;
}

/** flatten(image) → Relu(W₁·) → W₂·. */
function dense(builder: GraphBuilder, x: string): string {
  const random = new Random(4);
  const flat = builder.node('Flatten', [x]);
  const first = builder.floats([SIZE, 8], random.normals(8 * SIZE, 0.1));
  const hidden = builder.node('Relu', [builder.node('MatMul', [flat, first])]);
  return builder.node('Gemm', [hidden, builder.floats([8, CLASSES], random.normals(8 * CLASSES))]);
}

const DIVISOR = 255;

function scaled(builder: GraphBuilder, x: string): string {
  return builder.node('Div', [builder.node('Cast', [x], { to: 1 }), builder.floats([], [DIVISOR])]);
}

async function check(
  file: Uint8Array,
  type: string,
  values: (bytes: Uint8Array) => ArrayBufferView,
  options: Partial<SealOriginalOptions>,
) {
  const { bytes } = await sealBytes(file, options);
  const image = Uint8Array.from({ length: SIZE }, (_, i) => (i * 89 + 3) % 256);
  const [answer] = await run(
    bytes,
    Float32Array.from(image, (byte) => byte / 255),
    SHAPE,
  );
  const session = await ort.InferenceSession.create(file, QUIET);
  const dims = [1, ...SHAPE];
  const given = await session.run({
    image: new ort.Tensor(type as 'float32', values(image) as unknown as Float32Array, dims),
  });
  await session.release();
  const expected = given[session.outputNames[0]!]!.data as Float32Array;
  assert.equal(expected.length, CLASSES);
  for (const [j, logit] of answer!.logits.entries()) assert(Math.abs(logit - expected[j]!) < 1e-5);
}

test('an image of integers becomes one on [0, 1], whatever moves its values before they are cast', async () => {
  const plain = new GraphBuilder(['N', ...SHAPE]);
  const file = fileFor(plain, dense(plain, scaled(plain, 'image')), 'int32', 2);
  await check(file, 'uint8', (bytes) => bytes, { layout: 'NHWC' });

  const moved = new GraphBuilder(['N', ...SHAPE]);
  const turned = moved.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
  const transposed = fileFor(moved, dense(moved, scaled(moved, turned)), 'int32', 2);
  await check(transposed, 'uint8', (bytes) => bytes, { layout: 'NHWC' });

  for (const [type, from] of [
    ['int32', (bytes: Uint8Array) => Int32Array.from(bytes)],
    ['int64', (bytes: Uint8Array) => BigInt64Array.from(bytes, BigInt)],
  ] as const) {
    const builder = new GraphBuilder(['N', ...SHAPE]);
    const own = fileFor(builder, dense(builder, scaled(builder, 'image')), type);
    await check(own, type, from, { layout: 'NHWC' });
  }
});

test('a float64 image is the same image, and other types are refused', async () => {
  const builder = new GraphBuilder(['N', ...SHAPE]);
  const logits = dense(builder, builder.node('Cast', ['image'], { to: 1 }));
  const file = fileFor(builder, logits, 'float64');
  await check(file, 'float64', (bytes) => Float64Array.from(bytes, (byte) => Math.fround(byte / 255)), {
    layout: 'NHWC',
  });
  const signed = fileFor(builder, logits, 'int32', 3);
  await assert.rejects(sealBytes(signed, { layout: 'NHWC' }), (error) => {
    return (
      error instanceof UnprovableError && /int8/.test(error.message) && typeof error.details['remedy'] === 'string'
    );
  });
});

test('a column may be said to be an image, and a sample without a batch may not', async () => {
  const random = new Random(8);
  const column = new GraphBuilder(['N', SIZE, 1]);
  const first = column.node('MatMul', [column.floats([8, SIZE], random.normals(8 * SIZE, 0.1)), 'image']);
  const hidden = column.node('Relu', [column.node('Add', [first, column.floats([8, 1], random.normals(8))])]);
  const logits = column.node('MatMul', [column.floats([CLASSES, 8], random.normals(8 * CLASSES)), hidden]);
  const file = fileFor(column, logits, 'float32');
  const { prepared } = await sealBytes(file, { shape: SHAPE, layout: 'NHWC' });
  assert.deepEqual(prepared.input.shape, SHAPE);
  assert.deepEqual(prepared.input.dims, [SIZE, 1]);
  assert.deepEqual((await sealBytes(file)).prepared.input.shape, [SIZE, 1, 1]);
  await assert.rejects(sealBytes(file, { shape: [4, 4, 3] }), InputError);

  const flat = new GraphBuilder([SIZE]);
  const alone = flat.node('MatMul', ['image', flat.floats([SIZE, CLASSES], random.normals(CLASSES * SIZE))]);
  await assert.rejects(sealBytes(fileFor(flat, alone, 'float32')), (error) => {
    const { place, reason, remedy } = (error as UnprovableError).details;
    return error instanceof UnprovableError && [place, reason, remedy].every((text) => typeof text === 'string');
  });
});
