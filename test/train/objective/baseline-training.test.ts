/** The baselines in training: the noise that the network sees, the attack, and configurations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { baselineObjective } from '../../../src/train/objective/baselines/baseline.ts';
import { baselineSchema } from '../../../src/train/objective/baselines/baseline-config.ts';
import { attackRadius } from '../../../src/train/objective/baselines/smoothadv.ts';
import type { Batch, Model, StepContext } from '../../../src/train/objective/objective.ts';
import { statelessNormal, tf } from '../../../src/train/tfjs.ts';
import { mean, meanSoftmax, oneHot, softmax, sum } from './baseline-references.ts';

const SHAPE = [4, 4, 3] as const;

/** A linear classifier of three classes that keeps what it is shown, and a batch. */
function setting(n: number, seed: number) {
  const random = createRandom(seed);
  const weights = tf.tensor2d(
    Float32Array.from({ length: 48 * 3 }, () => random.normal()),
    [48, 3],
  );
  const pixels = Float32Array.from({ length: n * 48 }, () => random.uniform());
  const labels = Array.from({ length: n }, () => random.uint32() % 3);
  const shown: Float32Array[] = [];
  const model: Model = {
    encode: (images) => {
      shown.push(images.dataSync<'float32'>());
      return tf.reshape(images, [-1, 48]);
    },
    classify: (latent) => tf.matMul(latent, weights),
  };
  const images = tf.tensor4d(pixels, [n, ...SHAPE]);
  const batch: Batch = { images, targets: oneHot(labels, 3), environments: [{ name: 'all', begin: 0, size: n }] };
  const context: StepContext = {
    step: 5,
    steps: 10,
    normal: (shape, stream) => statelessNormal(shape, [seed, stream]),
  };
  const logitsOf = (x: Float32Array) => {
    const w = weights.dataSync();
    return Array.from({ length: x.length / 48 }, (_, i) =>
      [0, 1, 2].map((k) => sum(Array.from({ length: 48 }, (_, d) => x[i * 48 + d]! * w[d * 3 + k]!))),
    );
  };
  return { model, batch, context, shown, labels, pixels, logitsOf };
}

const CONFIGS = {
  gaussian: { baseline: 'gaussian', sigma: 0.3 },
  macer: { baseline: 'macer', sigma: 0.3, copies: 4, weight: 16, from: 5, beta: 16, gamma: 8 },
  smoothadv: { baseline: 'smoothadv', sigma: 0.3, copies: 2, epsilon: 0.5, warmup: 0, attackSteps: 4 },
  consistency: { baseline: 'consistency', sigma: 0.3, copies: 2, weight: 10, entropy: 0.5 },
} as const;

for (const config of Object.values(CONFIGS)) {
  test(`${config.baseline}: the network sees the images with noise of scale σ, and the loss is of what it sees`, () => {
    const { model, batch, context, shown, labels, pixels, logitsOf } = setting(200, 1);
    const { loss, risks, lambda, penalty } = baselineObjective(config).loss(model, batch, context);
    const copies = 'copies' in config ? config.copies : 1;
    assert.equal(shown.length, 1);
    const seen = shown[0]!;
    assert.equal(seen.length, copies * pixels.length);
    const noise = seen.map((value, i) => value - pixels[i % pixels.length]!);
    const deviation = Math.sqrt(noise.reduce((total, value) => total + value * value, 0) / noise.length);
    assert.ok(Math.abs(deviation - 0.3) < 5 * (0.3 / Math.sqrt(2 * noise.length)), `deviation ${deviation}`);
    assert.ok(Math.abs(noise.reduce((a, b) => a + b, 0) / noise.length) < (5 * 0.3) / Math.sqrt(noise.length));

    const logits = logitsOf(seen);
    const expected = -mean(logits.map((y, i) => Math.log(softmax(y)[labels[i % 200]!]!)));
    assert.ok(Math.abs(risks[0]!.dataSync()[0]! - expected) < 1e-4 * expected);
    const total = loss.dataSync()[0]!;
    const parts = Array.from({ length: copies }, (_, c) => logits.slice(c * 200, (c + 1) * 200));
    const added = (penalty?.dataSync()[0] ?? 0) * lambda;
    const base =
      config.baseline === 'macer' ? -mean(labels.map((label, i) => Math.log(meanSoftmax(parts, i)[label]!))) : expected;
    assert.ok(Math.abs(total - base - added) < 1e-4 * total, `${total}, expected ${base} + ${added}`);
  });
}

