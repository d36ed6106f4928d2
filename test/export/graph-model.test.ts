/** The graph model, loaded by tfjs itself, gives what the network gives, computed plainly in float64. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { bake } from '../../src/export/graph-model/bake.ts';
import { GRAPH_MODEL, writeGraphModel } from '../../src/export/graph-model/graph-model.ts';
import type { DenseLayer, PlainNetwork } from '../../src/network/plain-network.ts';
import { createNetwork } from '../../src/train/network/network.ts';
import { tf } from '../../src/train/tfjs.ts';
import { distance, rowsOf } from '../support/numbers/matrix.ts';

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-graph-'));
});
after(() => rm(scratch, { recursive: true }));

/** x·weights + bias and MaxMin, in float64. */
function apply(layer: DenseLayer, x: readonly number[]): number[] {
  const sum = [...layer.bias] as number[];
  x.forEach((value, i) => {
    for (let o = 0; o < layer.outputs; o++) sum[o]! += value * layer.weights[i * layer.outputs + o]!;
  });
  if (layer.activation === 'none') return sum;
  const half = layer.outputs / 2;
  const pairs = Array.from({ length: half }, (_, k) => [sum[k]!, sum[k + half]!] as const);
  return [...pairs.map(([a, b]) => Math.max(a, b)), ...pairs.map(([a, b]) => Math.min(a, b))];
}

/** Latents and logits that tfjs computes from the written files. */
async function execute(network: PlainNetwork, shape: readonly number[], images: number[][], name: string) {
  const path = await writeGraphModel(network, shape, join(scratch, name));
  assert.equal(path, join(scratch, name, 'model.json'));
  const model = await tf.loadGraphModel(`file://${path}`);
  const input = tf.tensor(images.flat(), [images.length, ...shape]);
  const outputs = model.execute({ [GRAPH_MODEL.image]: input }, [
    GRAPH_MODEL.latent,
    GRAPH_MODEL.logits,
  ]) as tf.Tensor[];
  const [latent, logits] = outputs.map((t) => rowsOf(t.dataSync(), t.shape[1]!)) as [number[][], number[][]];
  tf.dispose([input, outputs]);
  model.dispose();
  return { latent, logits };
}

function randomImages(count: number, pixels: number, seed: number): number[][] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => Array.from({ length: pixels }, () => Math.fround(random.uniform())));
}

for (const [shape, hidden, classes] of [
  [[28, 28, 3], [32, 16], 2],
  // Long products in parts: 784 and a prime number of pixels.
  [[28, 28, 1], [8], 3],
  [[1, 307, 1], [6, 10], 2],
  [[2, 2, 1], [6, 4], 5],
] as const) {
  test(`${shape.join('×')} → ${hidden.join(' → ')} → ${classes}: latent and logits of the network itself`, async () => {
    const inputs = shape[0] * shape[1] * shape[2];
    const structure = createNetwork({ conv: [], hidden: [...hidden], lipschitz: true }, shape, classes);
    const images = randomImages(9, inputs, inputs);
    const parameters = structure.initialParameters(6);
    for (const [name, t] of parameters) {
      parameters.set(
        name,
        tf.tidy(() => tf.add(t, tf.randomNormal(t.shape, 0, 0.1, 'float32', 4))),
      );
      t.dispose();
    }
    const baked = bake(structure.condense(parameters));
    const found = await execute(baked, shape, images, `network-${inputs}`);

    const latent = images.map((image) =>
      (baked.encoder as DenseLayer[]).reduce<number[]>((x, layer) => apply(layer, x), image),
    );
    const logits = latent.map((z) => apply(baked.head, z));
    assert.ok(distance(found.latent, latent) < 1e-5, `latent: ${distance(found.latent, latent)}`);
    assert.ok(distance(found.logits, logits) < 1e-5, `logits: ${distance(found.logits, logits)}`);

    // And the network as training sees it: Cayley parameters, not baked.
    const trained = tf.tidy(() => {
      const weights = structure.weights(parameters);
      const z = structure.encode(weights, tf.tensor4d(images.flat(), [images.length, ...shape]));
      return {
        latent: rowsOf(z.dataSync(), z.shape[1]),
        logits: rowsOf(structure.classify(weights, z).dataSync(), classes),
      };
    });
    assert.ok(distance(found.latent, trained.latent) < 1e-4, `in training: ${distance(found.latent, trained.latent)}`);
    assert.ok(distance(found.logits, trained.logits) < 1e-4);
    tf.dispose([...parameters.values()]);
  });
}

test('a last layer without MaxMin is the latent', async () => {
  const layer = (outputs: number): DenseLayer => ({
    kind: 'dense',
    inputs: 2,
    outputs,
    weights: Float32Array.of(0, 1, 1, 0),
    bias: Float32Array.of(0.5, -0.25),
    activation: 'none',
    orthogonal: false,
  });
  const network = { encoder: [layer(2)], head: layer(2) };
  const found = await execute(network, [1, 2, 1], [[1, 2]], 'plain');
  assert.deepEqual(found, { latent: [[2.5, 0.75]], logits: [[1.25, 2.25]] });
});

test('the signature names image, latent and logits with their shapes', async () => {
  const network = createNetwork({ conv: [], hidden: [4], lipschitz: true }, [2, 2, 3], 2);
  const path = await writeGraphModel(
    network.condense(network.initialParameters(1)),
    [2, 2, 3],
    join(scratch, 'signature'),
  );
  const { signature, format } = JSON.parse(await readFile(path, 'utf8'));
  const dims = (entry: { tensorShape: { dim: { size: string }[] } }) =>
    entry.tensorShape.dim.map(({ size }) => Number(size));
  assert.equal(format, 'graph-model');
  assert.deepEqual(dims(signature.inputs.image), [-1, 2, 2, 3]);
  assert.deepEqual(dims(signature.outputs.latent), [-1, 4]);
  assert.deepEqual(dims(signature.outputs.logits), [-1, 2]);
});
