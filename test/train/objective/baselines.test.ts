/** The baselines' losses against plain JavaScript in float64, their gradients against differences, noise and attack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { baselineObjective } from '../../../src/train/objective/baselines/baseline.ts';
import { baselineSchema } from '../../../src/train/objective/baselines/baseline-config.ts';
import { consistencyPenalty } from '../../../src/train/objective/baselines/consistency.ts';
import { robustnessLoss, smoothedCrossEntropy } from '../../../src/train/objective/baselines/macer.ts';
import { attackRadius } from '../../../src/train/objective/baselines/smoothadv.ts';
import type { Batch, Model, StepContext } from '../../../src/train/objective/objective.ts';
import { statelessNormal, tf } from '../../../src/train/tfjs.ts';

/** [copies][images][classes]. */
type Logits = readonly (readonly (readonly number[])[])[];

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

function softmax(y: readonly number[], beta = 1): number[] {
  const top = Math.max(...y);
  const powers = y.map((value) => Math.exp(beta * (value - top)));
  return powers.map((power) => power / sum(powers));
}

/** Mean of the copies' softmax at image `i`. */
function meanSoftmax(logits: Logits, i: number, beta = 1): number[] {
  const each = logits.map((copy) => softmax(copy[i]!, beta));
  return each[0]!.map((_, k) => mean(each.map((row) => row[k]!)));
}

