/** models/cmnist/model.onnx as it is committed: its proof, its answers in Python, its weights. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Certifier } from '../../src/certify-runtime/node.ts';
import type { Tensor } from '../../src/certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { verifyModel } from '../../src/certify-runtime/trusted/verify.ts';
import { orthogonalityDefect } from '../../src/network/orthogonalize.ts';
import { readAll, readRange } from '../../src/train/data/dataset.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { tf } from '../../src/train/tfjs.ts';
import { SHIPPED_MODEL } from '../support/command/glean.ts';
import { singularValues } from '../support/numbers/svd.ts';

/** A layer's matrix [inputs, outputs], put together from its parts. */
function layerWeights(
  initializers: ReadonlyMap<string, Tensor>,
  layer: number,
): { values: Float32Array; inputs: number; outputs: number } {
  const pattern = new RegExp(`^encoder_${layer}/weights(?:_(\\d+))?(?::0)?$`);
  const parts = [...initializers.values()]
    .flatMap((tensor) => {
      const match = pattern.exec(tensor.name);
      return match === null ? [] : [{ tensor, part: Number(match[1] ?? 0) }];
    })
    .sort((a, b) => a.part - b.part)
    .map(({ tensor }) => tensor);
  const outputs = parts[0]!.dims[1]!;
  const inputs = parts.reduce((sum, tensor) => sum + tensor.dims[0]!, 0);
  const values = new Float32Array(inputs * outputs);
  let offset = 0;
  for (const { data } of parts) {
    values.set(data as Float32Array, offset);
    offset += data.length;
  }
  return { values, inputs, outputs };
}

const bytes = await readFile(SHIPPED_MODEL);
const { graph } = readOnnx(bytes);
const layers = [0, 1, 2].map((layer) => layerWeights(graph.initializers, layer));

describe('the shipped model', () => {
  it('has a proven Lipschitz bound of at most 1.0005', async () => {
    const { proven, certificate } = await verifyModel(bytes);
    assert.ok(proven.lipschitz <= 1.0005);
    assert.ok(certificate.lipschitz.upper >= proven.lipschitz);
  });

  it('has orthogonal layers, and a bound above what a full SVD gives', async () => {
    const { proven } = await verifyModel(bytes);
    let product = 1;
    for (const { values, inputs, outputs } of layers) {
      assert.ok(orthogonalityDefect(values, inputs, outputs) < 1e-5);
      product *= Math.max(...singularValues(Float64Array.from(values), inputs, outputs));
    }
    assert.ok(product <= proven.lipschitz, `${product} > ${proven.lipschitz}`);
    assert.ok(proven.lipschitz < product * (1 + 1e-5));
  });

  it('gives in ONNX Runtime what its weights give in tfjs-node, on every test image', async () => {
    const { test } = await openDataset('cmnist');
    const certifier = await Certifier.load(bytes);
    const size = certifier.imageSize;
    const pixels = Float32Array.from(readAll(test), (byte) => byte / 255);
    const predictions = await certifier.predictBatch(pixels);
    const { head } = certifier.model;
    const biases = graph.nodes
      .filter(({ op, name }) => op === 'Add' && name.startsWith('encoder_'))
      .map(({ inputs }) => graph.initializers.get(inputs.find((input) => graph.initializers.has(input))!)!.data);
    const logits = tf.tidy(() => {
      let z = tf.tensor2d(pixels, [test.size, size]);
      layers.forEach(({ values, inputs, outputs }, i) => {
        const sum = tf.add(
          tf.matMul(z, tf.tensor2d(values, [inputs, outputs])),
          tf.tensor1d(biases[i] as Float32Array),
        );
        const [a, b] = tf.split(sum, 2, 1);
        z = tf.concat([tf.maximum(a!, b!), tf.minimum(a!, b!)], 1) as typeof z;
      });
      const w = tf.tensor2d(Float32Array.from(head.weights), [head.classes, head.latentSize]);
      return tf.add(tf.matMul(z, w, false, true), tf.tensor1d(Float32Array.from(head.bias))).dataSync();
    });
    predictions.forEach((prediction, i) => {
      const expected = [logits[2 * i]!, logits[2 * i + 1]!];
      prediction.logits.forEach((logit, j) => {
        assert.ok(Math.abs(logit - expected[j]!) < 1e-4);
      });
      assert.equal(prediction.label, expected[1]! > expected[0]! ? 1 : 0);
    });
    await certifier.dispose();
  });

  it('gives the same labels, and radii hardly smaller, in Python, from the file alone', async () => {
    const { test } = await openDataset('cmnist');
    const certifier = await Certifier.load(bytes);
    const n = 300;
    const pixels = Float32Array.from(readRange(test, 0, n), (byte) => byte / 255);
    const predictions = await certifier.predictBatch(pixels);
    await certifier.dispose();
    const python = spawnSync('.venv/bin/python', ['test/support/networks/onnx_answers.py', SHIPPED_MODEL], {
      input: Buffer.from(pixels.buffer),
      maxBuffer: 1 << 26,
    });
    assert.equal(python.status, 0, python.stderr.toString());
    const answers = JSON.parse(python.stdout.toString()) as { label: number[]; radius: number[] };
    predictions.forEach(({ label, radius }, i) => {
      assert.equal(answers.label[i], label);
      // The file's own head bounds ‖x‖₁ by √n‖x‖₂.
      const more = radius - answers.radius[i]!;
      assert.ok(more > -1e-6 && more < 2e-3, `${more}`);
    });
  });

  it('is as good on the reversed domain as the issue asks', async () => {
    const { test } = await openDataset('cmnist');
    const certifier = await Certifier.load(bytes);
    const predictions = await certifier.predictBatch(Float32Array.from(readAll(test), (byte) => byte / 255));
    await certifier.dispose();
    const right = predictions.filter(({ label }, i) => label === test.labels[i]);
    assert.ok(right.length / test.size >= 0.67);
    assert.ok(right.filter(({ radius }) => radius >= 0.45).length / test.size >= 0.44);
  });

  it('loses at most 3 % of its average certified radius to float32', async () => {
    const { test } = await openDataset('cmnist');
    const certifier = await Certifier.load(bytes);
    const { head, terms } = certifier.model;
    const predictions = await certifier.predictBatch(Float32Array.from(readAll(test), (byte) => byte / 255));
    await certifier.dispose();
    let distance = 0;
    for (let i = 0; i < head.latentSize; i++) distance += (head.weights[i]! - head.weights[head.latentSize + i]!) ** 2;
    let sound = 0;
    let exact = 0;
    predictions.forEach(({ label, radius, logits }, i) => {
      if (label !== test.labels[i]) return;
      sound += radius;
      exact += Math.abs(logits[0]! - logits[1]!) / (terms.constants.lipschitz * Math.sqrt(distance));
    });
    assert.ok(sound >= 0.97 * exact, `${sound / exact}`);
    assert.ok(sound < exact);
  });
});
