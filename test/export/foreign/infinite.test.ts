/** Infinite bounds and padding: left out where they decide nothing, refused with the place anywhere else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphDraft } from '../../../src/export/foreign/graph-draft.ts';
import { dropInfinite, refuseNonFinite } from '../../../src/export/foreign/upgrade/infinite.ts';
import { type FileNode, type FileTensor, fileOf, longs } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, read, written } from './support.ts';

const scalar = (value: number): FileTensor => ({ dims: [], data: Float32Array.of(value) });
const LARGEST = 3.4028234663852886e38;

async function dropped(nodes: readonly FileNode[], tensors: Record<string, FileTensor>) {
  const bytes = fileOf({
    opset: 18,
    nodes,
    tensors,
    inputs: [{ name: 'x', dims: ['N', 1, 4, 4] }],
    outputs: [{ name: 'y', type: 0, dims: [] }],
  });
  const model = await read(bytes);
  const draft = new GraphDraft(model.graph);
  dropInfinite(draft);
  return { bytes, model: { ...model, graph: draft.graph('g') }, draft, ops: draft.nodes.map(({ op }) => op) };
}

test('a Clip loses the bound that is infinite, or the largest number', async () => {
  const relu: FileNode = { op: 'Relu', inputs: ['c'], outputs: ['y'] };
  const clip = (...inputs: string[]): FileNode => ({ op: 'Clip', inputs: ['x', ...inputs], outputs: ['c'] });
  const inputs = async (low: number, high: number) => {
    const { draft } = await dropped([clip('low', 'high'), relu], { low: scalar(low), high: scalar(high) });
    return draft.nodes.map((node) => node.inputs.join());
  };
  assert.deepEqual(await inputs(-Infinity, 0.5), ['x,,high', 'c']);
  assert.deepEqual(await inputs(-LARGEST, 0.5), ['x,,high', 'c']);
  assert.deepEqual(await inputs(0.5, Infinity), ['x,low', 'c']);
  assert.deepEqual(await inputs(-Infinity, LARGEST), ['x']);
  assert.deepEqual(await inputs(-3.4e38, 3.4e38), ['x,low,high', 'c']);
});

test('bounds that are infinite the other way, and NaN, are refused', async () => {
  const clip: FileNode = { op: 'Clip', name: 'clip', inputs: ['x', 'low', 'high'], outputs: ['y'] };
  for (const [low, high] of [
    [Infinity, 1],
    [0, -Infinity],
    [NaN, 1],
    [0, NaN],
  ] as const) {
    const { draft } = await dropped([clip], { low: scalar(low), high: scalar(high) });
    assert.throws(
      () => refuseNonFinite(draft),
      /^\w+: Clip 'clip' computes with -?(Infinity|NaN) \(value 0 of '(low|high)'\): /,
    );
  }
  const leaky: FileNode = {
    op: 'LeakyRelu',
    name: 'l',
    inputs: ['x'],
    outputs: ['y'],
    attributes: { alpha: { float: NaN } },
  };
  const { draft } = await dropped([leaky], {});
  assert.throws(() => refuseNonFinite(draft), /LeakyRelu 'l': attribute alpha is NaN/);
});

const pool = (attributes: FileNode['attributes']): FileNode => ({
  op: 'MaxPool',
  inputs: ['p'],
  outputs: ['y'],
  attributes: { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, ...attributes },
});
const pad = (...more: string[]): FileNode => ({
  op: 'Pad',
  name: 'pad',
  inputs: ['x', 'pads', ...more],
  outputs: ['p'],
});

for (const value of [-Infinity, -LARGEST]) {
  test(`a Pad of ${value} in front of a MaxPool is its own padding`, async () => {
    for (const [pads, own] of [
      [[0, 0, 1, 2, 0, 0, 0, 1], undefined],
      [
        [0, 0, 1, 0, 0, 0, 1, 1],
        [1, 0, 0, 1],
      ],
    ] as const) {
      const before = own === undefined ? {} : { pads: { ints: own } };
      const { bytes, model, ops } = await dropped([pad('v'), pool(before)], { pads: longs(...pads), v: scalar(value) });
      assert.deepEqual(ops, ['MaxPool']);
      const feed = image([2, 1, 4, 4]);
      assert.deepEqual(numbers(await answer(written(model), feed)), numbers(await answer(bytes, feed)));
    }
  });
}

test('a Pad stays where it is more than the padding of the pools behind it', async () => {
  const stays = async (pads: readonly number[], nodes: readonly FileNode[], value = -Infinity) => {
    const { ops } = await dropped([pad('v'), ...nodes], { pads: longs(...pads), v: scalar(value) });
    assert.equal(ops[0], 'Pad');
  };
  const usual = [0, 0, 1, 1, 0, 0, 1, 1];
  await stays([0, 0, 3, 0, 0, 0, 0, 0], [pool({})]); // a window would have no pixel
  await stays([0, 0, 2, 0, 0, 0, 0, 0], [pool({ pads: { ints: [1, 0, 0, 0] } })]);
  await stays([0, 1, 1, 1, 0, 0, 0, 0], [pool({})]); // channels
  await stays([0, 0, -1, 1, 0, 0, 1, 1], [pool({})]);
  await stays(usual, [pool({ ceil_mode: { int: 1 } })]);
  await stays(usual, [pool({ auto_pad: { text: 'SAME_UPPER' } })]);
  await stays(usual, [pool({})], 0);
  await stays(usual, [pool({})], NaN);
  const relu: FileNode = { op: 'Relu', inputs: ['p'], outputs: ['r'] };
  await stays(usual, [
    relu,
    { ...pool({}), outputs: ['q'] },
    { op: 'ReduceMax', inputs: ['r'], outputs: ['s'] },
    { op: 'Add', inputs: ['q', 's'], outputs: ['y'] },
  ]);
});
