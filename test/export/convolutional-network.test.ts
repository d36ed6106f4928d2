/** Convolutional networks from training to the sealed file: TensorFlow, ONNX Runtime and exact arithmetic agree; attacked. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { differentiate } from '../../src/certify-runtime/gradient/network.ts';
import { runUnverified } from '../../src/certify-runtime/node.ts';
import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { HEAD_PREFIX, TENSORS } from '../../src/certify-runtime/trusted/file/names.ts';
import { imageNorms, smallestBound } from '../../src/certify-runtime/trusted/margin.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { attack } from '../../src/evaluate/attack/attack.ts';
import { sessionJudge } from '../../src/evaluate/attack/judge.ts';
import { convertGraphModel } from '../../src/export/convert/convert.ts';
import { bake } from '../../src/export/graph-model/bake.ts';
import { GRAPH_MODEL, writeGraphModel } from '../../src/export/graph-model/graph-model.ts';
import { seal } from '../../src/export/seal/seal.ts';
import type { TrainConfig } from '../../src/train/config.ts';
import type { ImageShape } from '../../src/train/network/layers.ts';
import { createNetwork } from '../../src/train/network/network.ts';
import { tf } from '../../src/train/tfjs.ts';
import { run } from '../support/interpreter/interpreter.ts';
import { exact } from '../support/numbers/arithmetic.ts';
import { rowsOf } from '../support/numbers/matrix.ts';

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-convolution-'));
});
after(() => rm(scratch, { recursive: true }));

const CLASSES = 3;
const IMAGES = 6;

/** A network with parameters away from where they start, sealed; and what training, the graph model and the file say of images. */
async function sealed(config: TrainConfig['network'], shape: ImageShape) {
  const network = createNetwork(config, shape, CLASSES);
  const parameters = network.initialParameters(8);
  for (const [name, t] of parameters) {
    parameters.set(
      name,
      tf.tidy(() => tf.add(t, tf.randomNormal(t.shape, 0, 0.1, 'float32', 4))),
    );
  }
  const path = await writeGraphModel(bake(network.condense(parameters)), shape, join(scratch, shape.join('x')));
  const model = await convertGraphModel(path, [GRAPH_MODEL.latent, GRAPH_MODEL.logits]);
  const size = shape[0] * shape[1] * shape[2];
  const { bytes, verified } = await seal(model, {
    classes: ['a', 'b', 'c'],
    sigma: null,
    vectors: [new Uint8Array(size).fill(100)],
    training: {},
    producerVersion: '0',
    run: runUnverified,
  });

  const random = createRandom(3);
  const pixels = Float32Array.from({ length: IMAGES * size }, () => random.uniform());
  const session = await ort.InferenceSession.create(bytes);
  const outputs = await session.run({ [TENSORS.image]: new ort.Tensor('float32', pixels, [IMAGES, ...shape]) });
  await session.release();
  const graphModel = await tf.loadGraphModel(`file://${path}`);
  const latents = tf.tidy(() => {
    const images = tf.tensor4d(pixels, [IMAGES, ...shape]);
    const trained = network.encode(network.weights(parameters), images);
    const written = graphModel.execute({ [GRAPH_MODEL.image]: images }, GRAPH_MODEL.latent) as tf.Tensor;
    return {
      trained: rowsOf(trained.dataSync(), network.latent),
      tensorflow: rowsOf(written.dataSync(), network.latent),
      onnxRuntime: rowsOf(outputs[TENSORS.latent]!.data as Float32Array, network.latent),
    };
  });
  graphModel.dispose();
  const whole = readOnnx(bytes).graph;
  const graph = { ...whole, nodes: whole.nodes.filter((node) => !node.name.startsWith(HEAD_PREFIX)) };
  return { bytes, verified, graph, pixels, size, latents };
}

const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((x, i) => x - b[i]!));

for (const [name, shape, conv, hidden] of [
  [
    'four layers, the second of kernel 1',
    [8, 8, 3],
    [
      { channels: 8, kernel: 3, down: 2 },
      { channels: 12, kernel: 1, down: 1 },
      { channels: 8, kernel: 2, down: 1 },
      { channels: 16, kernel: 3, down: 2 },
    ],
    [8],
  ],
  ['odd sizes, the latent an image', [9, 15, 1], [{ channels: 6, kernel: 3, down: 3 }], []],
] as const) {
  test(`${name}: L, agreement within the proven error, attack`, async (t) => {
    const config = { conv: conv.map((layer) => ({ ...layer })), hidden: [...hidden], lipschitz: true };
    const { bytes, verified, graph, pixels, size, latents } = await sealed(config, shape);
    const { lipschitz, float32 } = verified.certificate;
    assert.ok(lipschitz.upper >= 1 - 1e-6 && lipschitz.upper <= 1.001, `L = ${lipschitz.upper}`);

    for (let k = 0; k < IMAGES; k++) {
      const image = pixels.subarray(k * size, (k + 1) * size);
      const values = run(graph, { dims: [1, ...shape], data: [...image] }, exact);
      const z = values.get(TENSORS.latent)!.data;
      const norms = imageNorms(image);
      const proven = smallestBound(float32!.latentError, norms.l2, norms.l1);
      for (const found of [latents.tensorflow[k]!, latents.onnxRuntime[k]!]) {
        assert.ok(distance(found, z) <= proven, `${distance(found, z)} off, ${proven} proven`);
      }
      // Baking moves weights by float32's precision.
      assert.ok(distance(latents.trained[k]!, z) < 1e-4, `in training ${distance(latents.trained[k]!, z)} off`);
      if (k === 0) t.diagnostic(`ONNX Runtime is ${distance(latents.onnxRuntime[0]!, z)} off, ${proven} proven`);
    }

    const judge = await sessionJudge(bytes, shape, CLASSES);
    try {
      const network = differentiate(graph, TENSORS.image, TENSORS.logits);
      const report = await attack(judge, network, pixels, { steps: 12, probes: 16, roundings: 16 });
      assert.equal(report.gradients, 'exact');
      assert.equal(report.broken, 0);
      assert.ok(report.images.filter(({ radius }) => radius > 0).length > IMAGES / 2);
      t.diagnostic(`flip/radius from ${report.smallestRatio}`);
    } finally {
      await judge.release();
    }
  });
}

test('without Lipschitz constraint: plain convolutions of the same shape, sealed all the same', async () => {
  const conv = [
    { channels: 6, kernel: 3, down: 2 },
    { channels: 4, kernel: 2, down: 1 },
  ];
  const { verified, graph, pixels, size, latents } = await sealed({ conv, hidden: [6], lipschitz: false }, [8, 6, 3]);
  assert.ok(verified.certificate.lipschitz.upper > 1);
  for (let k = 0; k < IMAGES; k++) {
    const image = pixels.subarray(k * size, (k + 1) * size);
    const z = run(graph, { dims: [1, 8, 6, 3], data: [...image] }, exact).get(TENSORS.latent)!.data;
    for (const found of Object.values(latents)) assert.ok(distance(found[k]!, z) < 1e-5);
  }
});