test("MACER's robustness loss waits for its step", () => {
  const { model, batch, context } = setting(20, 2);
  const objective = baselineObjective(CONFIGS.macer);
  assert.equal(objective.loss(model, batch, { ...context, step: 4 }).lambda, 0);
  assert.equal(objective.loss(model, batch, { ...context, step: 5 }).lambda, 16);
});

test('the attack stays in its ball and in [0, 1], and makes the smoothed classifier worse', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom(0.05, 0.5, 3),
      fc.integer({ min: 1, max: 6 }),
      (seed, epsilon, attackSteps) => {
        const { model, batch, context, pixels } = setting(8, seed);
        const objective = baselineObjective({ ...CONFIGS.smoothadv, epsilon, attackSteps });
        const moved = objective.perturb!(model, batch, context);
        const x = moved.dataSync();
        for (let i = 0; i < 8; i++) {
          const change = Array.from({ length: 48 }, (_, d) => x[i * 48 + d]! - pixels[i * 48 + d]!);
          assert.ok(Math.hypot(...change) <= epsilon * (1 + 1e-5));
        }
        assert.ok(x.every((value) => value >= 0 && value <= 1 + 1e-6));
        const risk = (images: tf.Tensor4D) =>
          objective.loss(model, { ...batch, images }, context).risks[0]!.dataSync()[0]!;
        assert.ok(risk(moved) > risk(batch.images));
      },
    ),
    { numRuns: 20 },
  );
});

test('one step of the attack goes along the gradient of the smoothed cross-entropy, with the noise it trains on', () => {
  const { model, batch, context, shown, labels, pixels, logitsOf } = setting(1, 3);
  const objective = baselineObjective({ ...CONFIGS.smoothadv, epsilon: 1e-3, attackSteps: 1 });
  const moved = objective.perturb!(model, batch, context).dataSync();
  const noise = shown[0]!.map((value, i) => value - pixels[i % 48]!);
  shown.length = 0;
  objective.loss(model, batch, context);
  assert.deepEqual(
    shown[0]!.map((value, i) => value - pixels[i % 48]!),
    noise,
  );
  const loss = (x: Float64Array) => {
    const copies = [0, 1].map((c) => logitsOf(Float32Array.from(x, (value, d) => value + noise[c * 48 + d]!)));
    return -Math.log(meanSoftmax(copies, 0)[labels[0]!]!);
  };
  const slopes = Array.from({ length: 48 }, (_, d) => {
    const at = (by: number) => loss(Float64Array.from(pixels, (value, i) => value + (i === d ? by : 0)));
    return (at(0.01) - at(-0.01)) / 0.02;
  });
  const size = Math.hypot(...slopes);
  slopes.forEach((slope, d) => {
    const change = (moved[d]! - pixels[d]!) / 1e-3;
    assert.ok(Math.abs(change - slope / size) < 2e-2, `pixel ${d}: ${change}, expected ${slope / size}`);
  });
});

test("the attack's radius grows to its full size", () => {
  const radii = [0, 1, 4, 5, 9].map((step) => attackRadius({ epsilon: 1, warmup: 5 }, step));
  assert.deepEqual(radii, [0.2, 0.4, 1, 1, 1]);
  assert.equal(attackRadius({ epsilon: 1, warmup: 0 }, 0), 1);
});

test('a configuration names one baseline with the settings that are its own', () => {
  for (const config of Object.values(CONFIGS)) assert.deepEqual(v.parse(baselineSchema, config), config);
  for (const wrong of [
    { baseline: 'trades', sigma: 0.1 },
    { baseline: 'gaussian' },
    { baseline: 'gaussian', sigma: 0 },
    { baseline: 'gaussian', sigma: 0.1, copies: 2 },
    { ...CONFIGS.consistency, copies: 1 },
    { ...CONFIGS.macer, copies: 1.5 },
  ]) {
    assert.ok(!v.safeParse(baselineSchema, wrong).success, JSON.stringify(wrong));
  }
});
