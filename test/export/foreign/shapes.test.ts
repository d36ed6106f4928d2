/** What is computed from shapes, and what grows with the batch: constants, one row for all, or as it is. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import { GraphDraft } from '../../../src/export/foreign/graph-draft.ts';
import { padZeros } from '../../../src/export/foreign/upgrade/zeros.ts';
import { type FileNode, type FileTensor, floats, longs } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, plain, read, written } from './support.ts';

test('what is computed from shapes is a constant, and a batch in a target is free', async () => {
  const bytes = plain(
    [
      { op: 'Shape', inputs: ['x'], outputs: ['s'] },
      { op: 'Gather', inputs: ['s', 'zero'], outputs: ['n'], attributes: { axis: { int: 0 } } },
      { op: 'Gather', inputs: ['s', 'one'], outputs: ['d'], attributes: { axis: { int: 0 } } },
      { op: 'Div', inputs: ['d', 'two'], outputs: ['half'] },
      { op: 'Mul', inputs: ['n', 'two'], outputs: ['rows'] },
      { op: 'Concat', inputs: ['rows', 'half'], outputs: ['target'], attributes: { axis: { int: 0 } } },
      { op: 'Reshape', inputs: ['x', 'target'], outputs: ['v'] },
      { op: 'ConstantOfShape', inputs: ['half'], outputs: ['ones'], attributes: { value: { tensor: floats(1) } } },
      { op: 'Add', inputs: ['v', 'ones'], outputs: ['y'] },
    ],
    { zero: longs(0), one: longs(1), two: longs(2) },
    [6],
  );
  const { graph } = await read(bytes);
  assert.deepEqual(
    graph.nodes.map(({ op }) => op),
    ['Reshape', 'Add'],
  );
  assert.deepEqual([...graph.initializers.get(graph.nodes[0]!.inputs[1]!)!.data], [-1n, 3n]);
  assert.deepEqual([...graph.initializers.get('ones')!.data], [1, 1, 1]);
});

test('an If whose condition is known is the branch that it takes', async () => {
  const branch = (op: string, inner: string) => ({
    nodes: [
      { op, inputs: ['x'], outputs: [inner] },
      { op: 'Mul', inputs: [inner, `${inner}_c`], outputs: [`${inner}_m`] },
    ],
    tensors: { [`${inner}_c`]: floats(2) },
    outputs: [{ name: `${inner}_m`, dims: [] }],
  });
  const file = (condition: FileNode[]) =>
    plain(
      [
        ...condition,
        {
          op: 'If',
          name: 'if',
          inputs: ['c'],
          outputs: ['z'],
          attributes: { then_branch: { graph: branch('Relu', 'p') }, else_branch: { graph: branch('Neg', 'q') } },
        },
        { op: 'Add', inputs: ['z', 'z'], outputs: ['y'] },
      ],
      { one: longs(1), six: longs(6) },
      [6],
    );
  const size: FileNode[] = [
    { op: 'Shape', inputs: ['x'], outputs: ['s'] },
    { op: 'Gather', inputs: ['s', 'one'], outputs: ['d'], attributes: { axis: { int: 0 } } },
    { op: 'Equal', inputs: ['d', 'six'], outputs: ['eq'] },
    { op: 'ReduceMin', inputs: ['d'], outputs: ['unused'] },
    { op: 'Squeeze', inputs: ['eq'], outputs: ['c'] },
  ];
  const bytes = file(size);
  const model = await read(bytes);
  assert.deepEqual(
    model.graph.nodes.map(({ op }) => op),
    ['Relu', 'Mul', 'Identity', 'Add'],
  );
  assert.deepEqual((await answer(written(model), image([2, 6]))).bytes, (await answer(bytes, image([2, 6]))).bytes);

  const onPixels: FileNode[] = [
    { op: 'ReduceSum', inputs: ['x'], outputs: ['t'], attributes: { keepdims: { int: 0 } } },
    { op: 'Greater', inputs: ['t', 'zero'], outputs: ['c'] },
    { op: 'Constant', outputs: ['zero2'], attributes: { value_float: { float: 0 } } },
  ];
  const dependent = file([
    { op: 'Constant', outputs: ['zero'], attributes: { value_float: { float: 0 } } },
    ...onPixels,
  ]);
  await assert.rejects(read(dependent), (error: UnprovableError) =>
    /attribute type 5, a graph,.*onnxsim/.test(error.message),
  );
});

describe('what grows with the batch', () => {
  const shape: FileNode = { op: 'Shape', inputs: ['x'], outputs: ['s'] };
  const filled = (value: number): FileNode => ({
    op: 'ConstantOfShape',
    inputs: ['s'],
    outputs: ['c'],
    attributes: { value: { tensor: floats(value) } },
  });
  const upgraded = async (bytes: Uint8Array) => {
    const model = await read(bytes);
    const draft = new GraphDraft(model.graph);
    padZeros(draft);
    return { ...model, graph: draft.graph('g') };
  };
  const join: FileNode = {
    op: 'Concat',
    inputs: ['c', 'x', 'x', 'c'],
    outputs: ['y'],
    attributes: { axis: { int: -1 } },
  };

  it('is one row, where an operator stretches it', async () => {
    const bytes = plain([shape, filled(0.5), { op: 'Sub', inputs: ['c', 'x'], outputs: ['y'] }], {});
    const model = await upgraded(bytes);
    const constant = model.graph.initializers.get(model.graph.nodes[0]!.inputs[0]!)!;
    assert.deepEqual([constant.dims, ...constant.data], [[1, 2], 0.5, 0.5]);
    assert.deepEqual((await answer(written(model), image([3, 2]))).bytes, (await answer(bytes, image([3, 2]))).bytes);
  });

  it('is padding, where zeros are joined to a tensor', async () => {
    const bytes = plain([shape, filled(0), join], {});
    const model = await upgraded(bytes);
    assert.deepEqual(
      model.graph.nodes.map(({ op }) => op),
      ['Concat', 'Pad'],
    );
    const [found, expected] = [await answer(written(model), image([3, 2])), await answer(bytes, image([3, 2]))];
    assert.deepEqual([found.dims, numbers(found)], [expected.dims, numbers(expected)]);
  });

  it('stays as it is, where it is more than zeros, along the batch, or differs from row to row', async () => {
    const kinds = async (nodes: FileNode[], tensors: Record<string, FileTensor> = {}) =>
      (await upgraded(plain(nodes, tensors))).graph.nodes.map(({ op }) => op).join();
    assert.equal(await kinds([shape, filled(1), join]), 'Concat');
    assert.equal(
      await kinds([shape, filled(0), { ...join, attributes: { axis: { int: 0 } } }]),
      'Shape,ConstantOfShape,Concat',
    );
    const counted: FileNode[] = [
      shape,
      filled(1),
      { op: 'CumSum', inputs: ['c', 'axis'], outputs: ['n'] },
      { op: 'Add', inputs: ['x', 'n'], outputs: ['y'] },
    ];
    const axis = { dims: [], data: BigInt64Array.of(0n) };
    assert.equal(await kinds(counted, { axis }), 'Shape,ConstantOfShape,CumSum,Add');
  });
});
