/** The baselines’ losses in plain JavaScript in float64, and how gradients are compared with differences. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { tf } from '../../../src/train/tfjs.ts';

/** [copies][images][classes]. */
export type Logits = readonly (readonly (readonly number[])[])[];

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
export const mean = (values: readonly number[]) => sum(values) / values.length;

export function softmax(y: readonly number[], beta = 1): number[] {
  const top = Math.max(...y);
  const powers = y.map((value) => Math.exp(beta * (value - top)));
  return powers.map((power) => power / sum(powers));
}

/** Mean of the copies' softmax at image `i`. */
export function meanSoftmax(logits: Logits, i: number, beta = 1): number[] {
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
export function macerReference(
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
export function consistencyReference(logits: Logits, weight: number, entropy: number): number {
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

export function example(copies: number, n: number, classes: number, scale: number, seed: number) {
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

export const oneHot = (labels: readonly number[], classes: number) =>
  tf.oneHot(tf.tensor1d([...labels], 'int32'), classes).toFloat() as tf.Tensor2D;
export const tensor = (logits: Logits) => tf.tensor3d(logits as number[][][]);

/** Value of `loss`, and its gradient in each logit beside central differences of `reference`. */
export function compare(loss: (y: tf.Tensor3D) => tf.Scalar, reference: (y: Logits) => number, logits: Logits): void {
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

export const examples = fc.record({
  copies: fc.integer({ min: 2, max: 4 }),
  n: fc.integer({ min: 1, max: 5 }),
  classes: fc.integer({ min: 2, max: 4 }),
  scale: fc.constantFrom(0.3, 1),
  seed: fc.nat(),
});
