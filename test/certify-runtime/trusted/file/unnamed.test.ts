/** Outputs and inputs without a name: what is not read is not run, and what is run was proven (kind 11). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OnnxModel, OnnxNode, Tensor } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { verifyModel } from '../../../../src/certify-runtime/trusted/verify.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { forge, parts, sealModel, withDigests, withGraph } from '../../../support/networks/sealed.ts';

const FILE = { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', metadata: new Map() };

/** Logits of two classes on what the builder gives, sealed. */
function sealedOn(b: GraphBuilder, latent: string): Promise<Uint8Array> {
  const product = b.node('MatMul', [latent, b.floats([2, 2], [1, -1, -1, 1])]);
  const logits = b.node('Add', [product, b.floats([2], [0.5, -0.5])]);
  const graph = { ...b.graph(logits), outputs: [{ name: logits, type: 'float32', dims: ['N', 2] }] } as const;
  return sealModel({ ...FILE, graph }, ['a', 'b']);
}

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, bigint>> = {},
): OnnxNode => ({
  op,
  name: `unproven ${op}`,
  inputs,
  outputs,
  attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, { kind: 'int', value }])),
});

/** Puts nodes and their constants before the first node of `op`, with all digests and the head as they should be. */
async function smuggled(
  sealed: Uint8Array,
  op: string,
  nodes: (before: OnnxNode) => readonly OnnxNode[],
  tensors: readonly Tensor[],
): Promise<Uint8Array> {
  const { model, certificate } = parts(sealed);
  const at = model.graph.nodes.findIndex((each) => each.op === op);
  const more = nodes(model.graph.nodes[at]!);
  const changed: OnnxModel = withGraph(model, {
    nodes: [...model.graph.nodes.slice(0, at), ...more, ...model.graph.nodes.slice(at)],
    initializers: new Map([...tensors.map((tensor) => [tensor.name, tensor] as const), ...model.graph.initializers]),
  });
  return forge(changed, certificate);
}

const constant = (name: string, data: readonly number[]): Tensor => ({
  name,
  type: 'float32',
  dims: [data.length],
  data: Float32Array.from(data),
});

/** min(Relu(x)·w, 10³⁰): the Clip has no least value, and an input without a name for it. */
function weighted(): Promise<Uint8Array> {
  const b = new GraphBuilder(['N', 1, 1, 2]);
  const x = b.node('Relu', [b.node('Reshape', ['image', b.ints([-1, 2])])]);
  const product = b.node('Mul', [x, b.floats([2], [1, 1])]);
  return sealedOn(b, b.node('Clip', [product, '', b.floats([], [1e30])]));
}

test('an input without a name makes no output without a name needed', async () => {
  const sealed = await weighted();
  // ONNX Runtime's BatchNormalization in training writes the means of its batch over its input, the weight w.
  const training = (before: OnnxNode) => [
    node(
      'BatchNormalization',
      [before.inputs[0]!, 'scale', 'bias', before.inputs[1]!, 'variance'],
      ['junk', 'mean', 'variance of it'],
      { training_mode: 1n },
    ),
    node('Dropout', ['junk'], ['dropped', '']),
  ];
  const tensors = ['scale', 'bias', 'variance'].map((name) => constant(name, [1, 2]));
  await assert.rejects(
    verifyModel(await smuggled(sealed, 'Mul', training, tensors)),
    /node 'unproven Dropout' \('Dropout'\) is not between the image and the logits/,
  );
  // The smallest one: an Identity whose output has no name.
  await assert.rejects(
    verifyModel(await smuggled(sealed, 'Mul', ({ inputs }) => [node('Identity', [inputs[0]!], [''])], [])),
    /node 'unproven Identity' \('Identity'\) is not between the image and the logits/,
  );
  assert.ok(await verifyModel(sealed));
});

test('an output that a rule gives must have a name: ONNX Runtime crashes on a Split whose output has none', async () => {
  const b = new GraphBuilder(['N', 1, 1, 4]);
  const x = b.node('Reshape', ['image', b.ints([-1, 4])]);
  const [first] = b.nodeWith('Split', [x], 2, { axis: 1, num_outputs: 2 }) as [string, string];
  const sealed = await sealedOn(b, b.node('Relu', [first]));
  const { model, certificate } = parts(sealed);
  const nodes = model.graph.nodes.map((each) =>
    each.op === 'Split' ? { ...each, outputs: [each.outputs[0]!, ''] } : each,
  );
  await assert.rejects(
    verifyModel(await withDigests(withGraph(model, { nodes }), certificate)),
    /Split .*: an output has no name/,
  );
  assert.ok(await verifyModel(sealed));
});
