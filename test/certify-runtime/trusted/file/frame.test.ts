/** What is around a sealed network: its limits, digests, names and the head, each wrong alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GleanError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { CERTIFICATE_KEY, type Certificate } from '../../../../src/certify-runtime/trusted/file/claims.ts';
import { EMPTY_DIGEST, withDigest } from '../../../../src/certify-runtime/trusted/file/digest.ts';
import { HEAD_PREFIX } from '../../../../src/certify-runtime/trusted/file/names.ts';
import { precisionOf } from '../../../../src/certify-runtime/trusted/file/precision.ts';
import { readSealed } from '../../../../src/certify-runtime/trusted/file/sealed.ts';
import { MAX_CLASSES } from '../../../../src/certify-runtime/trusted/margin.ts';
import type { OnnxNode } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { verifyModel } from '../../../../src/certify-runtime/trusted/verify.ts';
import { fillFileDigest } from '../../../../src/export/seal/digest.ts';
import { writeOnnx } from '../../../../src/export/seal/onnx-writer.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import {
  forge,
  parts,
  sealedNetwork,
  sealModel,
  withDigests,
  withGraph,
  withTensor,
} from '../../../support/networks/sealed.ts';

const { model, certificate } = parts(await sealedNetwork({ shape: [2, 2, 1], widths: [4], classes: 2 }));

async function refused(bytes: Uint8Array | Promise<Uint8Array>, reason: RegExp): Promise<void> {
  await assert.rejects(
    Promise.resolve(bytes).then(verifyModel),
    (error) => {
      assert(error instanceof GleanError, `${(error as Error).stack}`);
      assert.match(error.message, reason);
      return true;
    },
    `${reason}`,
  );
}

const own = ({ name }: { readonly name: string }): boolean => name.startsWith(HEAD_PREFIX);
const identity = (input: string, output: string): OnnxNode => ({
  ...{ op: 'Identity', name: `to ${output}`, inputs: [input], outputs: [output], attributes: new Map() },
});

test('a sealed file: compares the digests of file and weights', async () => {
  const bytes = await withDigests(model, certificate);
  await verifyModel(bytes);
  const text = JSON.stringify(parts(bytes).certificate);
  const { fileSha256 } = parts(bytes).certificate;
  const other = fileSha256.replace(/./, (digit) => (digit === '0' ? '1' : '0'));
  await refused(withDigest(bytes, text, fileSha256, other), /the file has been changed/);
  const wrong = JSON.stringify({ ...certificate, weightsSha256: other, fileSha256: EMPTY_DIGEST });
  const file = writeOnnx({ ...model, metadata: new Map([[CERTIFICATE_KEY, wrong]]) });
  await refused(fillFileDigest(file, wrong), /the weights' SHA-256 is/);
});

test('a sealed file: finds the digest by its bytes, whatever follows it, and only once', async () => {
  const training = { where: 'Köln, 東京' };
  await verifyModel(await withDigests(model, { ...certificate, training }));
  const twice = { fileSha256: '0'.repeat(64) };
  await assert.rejects(withDigests(model, { ...certificate, training: twice }), /not there exactly once/);
});

test('a sealed file: demands its own metadata, opset and IR version', async () => {
  await refused(writeOnnx({ ...model, metadata: new Map() }), /the file has no metadata 'glean\.certificate'/);
  const more = new Map([...model.metadata, ['author', 'x']]);
  await refused(forge({ ...model, metadata: more }, certificate), /other metadata than its certificate/);
  await refused(forge({ ...model, opset: 17 }, certificate), /opset 17 and IR version 8/);
  await refused(forge({ ...model, irVersion: 9 }, certificate), /opset 18 and IR version 9/);
});

test('a sealed file: demands the inputs and outputs that the certificate names', async () => {
  const { inputs, outputs } = model.graph;
  const image = /does not take image: float32/;
  const input = inputs[0]!;
  await refused(withDigests(withGraph(model, { inputs: [{ ...input, dims: ['N', 4] }] }), certificate), image);
  const shape = { ...certificate, input: { ...certificate.input, shape: [1, 4, 1] } };
  await refused(withDigests(model, shape), image);
  const lost = withGraph(model, {
    inputs: [],
    initializers: new Map([
      ...model.graph.initializers,
      ['image', { name: 'image', type: 'float32', dims: [1, 2, 2, 1], data: new Float32Array(4) }],
    ]),
  });
  await refused(withDigests(lost, certificate), image);
  const reason = /does not give label, radius, logits and latent/;
  await refused(withDigests(withGraph(model, { outputs: outputs.slice(1) }), certificate), reason);
  await refused(withDigests(withGraph(model, { outputs: outputs.toReversed() }), certificate), reason);
  const classes = [...certificate.classes, 'one more'];
  await refused(withDigests(model, { ...certificate, classes }), /the head has 2 classes, 3 are named/);
});

test('a sealed file: takes no more than 10 000 nodes', async () => {
  const more = Array.from({ length: 10_001 }, (_, i) => identity('image', `more ${i}`));
  const long = withGraph(model, { nodes: [...more, ...model.graph.nodes] });
  await assert.rejects(withDigests(long, certificate).then(readSealed), /nodes, more than 10000/);
});

test('a sealed file: takes as many classes as the radius does, and no more', async () => {
  const named = (count: number): Certificate => ({
    ...certificate,
    classes: Array.from({ length: count }, (_, i) => `${i}`),
  });
  await refused(withDigests(model, named(MAX_CLASSES)), /the head has 2 classes, 2048 are named/);
  await refused(withDigests(model, named(MAX_CLASSES + 1)), /more than 2048 classes/);
});

test('a sealed file: knows the precision of the network from its Casts alone', async () => {
  const { float32, ...rest } = certificate;
  const wide = { ...rest, precision: 'float64', float64: float32! } as const;
  await refused(
    withDigests(model, wide as Certificate),
    /the network is of float32, the certificate says float64|expected/,
  );
  const cast = (op: string, to: bigint): OnnxNode => ({
    ...identity('image', 'wide'),
    op,
    attributes: new Map([['to', { kind: 'int', value: to }]]),
  });
  const graph = (...nodes: OnnxNode[]) => ({ ...model.graph, nodes });
  assert.equal(precisionOf(graph(identity('image', 'same'), cast('Cast', 11n))), 'float64');
  assert.equal(precisionOf(graph(cast('Cast', 11n), identity('wide', 'same'))), 'float64');
  assert.equal(precisionOf(graph(cast('Cast', 1n))), 'float32');
  assert.equal(precisionOf(graph(cast('Identity', 11n))), 'float32');
  assert.equal(precisionOf(graph()), 'float32');
});

const network = () => model.graph.nodes.filter((node) => !own(node));
const head = () => model.graph.nodes.filter(own);
const withNodes = (...nodes: readonly OnnxNode[]) => withDigests(withGraph(model, { nodes }), certificate);

test('the graph of a sealed file ends with the certificate head, every node of it', async () => {
  const answers = [identity('image', 'label'), identity('image', 'radius')];
  const fewer = /fewer nodes than the certificate head alone/;
  assert(network().length + 2 < head().length);
  await refused(withNodes(...network(), ...answers), fewer);
  const spare = head().length - network().length - 2;
  const filled = Array.from({ length: spare }, (_, i) => identity('image', `spare ${i}`));
  await refused(withNodes(...network(), ...filled, ...answers), fewer);
  for (const [i, node] of head().entries()) {
    const is = new RegExp(`is not the certificate head's '${node.name}'`);
    const changed = (change: Partial<OnnxNode>) => withNodes(...network(), ...head().with(i, { ...node, ...change }));
    await refused(changed({ name: `${node.name}/` }), is);
    await refused(changed({ inputs: [] }), is);
  }
  await refused(
    withNodes(...network(), identity('latent', 'more'), ...head()),
    /is not between the image and the logits/,
  );
});

test('the graph of a sealed file has the constants of the head, and no others under its names', async () => {
  for (const tensor of model.graph.initializers.values()) {
    if (!own(tensor)) continue;
    const is = new RegExp(`initializer '${tensor.name}' of the certificate head is not what`);
    const changed = withTensor(model, {
      ...tensor,
      dims: tensor.dims.length === 0 ? [1] : tensor.dims.toReversed().concat(1),
    });
    await refused(withDigests(changed, certificate), is);
    const data = tensor.data.slice() as Float32Array | BigInt64Array;
    if (data instanceof Float32Array) data[0] = data[0] === 0 ? 2 ** -149 : data[0]! * (1 + 2 ** -23);
    else data[0]! += 1n;
    await refused(withDigests(withTensor(model, { ...tensor, data }), certificate), is);
    if (tensor.data.length === 1 && tensor.dims.length === 1)
      await refused(withDigests(withTensor(model, { ...tensor, dims: [] }), certificate), is);
  }
  const odd = { name: `${HEAD_PREFIX}odd`, type: 'float32', dims: [1], data: Float32Array.of(1) } as const;
  await refused(withDigests(withTensor(model, odd), certificate), /initializers that do not belong to it/);
  await refused(withDigests(withTensor(model, { ...odd, name: 'odd' }), certificate), /initializer 'odd' is not used/);
});

test('the graph of a sealed file has no node of the network under a name of the head', async () => {
  const reason = /uses a name of the certificate head/;
  const [first, ...others] = network() as [OnnxNode, ...OnnxNode[]];
  // Another Add, that of the last layer, keeps the rule in the book.
  const added = network().findIndex(({ op }) => op === 'Add');
  const { name } = network()[added]!;
  const claimed = certificate.lipschitz.layers.map((layer) => ({
    ...layer,
    name: layer.name === name ? `${HEAD_PREFIX}x` : layer.name,
  }));
  const nodes = [...network().with(added, { ...network()[added]!, name: `${HEAD_PREFIX}x` }), ...head()];
  const lipschitz = { ...certificate.lipschitz, layers: claimed };
  await refused(withDigests(withGraph(model, { nodes }), { ...certificate, lipschitz }), reason);
  const [output] = first.outputs as [string];
  const renamed = `${HEAD_PREFIX}y`;
  const rewired = others.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === output ? renamed : input)),
  }));
  await refused(withNodes({ ...first, outputs: [renamed] }, ...rewired, ...head()), reason);
});

test('the graph of a sealed file has a head for as many latents as there are', async () => {
  const { nodes, initializers } = model.graph;
  const last = network().find(({ outputs }) => outputs.includes('logits'))!;
  const weights = [...network()].flatMap(({ inputs }) => inputs).map((name) => initializers.get(name));
  const W = weights.find((tensor) => tensor?.dims[0] === 4 && tensor.dims[1] === 2)!;
  assert(last !== undefined && W !== undefined);
  const taller = withTensor(model, {
    ...W,
    dims: [6, 2],
    data: Float32Array.of(...(W.data as Float32Array), 0, 0, 0, 0),
  });
  const outputs = model.graph.outputs.map((info) => (info.name === 'latent' ? { ...info, dims: ['N', 6] } : info));
  await refused(
    withDigests(withGraph(taller, { nodes, outputs }), certificate),
    /the head takes 6 latents, the encoder gives 4/,
  );
});

test('the graph of a sealed file may leave an output of a node unused', async () => {
  const builder = new GraphBuilder(['N', 2, 2, 2]);
  const flat = builder.node('Reshape', ['image', builder.ints([-1, 8])]);
  const [used] = builder.nodeWith('Split', [flat], 2, { axis: 1, num_outputs: 2 }) as [string];
  const logits = builder.node('MatMul', [used, builder.floats([4, 2], [1, 0, 0, 1, 1, 0, 0, 1])]);
  const graph = { ...builder.graph(logits), outputs: [{ name: logits, type: 'float32', dims: ['N', 2] } as const] };
  await verifyModel(await sealModel({ ...model, metadata: new Map(), graph }, ['a', 'b']));
});
