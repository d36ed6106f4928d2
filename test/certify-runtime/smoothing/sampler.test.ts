/** The three ways of drawing class counts: the same distribution, and the one the closed forms say. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headLogits, rowDifferences, triangularFactor } from '../../../src/certify-runtime/smoothing/head.ts';
import { normalCdf } from '../../../src/certify-runtime/smoothing/normal.ts';
import { createRandom, type Random } from '../../../src/certify-runtime/smoothing/random.ts';
import { sampleCounts } from '../../../src/certify-runtime/smoothing/sampler.ts';
import type { LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { CHI_SQUARE } from './reference.ts';
import { chiSquare } from './statistics.ts';

function headOf(rows: readonly (readonly number[])[], bias?: readonly number[]): LinearHead {
  const weights = Float32Array.from(rows.flat());
  return {
    classes: rows.length,
    latentSize: rows[0]!.length,
    weights,
    bias: Float32Array.from(bias ?? rows.map(() => 0)),
  };
}

function randomHead(K: number, d: number, random: Random): LinearHead {
  return headOf(
    Array.from({ length: K }, () => Array.from({ length: d }, () => random.normal())),
    Array.from({ length: K }, () => 0.1 * random.normal()),
  );
}

/** P(argmax_j (y_j + a_j t_j) = c), t_j independent N(0, 1): ∫ φ(t) Π_{j≠c} Φ((y_c + a_c t − y_j)/a_j) dt. */
function orthogonalProbability(y: readonly number[], a: readonly number[], c: number): number {
  let sum = 0;
  const step = 1 / 256;
  for (let t = -10; t <= 10; t += step) {
    let f = Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI);
    for (let j = 0; j < y.length; j++) if (j !== c) f *= normalCdf((y[c]! + a[c]! * t - y[j]!) / a[j]!);
    sum += f * step;
  }
  return sum;
}

/** Each χ² below is beyond its limit with probability 1e-6 when the sampler is right. */
function assertFits(counts: readonly number[], probabilities: readonly number[], what: string): void {
  const statistic = chiSquare(counts, probabilities);
  assert.ok(statistic < CHI_SQUARE[counts.length - 2]!, `${what}: χ² = ${statistic}, counts ${counts}`);
}

test('two classes: both samplers fit Φ(m/(σs))', () => {
  const sigma = 0.12;
  const head = headOf([
    [0.3, -0.2, 0.5],
    [0.1, 0.4, 0.2],
  ]);
  const s = Math.hypot(0.2, -0.6, 0.3);
  for (const logits of [
    [0.05, 0],
    [-1, -0.9],
    [3, 3],
  ]) {
    const p = normalCdf((logits[0]! - logits[1]!) / (sigma * s));
    for (const sampler of ['auto', 'latent'] as const) {
      const counts = sampleCounts({ logits, head, sigma, random: createRandom(1), sampler }, 100_000);
      assertFits(counts, [p, 1 - p], sampler);
    }
  }
});

test('one binomial draw varies as 1000 draws do', () => {
  const head = headOf([[1], [-1]]);
  // 2 000 counts of Binomial(1000, ½), below and above the mean: mean and variance within 5 standard errors (6e-7 each).
  const random = createRandom(2);
  const counts = Array.from({ length: 2000 }, () => sampleCounts({ logits: [0, 0], head, sigma: 1, random }, 1000)[0]!);
  const mean = counts.reduce((sum, k) => sum + k, 0) / 2000;
  const variance = counts.reduce((sum, k) => sum + (k - 500) ** 2, 0) / 2000;
  assert.ok(Math.abs(mean - 500) < 5 * Math.sqrt(250 / 2000));
  assert.ok(Math.abs(variance - 250) < 5 * 250 * Math.sqrt(2 / 2000));
});

test('three classes at a tie of logits: ¼ + arcsin(ρ)/2π, correlated rows', () => {
  const rows = [
    [1, 0.2, 0, 0.4],
    [0.3, 1.5, 0.1, 0],
    [-0.2, 0.1, 0.7, 0.9],
  ];
  const head = headOf(rows);
  const difference = (c: number, j: number) => rows[c]!.map((w, i) => w - rows[j]![i]!);
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const probabilities = [0, 1, 2].map((c) => {
    const [u, v] = [0, 1, 2].filter((j) => j !== c).map((j) => difference(c, j)) as [number[], number[]];
    return 0.25 + Math.asin(dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v))) / (2 * Math.PI);
  });
  for (const sampler of ['auto', 'latent'] as const) {
    const counts = sampleCounts({ logits: [2, 2, 2], head, sigma: 0.3, random: createRandom(3), sampler }, 200_000);
    assertFits(counts, probabilities, sampler);
  }
});

