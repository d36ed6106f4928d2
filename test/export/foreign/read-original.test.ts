/** What decides about a file and what does not: only what the chosen output is computed from is read. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { GleanError } from '../../../src/certify-runtime/trusted/errors.ts';
import { type FileModel, type FileNode, fileOf, floats } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, original, read, written } from './support.ts';

const GEMM: FileNode = { op: 'Gemm', name: 'fc', inputs: ['x', 'w', 'b'], outputs: ['y'] };
const BASE: FileModel = {
  opset: 17,
  nodes: [GEMM],
  tensors: { w: { dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) }, b: floats(0.5, -0.5) },
  inputs: [{ name: 'x', dims: ['N', 2] }],
  outputs: [{ name: 'y', dims: ['N', 2] }],
};
const file = (change: Partial<FileModel>) => fileOf({ ...BASE, ...change });
const plain = fileOf(BASE);

/** Reads the file, and holds that the same graph comes out as from the plain one. */
async function same(bytes: Uint8Array, options: Parameters<typeof read>[1] = {}): Promise<readonly string[]> {
  const [found, expected] = [await read(bytes, options), await read(plain)];
  assert.deepEqual(found.graph.nodes, expected.graph.nodes);
  assert.deepEqual(found.graph.initializers, expected.graph.initializers);
  const feed = image([2, 2]);
  assert.deepEqual(numbers(await original(found, feed)), numbers(await answer(plain, feed)));
  return found.source!.notes;
}

describe('what the chosen output does not need decides nothing', () => {
  const branch = (...nodes: FileNode[]) => [...nodes, GEMM];
  const odd = { dims: [1], data: Uint8Array.of(0), type: 17 };
  const cases: Record<string, Uint8Array> = {
    'an unused branch of any domain': file({
      nodes: branch({ op: 'Odd', domain: 'x.y', inputs: ['x'], outputs: ['z'] }),
      domains: ['x.y'],
    }),
    'an unused weight of an odd type': file({ tensors: { ...BASE.tensors, odd } }),
    'an unused function': file({
      functions: [
        { domain: 'p', name: 'F', inputs: ['a'], outputs: ['o'], nodes: [{ op: 'Odd', domain: 'q', outputs: ['o'] }] },
      ],
    }),
    'an output without a type': file({ outputs: [{ name: 'y', type: 0, dims: [] }] }),
    'a dimension of −1': file({ outputs: [{ name: 'y', dims: [-1, 2] }], inputs: [{ name: 'x', dims: [-1, 2] }] }),
    'one operator set under its two names': file({ domains: [] }),
    'IR 3': file({ ir: 3, inputs: [...BASE.inputs!, { name: 'w', dims: [2, 2] }, { name: 'b', dims: [2] }] }),
    'IR 14': file({ ir: 14 }),
    'opset 7': file({ opset: 7 }),
    'opset 26': file({ opset: 26 }),
  };
  for (const [what, bytes] of Object.entries(cases)) it(what, async () => void (await same(bytes)));

  it('a second output, once the first is named; which may be any tensor', async () => {
    const two = file({
      nodes: [GEMM, { op: 'Odd', domain: 'x.y', inputs: ['y'], outputs: ['z'] }],
      outputs: [
        { name: 'z', dims: [] },
        { name: 'y', dims: ['N', 2] },
      ],
    });
    await assert.rejects(read(two), /the outputs 'z', 'y': say which one holds the logits with --logits/);
    await assert.rejects(read(two, { logits: 'no' }), /the model has no output 'no'/);
    const inner = file({
      nodes: [GEMM, { op: 'Relu', inputs: ['y'], outputs: ['z'] }],
      outputs: [{ name: 'z', dims: [] }],
    });
    await same(inner, { logits: 'y' });
  });

  it('an input that only another output needs', async () => {
    const bytes = file({
      nodes: [GEMM, { op: 'Add', inputs: ['y', 'mask'], outputs: ['z'] }],
      inputs: [{ name: 'mask', dims: ['N', 2] }, ...BASE.inputs!],
      outputs: [...BASE.outputs, { name: 'z', dims: ['N', 2] }],
    });
    await same(bytes, { logits: 'y' });
    await assert.rejects(read(bytes, { logits: 'z' }), /has 2 inputs \('mask', 'x'\), expected one/);
  });
});

describe('weights that are inputs too', () => {
  it('are constants, and a note says so', async () => {
    const notes = await same(
      file({ inputs: [...BASE.inputs!, { name: 'w', dims: [2, 2] }, { name: 'b', dims: [2] }] }),
    );
    assert.match(notes.join(), /^2 weights that are listed as inputs too \('w', …\) are constants here$/);
  });

  it('are not the image', async () => {
    await assert.rejects(
      read(file({ tensors: { ...BASE.tensors, x: { dims: [1, 2], data: Float32Array.of(1, 2) } } })),
      /has 0 inputs/,
    );
  });
});

describe('what the output needs', () => {
  it('is refused with its place where it cannot be read', async () => {
    const odd: FileNode = { op: 'Odd', domain: 'x.y', inputs: ['x'], outputs: ['y'] };
    await assert.rejects(
      read(file({ nodes: [odd], domains: ['x.y'] })),
      /^\w+: graph\.node\[0\]: Odd is of domain 'x\.y'/,
    );
    await assert.rejects(
      read(file({ nodes: [{ ...GEMM, inputs: ['x', 'v'] }] })),
      /'v' is not defined before it is used/,
    );
    await assert.rejects(read(file({ nodes: [GEMM, GEMM] })), /'y' is already defined by graph\.node\[0\]/);
    await assert.rejects(read(file({ inputs: [{ name: 'x', type: 0, dims: [] }] })), /its type is missing/);
    await assert.rejects(
      read(file({ inputs: [{ name: 'x', dims: [0, 2] }] })),
      /'x' \[0, 2\] has a size of 0, .*; give it a free batch/,
    );
    await assert.rejects(read(file({ opset: 28 })), /opset 28, ONNX Runtime runs 7 to 26; bring it to opset 18/);
    await assert.rejects(read(file({ opset: 6 })), /opset 6, ONNX Runtime runs 7 to 26/);
    const sparse = { op: 'Constant', outputs: ['w'], attributes: { value_string: { text: 'a' } } };
    await assert.rejects(
      read(file({ nodes: [sparse, GEMM], tensors: { b: floats(1, 2) } })),
      /from Constant '' on\) does not run/,
    );
  });
});

