/** Weights in other files: read from beside the model, and from nowhere else. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readFromFolder } from '../../../src/export/foreign/onnx/external-file.ts';
import { fileOf, floats, longs } from '../../support/networks/foreign-file.ts';
import { image, numbers, original, read } from './support.ts';

const WEIGHTS = Float32Array.of(9, 1.5, -2, 4);
const bytesOf = (array: Float32Array) => new Uint8Array(array.buffer);

function model(external: Readonly<Record<string, string>>, dims: readonly number[] = [2]): Uint8Array {
  return fileOf({
    opset: 18,
    nodes: [
      { op: 'Mul', inputs: ['x', 'w'], outputs: ['p'] },
      { op: 'Add', inputs: ['p', 'b'], outputs: ['y'] },
    ],
    tensors: { w: { dims, external }, b: floats(1) },
    inputs: [{ name: 'x', dims: ['N', 2] }],
    outputs: [{ name: 'y', dims: ['N', 2] }],
  });
}

describe('weights in other files', () => {
  let root: string;
  let folder: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'glean-external-'));
    folder = join(root, 'models');
    await mkdir(join(folder, 'deep'), { recursive: true });
    for (const place of [root, folder, join(folder, 'deep')]) await writeFile(join(place, 'w.bin'), bytesOf(WEIGHTS));
    await symlink(join(root, 'w.bin'), join(folder, 'out.bin'));
    await symlink('w.bin', join(folder, 'in.bin'));
    await symlink(root, join(folder, 'up'));
    await symlink('loop.bin', join(folder, 'loop.bin'));
  });
  after(() => rm(root, { recursive: true }));

  const load = (external: Readonly<Record<string, string>>, dims?: readonly number[]) =>
    read(model(external, dims), { readExternal: readFromFolder(folder) });
  const refused = (external: Readonly<Record<string, string>>, message: RegExp, dims?: readonly number[]) =>
    assert.rejects(load(external, dims), { name: 'OnnxFormatError', message });

  it('are read from beside the model, from the place that it says', async () => {
    for (const location of ['w.bin', 'deep/w.bin', 'in.bin']) {
      const model_ = await load({ location, offset: '4', length: '8', checksum: 'none' });
      assert.deepEqual([...model_.graph.initializers.get('w')!.data], [1.5, -2]);
      assert.deepEqual(
        numbers(
          await original(
            model_,
            image([1, 2], () => 1),
          ),
        ),
        [2.5, -1],
      );
    }
    const { graph } = await load({ location: 'w.bin' });
    assert.deepEqual([...graph.initializers.get('w')!.data], [9, 1.5]);
  });

  it('of another folder are refused, however the path leads there', async () => {
    for (const location of [
      '../w.bin',
      '/etc/hostname',
      'deep/../../w.bin',
      './w.bin',
      'deep//w.bin',
      '..\\w.bin',
      'C:w.bin',
      '',
    ]) {
      await refused({ location }, /which is not a path within the model's folder; put it there, or export/);
    }
    for (const location of ['out.bin', 'up/w.bin']) await refused({ location }, /beside the model, which is missing/);
  });

  it('of a file that is not there name that file, and say what to do', async () => {
    for (const location of ['model.onnx.data', 'loop.bin', 'w.bin/x', 'deep']) {
      await refused(
        { location },
        new RegExp(`'w': its values are in the file '${location}' beside .* external_data=False`),
      );
    }
    await assert.rejects(read(model({ location: 'w.bin' })), /'w\.bin' beside the model, which is missing/);
  });

  it('that are cut off, too long, or nowhere are refused before they are read', async () => {
    await refused({ location: 'w.bin', offset: '12' }, /are bytes 12 to 20 of 'w\.bin', which is too short/);
    await refused({ location: 'w.bin', offset: `${2 ** 52}` }, /which is too short/);
    await refused({ location: 'w.bin' }, /which is too short/, [2 ** 20]);
    await refused({ location: 'w.bin', length: '16' }, /has length 16, its dims say 8 bytes/);
    await refused({ location: 'w.bin' }, /more than 2147483647 bytes/, [2 ** 30]);
    await refused({ location: 'w.bin' }, /a dimension is 2147483648/, [2 ** 31]);
    await refused({ location: 'w.bin', offset: '-4' }, /offset '-4', which is no size/);
    await refused({ location: 'w.bin', offset: '1e1' }, /which is no size/);
    await refused({ offset: '4' }, /external_data has no location/);
  });

  it('of an attribute are refused: ONNX Runtime would look for the file itself', async () => {
    const stored = { dims: [1], external: { location: '../w.bin' } };
    const inner = { nodes: [{ op: 'Identity', inputs: ['v'], outputs: ['r'] }], outputs: [{ name: 'r', dims: [] }] };
    const files = [
      { op: 'ConstantOfShape', inputs: ['s'], outputs: ['c'], attributes: { value: { tensor: stored } } },
      {
        op: 'If',
        inputs: ['t'],
        outputs: ['c'],
        attributes: { then_branch: { graph: { ...inner, tensors: { v: stored } } } },
      },
    ].map((node) =>
      fileOf({
        opset: 18,
        nodes: [node, { op: 'Add', inputs: ['x', 'c'], outputs: ['z'] }, { op: 'Relu', inputs: ['x'], outputs: ['y'] }],
        tensors: { s: longs(2), t: { dims: [], data: Uint8Array.of(1) } },
        inputs: [{ name: 'x', dims: ['N', 2] }],
        outputs: [
          { name: 'y', dims: [] },
          { name: 'z', dims: [] },
        ],
      }),
    );
    for (const bytes of files) {
      await assert.rejects(read(bytes, { logits: 'z' }), /in another file, which is not read for an attribute/);
      const { source } = await read(bytes, { logits: 'y' });
      assert.equal(source!.forms.length, 1); // the part, not the file
      assert.ok(Buffer.from(source!.forms[0]!.bytes()).indexOf('w.bin') < 0);
    }
  });

  it('decide nothing where the logits do not need them', async () => {
    const bytes = fileOf({
      opset: 18,
      nodes: [
        { op: 'Relu', inputs: ['x'], outputs: ['y'] },
        { op: 'Mul', inputs: ['x', 'w'], outputs: ['z'] },
      ],
      tensors: { w: { dims: [2], external: { location: '../nowhere' } } },
      inputs: [{ name: 'x', dims: ['N', 2] }],
      outputs: [
        { name: 'y', dims: ['N', 2] },
        { name: 'z', dims: ['N', 2] },
      ],
    });
    const model_ = await read(bytes, { logits: 'y' });
    assert.deepEqual(
      numbers(
        await original(
          model_,
          image([1, 2], () => 1),
        ),
      ),
      [1, 1],
    );
  });
});
