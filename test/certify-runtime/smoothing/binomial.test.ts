/** Binomial draws: inversion against reference quantiles, and the distribution of many. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleBinomial } from '../../../src/certify-runtime/smoothing/binomial.ts';
import { createRandom, type Random } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { BINOMIAL, CHI_SQUARE } from './reference.ts';
import { chiSquare } from './statistics.ts';

test('a given uniform gives the quantile of the reference', () => {
  const random = createRandom(0);
  for (const [n, p, u, expected] of BINOMIAL) {
    const fixed: Random = { ...random, uniform: () => u };
    assert.equal(sampleBinomial(n, p, fixed), expected, `n = ${n}, p = ${p}, U = ${u}`);
  }
});

test('draws have the distribution of counted coin tosses', () => {
  // 40 000 draws in 16 cells, probabilities by Pascal's recurrence; false alarm 1e-6 each.
  const n = 40;
  for (const p of [0.02, 0.3, 0.5, 0.93]) {
    let probabilities = [1];
    for (let toss = 0; toss < n; toss++) {
      const next = new Array<number>(probabilities.length + 1).fill(0);
      probabilities.forEach((w, k) => {
        next[k]! += w * (1 - p);
        next[k + 1]! += w * p;
      });
      probabilities = next;
    }
    const random = createRandom(6);
    const counts = new Array<number>(n + 1).fill(0);
    for (let i = 0; i < 40_000; i++) counts[sampleBinomial(n, p, random)]!++;
    // Cells that expect fewer than 10 are pooled.
    const kept = probabilities.flatMap((w, k) => (w * 40_000 >= 10 ? [k] : []));
    const sum = (values: readonly number[]) => kept.reduce((total, k) => total + values[k]!, 0);
    const observed = [...kept.map((k) => counts[k]!), 40_000 - sum(counts)];
    const expected = [...kept.map((k) => probabilities[k]!), 1 - sum(probabilities)];
    assert.ok(chiSquare(observed, expected) < CHI_SQUARE[kept.length - 1]!, `p = ${p}`);
  }
});

test('edges', () => {
  const random = createRandom(7);
  assert.deepEqual(
    [sampleBinomial(0, 0.5, random), sampleBinomial(9, 0, random), sampleBinomial(9, 1, random)],
    [0, 0, 9],
  );
  // The largest and smallest uniform there are.
  for (const u of [2 ** -53, 1 - 2 ** -53]) {
    for (const p of [1e-300, 1e-9, 0.01, 0.5, 1 - 2 ** -53]) {
      for (const n of [1, 1000, 10_000_000]) {
        const k = sampleBinomial(n, p, { ...random, uniform: () => u });
        assert.ok(k >= 0 && k <= n && Math.abs(k - n * p) <= 10 * Math.sqrt(n * p * (1 - p)) + 30);
      }
    }
  }
  for (const n of [-1, 0.5, 1e9]) assert.throws(() => sampleBinomial(n, 0.5, random), InputError);
  for (const p of [-1, 2, Number.NaN]) assert.throws(() => sampleBinomial(5, p, random), InputError);
});
