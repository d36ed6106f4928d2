/** A head of one's own on a sealed encoder: a linear one against the exact law, one that is not against attack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import { normalCdf } from '../../../src/certify-runtime/smoothing/normal.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { EncoderWithHead } from '../../../src/evaluate/sampling/certify-latents.ts';
import { NoisyNetwork } from '../../../src/evaluate/sampling/noisy-network.ts';
import { sealedNetwork } from '../../support/networks/sealed.ts';
import { classifier, linear } from './networks.ts';

const SETTINGS = { sigma: 0.12, n: 4000, n0: 100, alpha: 0.001, seed: 1 };

function images(count: number, size: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count * size }, () => random.uniform());
}

test("the model's own linear head, sampled as head.onnx, agrees with the law that CERTIFY draws from for it", async () => {
  const sealed = await sealedNetwork({ seed: 4, classes: 2 });
  const certifier = await Certifier.load(sealed);
  const { head, terms } = certifier.model;
  const { weights, bias, latentSize: d } = head;
  const rows = Array.from({ length: d }, (_, i) => [weights[i]!, weights[d + i]!]);
  const network = await NoisyNetwork.load(linear(rows, [...bias]));
  const model = await EncoderWithHead.load(sealed, network);
  const pixels = images(40, 48, 1);
  const sampled = await model.certify(pixels, SETTINGS);
  const s = Math.hypot(...rows.map(([a, b]) => a! - b!));
  for (const [i, answer] of sampled.entries()) {
    const image = pixels.slice(i * 48, (i + 1) * 48);
    const { logits, radius, label } = await certifier.predict(image);
    const p = normalCdf(Math.abs(logits[0]! - logits[1]!) / (s * SETTINGS.sigma));
    assert.ok(Math.abs(answer.count - 4000 * p) <= 6 * Math.sqrt(4000 * p * (1 - p)) + 1);
    if (answer.label !== -1) assert.equal(answer.label, label);
    const drawn = await certifier.smooth(image, SETTINGS);
    assert.ok(Math.abs(drawn.radius - answer.radius) < 0.1 * SETTINGS.sigma);
    // The smoothed certificate of a linear head is never above the exact distance, of which the margin's radius is a
    // lower bound within the float32 slack.
    const exact = Math.abs(logits[0]! - logits[1]!) / (terms.constants.lipschitz * s);
    assert.ok(answer.radius <= exact * (1 + 1e-6) && radius <= exact * (1 + 1e-6));
  }
  assert.ok(sampled.some(({ radius }) => radius > 0.1));
  await model.dispose();
  await network.dispose();
  await certifier.dispose();
});

test('a head that is not linear: no image inside the radius gets another label from the smoothed head', async () => {
  const sealed = await sealedNetwork({ seed: 6, classes: 2 });
  // By the sign of |u·z| − t: two parallel walls, which no linear head has.
  const head = classifier([8], 2, ({ builder, normal }) => {
    const projected = builder.node('MatMul', ['image', normal([8, 1], 8)]);
    const size = builder.node('Abs', [projected]);
    const other = builder.node('Sub', [builder.floats([1], [1.2]), size]);
    return builder.node('Concat', [size, other], { axis: 1 });
  });
  const network = await NoisyNetwork.load(head);
  const model = await EncoderWithHead.load(sealed, network);
  const pixels = images(30, 48, 2);
  const answers = await model.certify(pixels, { ...SETTINGS, n: 10_000 });
  const random = createRandom(9);
  const moved: number[] = [];
  const owners: number[] = [];
  answers.forEach(({ label, radius }, i) => {
    if (label === -1) return;
    for (let attempt = 0; attempt < 10; attempt++) {
      const direction = Float64Array.from({ length: 48 }, () => random.normal());
      const length = Math.hypot(...direction);
      // Clipping to [0, 1] only brings it nearer.
      for (let k = 0; k < 48; k++) {
        moved.push(Math.min(1, Math.max(0, pixels[i * 48 + k]! + (0.999 * radius * direction[k]!) / length)));
      }
      owners.push(i);
    }
  });
  const again = await model.certify(Float32Array.from(moved), { ...SETTINGS, seed: 2 });
  again.forEach(({ label }, at) => {
    if (label !== -1) assert.equal(label, answers[owners[at]!]!.label);
  });
  const labels = new Set(answers.map(({ label }) => label));
  assert.ok(labels.has(0) && labels.has(1), `labels ${[...labels]}`);
  await model.dispose();
  await network.dispose();
});

test('a head that takes something else than the latent is refused', async () => {
  const sealed = await sealedNetwork();
  const network = await NoisyNetwork.load(
    linear(
      [
        [1, 2],
        [3, 4],
      ],
      [0, 0],
    ),
  );
  await assert.rejects(EncoderWithHead.load(sealed, network), (error) => {
    assert.ok(error instanceof InputError);
    return error.message === "the head takes [N, 2], the model's latent is [N, 8]";
  });
  await network.dispose();
});