/** Φ⁻¹ by bisection on Simpson's rule: nothing of what the library does. */
function quantile(p: number): number {
  const cdf = (x: number) => {
    const h = x / 200;
    const at = (i: number) => Math.exp(-((i * h) ** 2) / 2);
    const inner = sum(Array.from({ length: 199 }, (_, i) => ((i + 1) % 2 === 1 ? 4 : 2) * at(i + 1)));
    return 0.5 + ((h / 3) * (at(0) + inner + at(200))) / Math.sqrt(2 * Math.PI);
  };
  let [low, high] = [-6, 6];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (cdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The authors' code, train_macer.py, line by line: sorted scores, kept where right and |margin| ≤ γ. */
function macerReference(
  logits: Logits,
  labels: readonly number[],
  sigma: number,
  beta: number,
  gamma: number,
): { loss: number; nearest: number } {
  let nearest = Number.POSITIVE_INFINITY;
  const terms = labels.map((label, i) => {
    const scores = meanSoftmax(logits, i, beta);
    const order = scores.map((score, k) => ({ score, k })).sort((a, b) => b.score - a.score);
    const margin = quantile(order[1]!.score) - quantile(order[0]!.score);
    nearest = Math.min(nearest, Math.abs(margin), Math.abs(gamma - Math.abs(margin)));
    return order[0]!.k === label && Math.abs(margin) <= gamma ? margin + gamma : 0;
  });
  return { loss: (sum(terms) * sigma) / 2 / labels.length, nearest };
}

/** Equation 8 of Jeong & Shin, term by term. */
function consistencyReference(logits: Logits, weight: number, entropy: number): number {
  return mean(
    logits[0]!.map((_, i) => {
      const average = meanSoftmax(logits, i);
      const divergence = mean(
        logits.map((copy) => sum(softmax(copy[i]!).map((p, k) => average[k]! * Math.log(average[k]! / p)))),
      );
      return weight * divergence - entropy * sum(average.map((p) => p * Math.log(p)));
    }),
  );
}

function example(copies: number, n: number, classes: number, scale: number, seed: number) {
  const random = createRandom(seed);
  const logits = Array.from({ length: copies }, () =>
    Array.from({ length: n }, () => Array.from({ length: classes }, () => Math.fround(scale * random.normal()))),
  );
  // More right than wrong labels, so that MACER's margins have something to say.
  const labels = Array.from({ length: n }, (_, i) => {
    const scores = meanSoftmax(logits, i);
    return i % 4 === 3 ? random.uint32() % classes : scores.indexOf(Math.max(...scores));
  });
  return { logits, labels };
}

const oneHot = (labels: readonly number[], classes: number) =>
  tf.oneHot(tf.tensor1d([...labels], 'int32'), classes).toFloat() as tf.Tensor2D;
const tensor = (logits: Logits) => tf.tensor3d(logits as number[][][]);

/** Value of `loss`, and its gradient in each logit beside central differences of `reference`. */
function compare(loss: (y: tf.Tensor3D) => tf.Scalar, reference: (y: Logits) => number, logits: Logits): void {
  const [value, gradient] = tf.tidy(() => {
    const { value: at, grad } = tf.valueAndGrad(loss as (y: tf.Tensor) => tf.Scalar)(tensor(logits));
    return [at.dataSync()[0]!, Array.from(grad.dataSync())];
  });
  const expected = reference(logits);
  assert.ok(Math.abs(value - expected) <= 2e-4 * Math.max(1, Math.abs(expected)), `${value}, expected ${expected}`);
  const h = 1e-4;
  let at = 0;
  logits.forEach((copy, c) => {
    copy.forEach((row, i) => {
      row.forEach((_, k) => {
        const moved = (by: number) =>
          logits.map((rows, d) =>
            rows.map((values, j) => (d === c && j === i ? values.map((y, m) => (m === k ? y + by : y)) : values)),
          );
        const slope = (reference(moved(h)) - reference(moved(-h))) / (2 * h);
        const found = gradient[at++]!;
        assert.ok(Math.abs(found - slope) <= 1e-3 * Math.max(1, Math.abs(slope)), `${found}, expected ${slope}`);
      });
    });
  });
}

const examples = fc.record({
  copies: fc.integer({ min: 2, max: 4 }),
  n: fc.integer({ min: 1, max: 5 }),
  classes: fc.integer({ min: 2, max: 4 }),
  scale: fc.constantFrom(0.3, 1),
  seed: fc.nat(),
});

test("Consistency: the paper's equation and its gradient", () => {
  fc.assert(
    fc.property(examples, ({ copies, n, classes, scale, seed }) => {
      const { logits } = example(copies, n, classes, scale, seed);
      compare(
        (y) => consistencyPenalty(y, 10, 0.5),
        (y) => consistencyReference(y, 10, 0.5),
        logits,
      );
    }),
    { numRuns: 25 },
  );
});

test("MACER: the authors' code and its gradient", () => {
  fc.assert(
    fc.property(examples, fc.constantFrom(0.5, 8), ({ copies, n, classes, scale, seed }, gamma) => {
      const { logits, labels } = example(copies, n, classes, scale, seed);
      const settings = { sigma: 0.25, beta: 2, gamma };
      // At the edges of the hinge the loss jumps, and neither differences nor roundings say anything.
      fc.pre(macerReference(logits, labels, 0.25, 2, gamma).nearest > 0.02);
      const targets = oneHot(labels, classes);
      compare(
        (y) => robustnessLoss(y, targets, settings),
        (y) => macerReference(y, labels, 0.25, 2, gamma).loss,
        logits,
      );
    }),
    { numRuns: 25 },
  );
});

test('MACER: certain and wrong images neither push nor break the gradient', () => {
  const logits = [
    [
      [90, -90],
      [-90, 90],
      [0.2, 0],
    ],
  ];
  const targets = oneHot([0, 0, 0], 2);
  const loss = (y: tf.Tensor) => robustnessLoss(y as tf.Tensor3D, targets, { sigma: 0.25, beta: 16, gamma: 8 });
  const gradient = tf.grad(loss)(tensor(logits)).dataSync();
  assert.deepEqual(Array.from(gradient.slice(0, 4)), [0, 0, 0, 0]);
  assert.ok(gradient[4]! < 0 && gradient[5]! > 0);
});

test('MACER: an image of which nothing is known any more adds nothing', () => {
  const settings = { sigma: 0.25, beta: 16, gamma: 8 };
  const known = [
    [0.2, 0],
    [0, 0.1],
  ];
  for (const unknown of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const loss = (rows: number[][]) =>
      robustnessLoss(tensor([rows]), oneHot([0, 1, 0].slice(0, rows.length), 2), settings).dataSync()[0]!;
    const found = loss([...known, [unknown, 0]]);
    assert.ok(Math.abs(found - (loss(known) * 2) / 3) < 1e-5, `${found}, expected 2/3 of ${loss(known)}`);
  }
});

test('the smoothed cross-entropy is that of the mean softmax', () => {
  fc.assert(
    fc.property(examples, ({ copies, n, classes, scale, seed }) => {
      const { logits, labels } = example(copies, n, classes, scale, seed);
      const targets = oneHot(labels, classes);
      const reference = (y: Logits) => -mean(labels.map((label, i) => Math.log(meanSoftmax(y, i)[label]!)));
      compare((y) => smoothedCrossEntropy(y, targets), reference, logits);
    }),
    { numRuns: 15 },
  );
});

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