describe('float64', () => {
  it('is rounded: weights, casts and the input, and the comparison has both forms of the file', async () => {
    const double = (...values: number[]) => ({ dims: [values.length], data: Float64Array.from(values) });
    const bytes = fileOf({
      opset: 17,
      nodes: [
        { op: 'Cast', inputs: ['x'], outputs: ['d'], attributes: { to: { int: 11 } } },
        { op: 'Mul', inputs: ['d', 'k'], outputs: ['m'] },
        { op: 'Cast', inputs: ['m'], outputs: ['y'], attributes: { to: { int: 1 } } },
      ],
      tensors: { k: double(0.1, 1e300) },
      inputs: [{ name: 'x', dims: ['N', 2] }],
      outputs: [{ name: 'y', dims: ['N', 2] }],
    });
    const { graph, source } = await read(bytes);
    assert.deepEqual([...graph.initializers.get('k')!.data], [Math.fround(0.1), Number.POSITIVE_INFINITY]);
    assert.deepEqual(
      graph.nodes.map(({ attributes }) => attributes.get('to')?.value),
      [1n, undefined, 1n],
    );
    assert.match(source!.notes.join(), /computes in float64/);
    const feed = image([1, 2], () => 0.5);
    assert.deepEqual(numbers(await answer(source!.forms.at(-1)!.bytes(), feed)), [
      Math.fround(Math.fround(0.1) / 2),
      Number.POSITIVE_INFINITY,
    ]);
    assert.deepEqual(numbers(await answer(source!.forms[0]!.bytes(), feed)), [
      Math.fround(0.05),
      Number.POSITIVE_INFINITY,
    ]);
  });
});

describe('classical models', () => {
  const domains = ['ai.onnx.ml'];
  const linear = (post_transform: string, rows = 2): FileNode => ({
    op: 'LinearClassifier',
    domain: 'ai.onnx.ml',
    inputs: ['x'],
    outputs: ['label', 'scores'],
    attributes: {
      coefficients: { floats: [1, 2, 3, 4].slice(0, 2 * rows) },
      intercepts: { floats: [0.5, -0.5].slice(0, rows) },
      classlabels_ints: { ints: [0, 1] },
      post_transform: { text: post_transform },
    },
  });
  const model = (nodes: readonly FileNode[], probabilities = 'probabilities') =>
    file({
      nodes,
      domains,
      tensors: {},
      outputs: [
        { name: 'label', type: 7, dims: ['N'] },
        { name: probabilities, dims: ['N', 2] },
      ],
    });
  const scale: FileNode = {
    op: 'Scaler',
    domain: 'ai.onnx.ml',
    inputs: ['x'],
    outputs: ['s'],
    attributes: { offset: { floats: [1, -2] }, scale: { floats: [0.5, 2] } },
  };

  it('are the layers that they consist of', async () => {
    const normalizer: FileNode = {
      op: 'Normalizer',
      domain: 'ai.onnx.ml',
      inputs: ['scores'],
      outputs: ['probabilities'],
      attributes: { norm: { text: 'L1' } },
    };
    const bytes = model([scale, { ...linear('SOFTMAX'), inputs: ['s'] }, normalizer]);
    const model_ = await read(bytes);
    assert.deepEqual(
      model_.graph.nodes.map(({ op }) => op),
      ['Sub', 'Mul', 'Gemm', 'Softmax', 'Identity'],
    );
    const feed = image([3, 2]);
    const expected = numbers(await answer(bytes, feed, 'probabilities'));
    const found = numbers(await answer(written(model_), feed, 'probabilities'));
    assert.deepEqual(found, expected);
  });

  it('are refused where another form hides: one row for two classes, another transform, the label', async () => {
    const take = (node: FileNode) => model([{ ...node, outputs: ['label', 'probabilities'] }]);
    for (const node of [linear('NONE', 1), linear('PROBIT')]) {
      await assert.rejects(
        read(take(node)),
        /LinearClassifier is of domain 'ai\.onnx\.ml', .*; name a tensor in front of it with --logits/,
      );
    }
    await assert.rejects(read(take(linear('NONE')), { logits: 'label' }), /label|LinearClassifier/);
  });
});

test('a damaged file is refused with a reason, or read; nothing else happens', async () => {
  const field = new URL('../../fixtures/field/', import.meta.url);
  const names = ['05-func.onnx', '15-refl-conv.leg-fix.onnx', '02-ext.onnx', '04-mlp-nozipmap.onnx'];
  const wholes = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, field))] as const)),
  );
  const damage = fc.array(fc.tuple(fc.boolean(), fc.nat(800), fc.nat(255)), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), damage, async (name, steps) => {
      // Weights are in the middle of these files; everything else is near their ends.
      const bytes = Uint8Array.from(wholes.get(name)!);
      for (const [end, at, byte] of steps)
        bytes[end ? bytes.length - 1 - (at % bytes.length) : at % bytes.length] = byte;
      await read(bytes).catch((error) => assert(error instanceof GleanError, String(error?.stack)));
    }),
    { numRuns: 150 },
  );
});
