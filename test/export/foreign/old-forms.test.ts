/** Forms of old and new operator sets: what is read gives, in set 18, what ONNX Runtime gives for the file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphDraft } from '../../../src/export/foreign/graph-draft.ts';
import { simplify } from '../../../src/export/foreign/simplify.ts';
import { dropInfinite, refuseNonFinite } from '../../../src/export/foreign/upgrade/infinite.ts';
import { upgradeNodes } from '../../../src/export/foreign/upgrade/opset.ts';
import { type FileNode, type FileTensor, fileOf, floats, longs } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, read, written } from './support.ts';

const DIMS = [2, 2, 4, 4];

type Attributes = NonNullable<FileNode['attributes']>;
const node = (op: string, attributes: Attributes, ...more: string[]): FileNode => ({
  op,
  name: op,
  inputs: ['x', ...more],
  outputs: op === 'TopK' ? ['y', 'i'] : ['y'],
  attributes,
});

const four = (...values: number[]) => floats(...values);

/** A node, the sets that it is of this form in, and its constants. */
const FORMS: readonly (readonly [FileNode, readonly number[], Record<string, FileTensor>?])[] = [
  [node('Clip', { min: { float: -0.25 } }), [7, 10]],
  [node('Clip', { min: { float: -0.25 }, max: { float: 0.5 } }), [7, 10]],
  [node('Clip', { max: { float: Number.POSITIVE_INFINITY } }), [7, 10]],
  [node('Pad', { pads: { ints: [0, 0, 1, 2, 0, 0, 0, 1] }, value: { float: 0.5 } }), [7, 10]],
  [node('Pad', { pads: { ints: [0, 0, 1, 1, 0, 0, 1, 1] }, mode: { text: 'reflect' } }), [7, 10]],
  [node('Slice', { starts: { ints: [1, 0] }, ends: { ints: [3, 2] }, axes: { ints: [2, 3] } }), [7, 9]],
  [node('Slice', { starts: { ints: [0, 0, 1] }, ends: { ints: [2, 2, 9] } }), [7, 9]],
  [node('TopK', { k: { int: 2 }, axis: { int: 3 } }), [7, 9]],
  [node('TopK', { axis: { int: 3 } }, 'k'), [10], { k: longs(2) }],
  [node('Dropout', { ratio: { float: 0.5 } }), [7, 11]],
  [
    node('BatchNormalization', { spatial: { int: 1 } }, 's', 'b', 'm', 'v'),
    [7, 8],
    { s: four(1, 2), b: four(3, 4), m: four(0, 1), v: four(1, 4) },
  ],
  [node('MaxPool', { kernel_shape: { ints: [2, 2] }, storage_order: { int: 1 } }), [8, 10, 22]],
  [node('AveragePool', { kernel_shape: { ints: [2, 2] }, dilations: { ints: [1, 1] } }), [19, 26]],
  [node('Upsample', { scales: { floats: [1, 1, 2, 3] }, mode: { text: 'nearest' } }), [7, 8]],
  [node('Upsample', { mode: { text: 'nearest' } }, 'z'), [9], { z: four(1, 1, 2, 2) }],
  [node('Upsample', { mode: { text: 'linear' } }, 'z'), [9], { z: four(1, 1, 2, 2) }],
  [node('Resize', { mode: { text: 'nearest' } }, 'z'), [10], { z: four(1, 1, 1.5, 0.5) }],
  [node('ReduceMean', { axes: { ints: [2, 3] } }), [7, 11, 17]],
  [node('ReduceL2', { axes: { ints: [1] } }), [7, 13]],
  [node('ReduceSum', { axes: { ints: [1] }, keepdims: { int: 0 } }), [7, 12]],
  [node('Unsqueeze', { axes: { ints: [1] } }), [7, 12]],
  [node('Split', { axis: { int: 1 }, split: { ints: [1, 1] } }), [7, 12]],
  [node('Split', { axis: { int: 1 } }), [7, 17]],
  [node('Reshape', { allowzero: { int: 1 } }, 't'), [14, 26], { t: longs(2, 32) }],
  [node('Gemm', {}, 'w', 'c'), [7, 10], { w: { dims: [4, 1], data: Float32Array.of(1, 2, 3, 4) }, c: floats(1) }],
  [node('Cast', { to: { int: 1 }, round_mode: { text: 'up' } }), [24, 26]],
  [node('Squeeze', {}, 'a'), [13, 26], { a: longs() }],
];

for (const [form, opsets, tensors = {}] of FORMS) {
  for (const opset of opsets) {
    test(`${form.op} ${Object.keys(form.attributes!)} of set ${opset}`, async () => {
      const flat = form.op === 'Gemm';
      const own = form.op === 'Split' ? { ...form, outputs: ['y', 'z'] } : form;
      const dims = flat ? [2, 4] : DIMS;
      const bytes = fileOf({
        opset,
        nodes: [own],
        tensors,
        inputs: [{ name: 'x', dims: ['N', ...dims.slice(1)] }],
        outputs: [{ name: 'y', type: 0, dims: [] }],
      });
      const model = await read(bytes, flat ? { shape: [2, 2, 1] } : {});
      const draft = new GraphDraft(model.graph);
      upgradeNodes(draft, opset);
      simplify(draft, opset);
      dropInfinite(draft);
      refuseNonFinite(draft);
      // An Identity keeps a graph from which everything idle was taken out.
      const name = draft.outputs[0]!.name;
      const nodes = [
        ...draft.nodes,
        { op: 'Identity', name: '', inputs: [name], outputs: ['out'], attributes: new Map() },
      ];
      const graph = { ...draft.graph('g'), nodes, outputs: [] };
      const file = Buffer.concat([written({ ...model, opset: 18, graph }), fileOutput('out')]);
      const feed = image(dims);
      const [expected, found] = [await answer(bytes, feed), await answer(file, feed, 'out')];
      // Kernels of two sets may sum in another order.
      const rounded = (tensor: typeof found) => numbers(tensor).map((value) => Number(value.toPrecision(5)));
      assert.deepEqual([found.dims, rounded(found)], [expected.dims, rounded(expected)]);
    });
  }
}

/** More of a model's message, which is merged into it: an output without a type. */
function fileOutput(name: string): Uint8Array {
  const info = [10, name.length, ...Buffer.from(name)];
  return Uint8Array.from([58, info.length + 2, 98, info.length, ...info]);
}

test('a BatchNormalization for each place has no form in set 18', async () => {
  const own = node('BatchNormalization', { spatial: { int: 0 } }, 's', 's', 's', 's');
  const bytes = fileOf({
    opset: 7,
    nodes: [own],
    tensors: { s: floats(1, 2) },
    inputs: [{ name: 'x', dims: ['N', 2] }],
    outputs: [{ name: 'y', dims: [] }],
  });
  const { graph } = await read(bytes);
  assert.throws(
    () => upgradeNodes(new GraphDraft(graph), 7),
    /spatial = 0 has no form in opset 18; export the model again/,
  );
});
