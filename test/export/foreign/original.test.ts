/** The comparison with the original finds a conversion that changed the network, even if only other images of a batch do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareWithOriginal } from '../../../src/export/foreign/original.ts';
import { type PreparedNetwork, prepareNetwork } from '../../../src/export/foreign/prepare.ts';
import { runWithOnnxRuntime } from '../../../src/export/onnx-runtime/node.ts';
import { type FileModel, type FileNode, fileOf, floats } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, read } from './support.ts';

const SIZE = 4;
const weights = { dims: [SIZE, 3], data: Float32Array.from({ length: 3 * SIZE }, (_, i) => Math.sin(i)) };
const GEMM: FileNode = { op: 'Gemm', inputs: ['x', 'w'], outputs: ['h'] };

function model(nodes: readonly FileNode[], change: Partial<FileModel> = {}): Uint8Array {
  return fileOf({
    opset: 18,
    nodes: [GEMM, ...nodes],
    tensors: { w: weights, zero: { dims: [1], data: BigInt64Array.of(0n) }, k: floats(1, 1, 1.01) },
    inputs: [{ name: 'x', dims: ['N', SIZE] }],
    outputs: [{ name: 'y', dims: ['N', 3] }],
    ...change,
  });
}

const PLAIN = model([{ op: 'Identity', inputs: ['h'], outputs: ['y'] }]);
const images = [0, 1, 2].map((k) => Float32Array.from({ length: SIZE }, (_, i) => ((7 * i + 3 * k) % 11) / 11));

/** Holds the answers of the plain network, or what `alter` makes of them, against another file. */
async function compare(
  other: Uint8Array,
  change: Partial<PreparedNetwork['input']> = {},
  alter: (logits: readonly number[]) => readonly number[] = (logits) => logits,
): Promise<number> {
  const options = { shape: [2, 2, 1], runGraph: runWithOnnxRuntime } as const;
  const prepared = await prepareNetwork(await read(PLAIN, options), options);
  const sealed = await Promise.all(
    images.map(async (pixels) =>
      numbers(
        await answer(
          PLAIN,
          image([1, SIZE], (i) => pixels[i]!),
        ),
      ),
    ),
  );
  const { source } = await read(other, options);
  return compareWithOriginal(
    other,
    { ...prepared, source, input: { ...prepared.input, ...change } },
    images,
    sealed.map(alter),
  );
}

test('the same network is found to be the same, alone and in a batch', async () => {
  assert.ok((await compare(PLAIN)) < 1e-6);
});

test('a small change of one output is found', async () => {
  await assert.rejects(
    compare(model([{ op: 'Mul', inputs: ['h', 'k'], outputs: ['y'] }])),
    /image 0 in a batch of 1, output 2.* has changed it/,
  );
});

test('a network that mixes the images of a batch is found, though one image alone shows nothing', async () => {
  const mean: FileNode = { op: 'ReduceMean', inputs: ['h', 'zero'], outputs: ['m'] };
  const centred: FileNode = { op: 'Sub', inputs: ['h', 'm'], outputs: ['c'] };
  const mixing = model([mean, centred, { op: 'Add', inputs: ['h', 'c'], outputs: ['y'] }]);
  const alone = await answer(mixing, image([1, SIZE]));
  assert.deepEqual(numbers(alone), numbers(await answer(PLAIN, image([1, SIZE]))));
  await assert.rejects(compare(mixing), /in a batch of 3, .* has changed it/);
});

test('a fixed batch is compared with different images in it', async () => {
  const fixed = { inputs: [{ name: 'x', dims: [2, SIZE] }], outputs: [{ name: 'y', dims: [2, 3] }] };
  const identity: FileNode = { op: 'Identity', inputs: ['h'], outputs: ['y'] };
  assert.ok((await compare(model([identity], fixed), { batch: 2 })) < 1e-6);
  const swap: FileNode = { op: 'Gather', inputs: ['h', 'order'], outputs: ['y'] };
  const swapping = model([swap], {
    ...fixed,
    tensors: { w: weights, order: { dims: [2], data: BigInt64Array.of(1n, 0n) } },
  });
  await assert.rejects(compare(swapping, { batch: 2 }), /in a batch of 2, .* has changed it/);
});

test('an original that ONNX Runtime does not run is refused', async () => {
  const odd: FileNode = { op: 'NoSuchOperator', inputs: ['h'], outputs: ['y'] };
  await assert.rejects(
    compare(model([odd])),
    /does not run the original, so nothing can be compared .*; convert the model/s,
  );
});

test('an original that gives NaN is refused', async () => {
  const log: FileNode = { op: 'Log', inputs: ['n'], outputs: ['y'] };
  const minus = floats(-1);
  const bytes = model(
    [{ op: 'Abs', inputs: ['h'], outputs: ['a'] }, { op: 'Mul', inputs: ['a', 'minus'], outputs: ['n'] }, log],
    { tensors: { w: weights, minus } },
  );
  await assert.rejects(compare(bytes), /where the original gives NaN .*: the original itself gives no number there/);
});

test('an infinite answer is not close to any other', async () => {
  for (const j of [0, 2]) {
    const infinite = (logits: readonly number[]) => logits.map((value, i) => (i === j ? Infinity : value));
    await assert.rejects(compare(PLAIN, {}, infinite), /gives Infinity where the original gives -?\d.* has changed it/);
  }
});
