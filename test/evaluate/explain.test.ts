/** Explanations of a bound: running bounds against singular values, shares that add up, activations as one layer, hints. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type ExplainedLayer, type Explanation, explain } from '../../src/evaluate/explain/explain.ts';
import { fileOf, sealBytes } from '../support/networks/brought.ts';
import { GraphBuilder } from '../support/networks/graph-builder.ts';
import { Random } from '../support/numbers/random.ts';
import { largestSingularValue } from '../support/numbers/svd.ts';

const INPUTS = 12;
const WIDTH = 8;

async function explained(builder: GraphBuilder, logits: string): Promise<Explanation> {
  const { bytes, verified } = await sealBytes(fileOf(builder, logits));
  return explain(bytes, verified);
}

/** A matrix [inputs, outputs] of the builder, with its largest singular value. */
function matrix(
  builder: GraphBuilder,
  inputs: number,
  outputs: number,
  random: Random,
): { name: string; norm: number } {
  const values = Float32Array.from(random.normals(inputs * outputs, 1 / Math.sqrt(inputs)));
  return { name: builder.floats([inputs, outputs], values), norm: largestSingularValue(values, inputs, outputs) };
}

const sum = (layers: readonly ExplainedLayer[], of: 'loss' | 'slack') =>
  layers.reduce((all, each) => all + each[of], 0);
const near = (a: number, b: number, tolerance: number) => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));

test('a chain: L of each layer is the product of singular values, and the shares add up', async () => {
  const random = new Random(1);
  const builder = new GraphBuilder(['N', 2, 2, 3]);
  const flat = builder.node('Flatten', ['image']);
  const [a, b, c] = [
    matrix(builder, INPUTS, WIDTH, random),
    matrix(builder, WIDTH, WIDTH, random),
    matrix(builder, WIDTH, 3, random),
  ];
  const hidden = builder.node('Relu', [builder.node('MatMul', [flat, a.name])]);
  const latent = builder.node('Relu', [builder.node('MatMul', [hidden, b.name])]);
  const { layers, lipschitz, measured, slack } = await explained(builder, builder.node('MatMul', [latent, c.name]));
  assert.deepEqual(
    layers.map(({ op }) => op),
    ['Flatten', 'MatMul', 'Relu', 'MatMul', 'Relu'],
  );
  const expected = [1, a.norm, a.norm, a.norm * b.norm, a.norm * b.norm];
  layers.forEach((layer, i) => {
    assert(near(layer.lipschitz, expected[i]!, 1e-3), `${layer.op}: ${layer.lipschitz}, not ${expected[i]}`);
    assert(layer.measured! <= layer.lipschitz * (1 + 1e-9), `${layer.op}: ${layer.measured} > ${layer.lipschitz}`);
  });
  assert(near(layers[1]!.measured!, a.norm, 1e-3), 'a linear layer is measured as it is');
  assert.equal(lipschitz, layers.at(-1)!.lipschitz);
  assert.equal(measured, layers.at(-1)!.measured);
  assert(slack > 0 && slack < 1e-3, `${slack}`);
  assert(near(sum(layers, 'loss'), 1, 1e-9), `${sum(layers, 'loss')}`);
  assert(near(sum(layers, 'slack'), 1, 0.02), `${sum(layers, 'slack')}`);
  assert(layers[1]!.slack > 0.1 && layers[3]!.slack > 0.1, 'both products round');
});

test('MaxMin is one layer, and a network of orthogonal layers has nothing to lose and no hint', async () => {
  const { bytes, verified } = await sealBytes(
    await readFile(new URL('../fixtures/layers/cayley-dense.onnx', import.meta.url)),
  );
  const { layers } = await explain(bytes, verified);
  const activations = layers.filter(({ op }) => /Max|Min|Slice|Split/.test(op));
  assert(
    activations.length >= 2 && activations.every(({ op }) => op.endsWith('Concat')),
    `${activations.map(({ op }) => op)}`,
  );
  for (const { op, loss, hint, lipschitz } of layers) {
    assert.deepEqual([loss, hint], [0, null], op);
    assert(near(lipschitz, 1, 1e-5), `${op}: ${lipschitz}`);
  }
});

test('two branches: their shares are weighed, they add up, and the sum is named', async () => {
  const random = new Random(2);
  const builder = new GraphBuilder(['N', 2, 2, 3]);
  const flat = builder.node('Flatten', ['image']);
  const relu = (x: string, of: { name: string }) => builder.node('Relu', [builder.node('MatMul', [x, of.name])]);
  const first = relu(flat, matrix(builder, INPUTS, WIDTH, random));
  const second = relu(flat, matrix(builder, INPUTS, WIDTH, random));
  const latent = builder.node('Add', [first, second]);
  const head = matrix(builder, WIDTH, 3, random);
  const { layers } = await explained(builder, builder.node('MatMul', [latent, head.name]));
  const add = layers.find(({ op }) => op === 'Add')!;
  assert(near(sum(layers, 'loss'), 1, 1e-9), `${sum(layers, 'loss')}`);
  assert(add.own > 1.5 && add.own <= 2 && add.loss > 0.1, JSON.stringify(add));
  assert.match(add.hint!, /a sum of 2 branches/);
});

test('hints: an expansion by its norm, an overlapping pool by its stride', async () => {
  const { bytes, verified } = await sealBytes(
    await readFile(new URL('../fixtures/field/15-maxpool3s2.leg-fix.onnx', import.meta.url)),
  );
  const { layers } = await explain(bytes, verified);
  const pool = layers.find(({ op }) => op === 'MaxPool')!;
  assert.equal(pool.hint, 'overlapping pool: use stride = kernel');
  assert(near(pool.own, 2, 1e-6), `${pool.own}`);

  const plain = await sealBytes(await readFile(new URL('../fixtures/byo/pytorch-cnn.onnx', import.meta.url)));
  const gemm = (await explain(plain.bytes, plain.verified)).layers.find(({ op }) => op === 'Gemm')!;
  assert.match(gemm.hint!, /^expansion: ‖W‖ = 1\.94; train it orthogonal$/);
});
