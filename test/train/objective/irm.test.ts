/** Risk and IRM penalty against cross-entropy differentiated numerically in float64; the schedule; the sum. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { penaltyWeight, weigh } from '../../../src/train/objective/invariance.ts';
import { irmPenalty } from '../../../src/train/objective/penalties/irm.ts';
import { createRisk } from '../../../src/train/objective/risk.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { differences, distance, rowsOf } from '../../support/numbers/matrix.ts';

type Logits = readonly (readonly number[])[];

/** Mean cross-entropy of softmax(w·y), in float64. */
function crossEntropy(logits: Logits, labels: readonly number[], w = 1): number {
  const total = logits.reduce((sum, row, i) => {
    const top = Math.max(...row.map((y) => w * y));
    return sum + top + Math.log(row.reduce((s, y) => s + Math.exp(w * y - top), 0)) - w * row[labels[i]!]!;
  }, 0);
  return total / logits.length;
}

/** (dR/dw at w = 1)², by central differences of fourth order. */
function penaltyOf(logits: Logits, labels: readonly number[]): number {
  const h = 1e-3;
  const at = (k: number) => crossEntropy(logits, labels, 1 + k * h);
  return ((8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)) ** 2;
}

const { losses: lossesOf, gradients: gradientsOf } = createRisk({ kind: 'cross-entropy' });

/** Risk and penalty of one environment. */
const answersOf = (logits: tf.Tensor2D, targets: tf.Tensor2D) => {
  const risk = tf.mean(lossesOf(logits, targets)) as tf.Scalar;
  return { risk, penalty: irmPenalty([{ latent: logits, logits, gradients: gradientsOf(logits, targets), risk }]) };
};

const evaluate = (logits: Logits, labels: readonly number[]) =>
  tf.tidy(() => {
    const targets = tf.oneHot(tf.tensor1d([...labels], 'int32'), logits[0]!.length).toFloat() as tf.Tensor2D;
    const y = tf.tensor2d(logits.map((row) => [...row]));
    const { risk, penalty } = answersOf(y, targets);
    return { risk: risk.dataSync()[0]!, penalty: penalty.dataSync()[0]! };
  });

function example(n: number, classes: number, scale: number, seed: number): { logits: number[][]; labels: number[] } {
  const random = createRandom(seed);
  const logits = Array.from({ length: n }, () =>
    Array.from({ length: classes }, () => Math.fround(scale * random.normal())),
  );
  return { logits, labels: logits.map(() => random.uint32() % classes) };
}

test('risk and penalty are what numerical differentiation gives', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 2, max: 5 }),
      fc.constantFrom(0.01, 1, 8),
      fc.nat(),
      (n, classes, scale, seed) => {
        const { logits, labels } = example(n, classes, scale, seed);
        const { risk, penalty } = evaluate(logits, labels);
        const largest = Math.max(1, ...logits.flat().map(Math.abs));
        // Some 20 float32 roundings of numbers up to 2·largest.
        const tolerance = 40 * 2 ** -24 * largest;
        assert.ok(Math.abs(risk - crossEntropy(logits, labels)) <= tolerance);
        const expected = penaltyOf(logits, labels);
        const slope = Math.sqrt(expected);
        // Differences of fourth order: h⁴/30 times the fifth derivative, which is at most of order (2·largest)⁵.
        const off = Math.abs(Math.sqrt(penalty) - slope);
        assert.ok(off <= tolerance + 1e-12 * largest ** 5, `${Math.sqrt(penalty)} against ${slope}`);
      },
    ),
    { numRuns: 60, seed: 3 },
  );
});

test('risk and penalty stay finite for extreme logits', () => {
  const { risk, penalty } = evaluate(
    [
      [1e4, -1e4],
      [3e4, 0],
    ],
    [1, 0],
  );
  // Wrong by a margin of 2e4, right by 3e4: R(w) = w·2e4/2.
  assert.equal(risk, 1e4);
  assert.equal(penalty, 1e8);
});

test('the gradient of the penalty with respect to the logits', () => {
  for (const seed of [1, 2, 3]) {
    const { logits, labels } = example(4, 3, 1.5, seed);
    const expected = differences((flat) => penaltyOf(rowsOf(flat, 3), labels), logits.flat(), 1e-3);
    const gradient = tf.tidy(() => {
      const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), 3).toFloat() as tf.Tensor2D;
      return [
        ...tf
          .grad((y) => answersOf(y as tf.Tensor2D, targets).penalty)(tf.tensor2d(logits))
          .dataSync(),
      ];
    });
    // Differences: h² = 1e-6 times third derivatives of order 1.
    assert.ok(distance([gradient], [expected]) < 1e-5, `off by ${distance([gradient], [expected])}`);
    assert.ok(Math.max(...expected.map(Math.abs)) > 1e-2, 'no gradient to compare');
  }
});

test('penaltyWeight: before, then the full weight from step `warmup` on', () => {
  const irm = { weight: 10_000, before: 1, warmup: 100 };
  assert.deepEqual(
    [0, 99, 100, 299].map((step) => penaltyWeight(irm, step)),
    [1, 1, 10_000, 10_000],
  );
  assert.equal(penaltyWeight({ weight: 5, before: 0, warmup: 0 }, 0), 5);
});

test('weigh: ΣR + λ·penalty, divided by λ above 1', () => {
  const value = (lambda: number) =>
    tf.tidy(() => {
      return weigh([tf.scalar(0.5), tf.scalar(2)], tf.scalar(0.75), lambda).dataSync()[0]!;
    });
  assert.equal(value(0), 2.5);
  assert.equal(value(0.5), 2.875);
  assert.equal(value(1), 3.25);
  assert.equal(value(2), 2);
  assert.equal(value(10_000), Math.fround(0.75 + 2.5 / 10_000));
});
