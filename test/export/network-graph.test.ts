/** The form that is sealed: glean's names, nothing that is not needed, no name twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnprovableError } from '../../src/certify-runtime/trusted/errors.ts';
import type { Graph, OnnxModel } from '../../src/certify-runtime/trusted/onnx/model.ts';
import { networkGraph } from '../../src/export/seal/network-graph.ts';

type Node = readonly [op: string, name: string, inputs: readonly string[], output: string];

function model(nodes: readonly Node[], outputs: readonly string[], change: Partial<Graph> = {}): OnnxModel {
  const constants = nodes.flatMap(([, , inputs]) => inputs).filter((name) => name.endsWith('W'));
  const graph: Graph = {
    name: 'test',
    nodes: nodes.map(([op, name, inputs, output]) => ({ op, name, inputs, outputs: [output], attributes: new Map() })),
    initializers: new Map(
      [...constants, 'idle'].map((name) => [name, { name, type: 'float32', dims: [1], data: Float32Array.of(1) }]),
    ),
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 2, 3, 1] }],
    outputs: outputs.map((name) => ({ name, type: 'float32', dims: ['N', 1] })),
    ...change,
  };
  return { irVersion: 8, opset: 18, producerName: '', producerVersion: '', graph, metadata: new Map() };
}

const LAST: Node = ['MatMul', '', ['z', 'W'], 'y'];

test('image, latent and logits get their names; other tensors keep theirs, unless they are reserved or taken', () => {
  const nodes: Node[] = [
    ['Relu', 'label', ['x'], 'image'],
    ['Relu', 'glean/relu', ['image'], 'glean/cap'],
    ['Relu', 'plain', ['glean/cap'], 'network/image'],
    ['Flatten', 'plain', ['network/image'], 'z'],
    LAST,
    ['Relu', 'unused', ['x'], 'dead'],
  ];
  const graph = networkGraph(model(nodes, ['y']));
  assert.deepEqual(graph.shape, [2, 3, 1]);
  assert.deepEqual(
    graph.nodes.map(({ inputs, outputs }) => [inputs[0], outputs[0]]),
    [
      ['image', 'network/network/image'],
      ['network/network/image', 'network/glean/cap'],
      ['network/glean/cap', 'network/image'],
      ['network/image', 'latent'],
      ['latent', 'logits'],
    ],
  );
  assert.deepEqual(
    graph.nodes.map(({ name }) => name),
    ['network/label', 'network/glean/relu', 'plain', 'plain', 'MatMul_4'],
  );
  assert.deepEqual([...graph.initializers.keys()], ['W']);
});

test('the logits are the output named so, the only one, or the one asked for', () => {
  const nodes: Node[] = [['Flatten', '', ['x'], 'z'], LAST, ['Add', '', ['y', 'bW'], 'logits']];
  assert.equal(networkGraph(model(nodes, ['z', 'logits'])).nodes.length, 3);
  assert.equal(networkGraph(model(nodes, ['y'])).nodes.length, 2);
  assert.equal(networkGraph(model(nodes, ['z', 'y']), { logits: 'y' }).nodes.length, 2);
  assert.throws(() => networkGraph(model(nodes, ['z', 'y'])), /outputs z, y/);
  assert.throws(() => networkGraph(model(nodes, ['z', 'y']), { logits: 'none' }), /no output 'none'/);
});

test('what is no classifier with a linear last layer is refused', () => {
  const refused: [OnnxModel, RegExp][] = [
    [model([['Relu', 'r', ['x'], 'y']], ['y']), /last layer must be linear .*Relu 'r'/],
    [model([['MatMul', '', ['x', 'W'], 'y']], ['y']), /no layer before its last one/],
    [model([LAST], ['y'], { inputs: [] }), /one input, found 0/],
    [model([LAST], ['y'], { inputs: [{ name: 'x', type: 'int64', dims: ['N', 2, 3, 1] }] }), /found int64/],
    [model([LAST], ['y'], { inputs: [{ name: 'x', type: 'float32', dims: ['N', 'H', 3, 1] }] }), /H, W, C/],
  ];
  for (const [wrong, reason] of refused) {
    assert.throws(
      () => networkGraph(wrong),
      (error) => error instanceof UnprovableError && reason.test(error.message),
    );
  }
});