test('five classes, orthogonal rows in a turned basis: the integral', () => {
  const random = createRandom(4);
  const d = 7;
  // Orthonormal rows from reflections of the axes, stretched: W Wᵀ = diag(a²).
  const a = [0.5, 1, 1.5, 0.8, 1.2];
  const v = Array.from({ length: d }, () => random.normal());
  const square = v.reduce((sum, x) => sum + x * x, 0);
  const head = headOf(a.map((scale, j) => v.map((x, i) => scale * ((i === j ? 1 : 0) - (2 * v[j]! * x) / square))));
  const logits = [0.2, 0.1, 0, 0.25, -0.1];
  const sigma = 0.4;
  const scales = a.map((scale) => scale * sigma);
  const probabilities = logits.map((_, c) => orthogonalProbability(logits, scales, c));
  assert.ok(Math.abs(probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-9);
  for (const sampler of ['auto', 'latent'] as const) {
    const counts = sampleCounts({ logits, head, sigma, random: createRandom(5), sampler }, 200_000);
    assertFits(counts, probabilities, sampler);
    // The same counts do not fit a noise 5 % larger.
    const wrong = logits.map((_, c) =>
      orthogonalProbability(
        logits,
        scales.map((x) => 1.05 * x),
        c,
      ),
    );
    assert.ok(chiSquare(counts, wrong) > CHI_SQUARE[3]!, 'the test can fail');
  }
});

test('the short way fits β(z + η) written out, for any head', () => {
  const random = createRandom(6);
  for (const [K, d] of [
    [3, 8],
    [5, 20],
    [6, 2],
  ] as const) {
    const head = randomHead(K, d, random);
    const z = Array.from({ length: d }, () => 0.2 * random.normal());
    const sigma = 0.3;
    const draws = 60_000;
    const literal = new Array<number>(K).fill(0);
    for (let draw = 0; draw < draws; draw++) {
      const { logits } = headLogits(
        head,
        z.map((value) => value + sigma * random.normal()),
      );
      literal[logits.indexOf(Math.max(...logits))]!++;
    }
    const { logits } = headLogits(head, z);
    const short = sampleCounts({ logits, head, sigma, random }, draws);
    // Two samples of the same size: Σ (a − b)²/(a + b) is χ² with K − 1 degrees of freedom.
    const used = literal.flatMap((count, j) => (count + short[j]! >= 20 ? [j] : []));
    const statistic = used.reduce((sum, j) => sum + (literal[j]! - short[j]!) ** 2 / (literal[j]! + short[j]!), 0);
    assert.ok(used.length > 1 && statistic < CHI_SQUARE[used.length - 2]!, `K = ${K}: ${statistic}`);
  }
});

test('A Aᵀ = D Dᵀ to the last digits, for any rank', () => {
  const random = createRandom(7);
  for (const [K, d] of [
    [2, 3],
    [5, 40],
    [9, 4],
    [6, 6],
  ] as const) {
    const full = randomHead(K, d, random);
    // The last row again as the first, and rows that differ in their last bits.
    full.weights.set(full.weights.subarray(0, d), (K - 1) * d);
    full.weights[(K - 1) * d]! *= 1 + 2 ** -20;
    const D = rowDifferences(full, 0);
    const A = triangularFactor(D, K, d);
    for (let i = 0; i < K; i++) {
      for (let j = 0; j < K; j++) {
        let left = 0;
        let right = 0;
        for (let t = 0; t < K; t++) left += A[i * K + t]! * A[j * K + t]!;
        for (let t = 0; t < d; t++) right += D[i * d + t]! * D[j * d + t]!;
        const scale = Math.sqrt(norm2(D, i, d) * norm2(D, j, d));
        assert.ok(Math.abs(left - right) <= 1e-13 * scale, `K = ${K}, d = ${d}, ${i}, ${j}`);
      }
    }
  }
});

function norm2(D: Float64Array, row: number, d: number): number {
  return D.subarray(row * d, (row + 1) * d).reduce((sum, x) => sum + x * x, 0);
}

test('a tie counts for nobody', () => {
  const random = createRandom(8);
  for (const sampler of ['auto', 'latent'] as const) {
    const two = headOf([
      [1, 2],
      [1, 2],
    ]);
    assert.deepEqual(sampleCounts({ logits: [1, 1], head: two, sigma: 1, random, sampler }, 50), [0, 0]);
    assert.deepEqual(sampleCounts({ logits: [2, 1], head: two, sigma: 1, random, sampler }, 50), [50, 0]);
    const three = headOf([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    assert.deepEqual(sampleCounts({ logits: [1, 1, 0], head: three, sigma: 1, random, sampler }, 50), [0, 0, 0]);
    assert.deepEqual(sampleCounts({ logits: [1, 1, 2], head: three, sigma: 1, random, sampler }, 50), [0, 0, 50]);
  }
});

test('headLogits is within its own error of exact arithmetic', () => {
  const random = createRandom(9);
  const d = 300;
  const head = randomHead(4, d, random);
  const z = Float32Array.from({ length: d }, () => 1e3 * random.normal());
  const { logits, error } = headLogits(head, z);
  // A float32 of this size is an integer over 2⁶⁰; products over 2¹²⁰.
  const integer = (x: number) => BigInt(x * 2 ** 60);
  for (let j = 0; j < 4; j++) {
    let sum = integer(head.bias[j]!) << 60n;
    for (let i = 0; i < d; i++) sum += integer(head.weights[j * d + i]!) * integer(z[i]!);
    const off = Number(sum - (integer(logits[j]!) << 60n)) * 2 ** -120;
    assert.ok(Math.abs(off) <= error && error < 1e-7, `${off} ${error}`);
  }
  assert.throws(() => headLogits(head, [1]), InputError);
  assert.throws(() => headLogits(headOf([[1], [Number.NaN]]), [1]), InputError);
});

test('a head that does not fit is refused', () => {
  const random = createRandom(10);
  const sigma = 1;
  assert.throws(() => sampleCounts({ logits: [1], head: headOf([[1]]), sigma, random }, 1), InputError);
  assert.throws(() => sampleCounts({ logits: [1, 2, 3], head: headOf([[1], [2]]), sigma, random }, 1), InputError);
  const cut = { ...headOf([[1], [2]]), latentSize: 2 };
  assert.throws(() => sampleCounts({ logits: [1, 2], head: cut, sigma, random }, 1), InputError);
});
