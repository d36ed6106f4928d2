/** The lower bound: 60-digit values, the safe side in exact arithmetic, and exact coverage. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clopperPearsonLower } from '../../../src/certify-runtime/smoothing/clopper-pearson.ts';
import { createRandom, uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { tailAtMost } from './oracle.ts';
import { CLOPPER_PEARSON } from './reference.ts';

const ALPHAS = [1e-12, 0.001, 0.05, 0.3, 0.5, 0.9];
const EXTREME = [1e-300, 1e-199, 1e-150, 1e-30, 1 - 1e-9, 1 - 2 ** -53];

test('the bound is below the exact one, by less than 2e-8 of it', () => {
  for (const [k, n, alpha, expected] of CLOPPER_PEARSON) {
    const lower = clopperPearsonLower(k, n, alpha);
    assert.ok(
      lower < expected && lower > expected * (1 - 2e-8),
      `k = ${k}, n = ${n}, α = ${alpha}: ${lower} ${expected}`,
    );
  }
});

test('P(Bin(n, p) ≥ k) ≤ α holds in exact arithmetic, and fails just above p', () => {
  for (const n of [1, 2, 3, 10, 25]) {
    for (let k = 1; k <= n; k++) {
      for (const alpha of [...ALPHAS, ...EXTREME]) {
        const lower = clopperPearsonLower(k, n, alpha);
        assert.ok(tailAtMost(k, n, lower, alpha), `k = ${k}, n = ${n}, α = ${alpha}`);
        // T keeps 1e-8 of α: more than is left to 1 where α is this close to it.
        if (alpha > 0.99) continue;
        const above = Math.min(lower * (1 + 1e-6), 1 - (1 - lower) / (1 + 1e-6));
        assert.ok(!tailAtMost(k, n, above, alpha), `not tight: k = ${k}, n = ${n}, α = ${alpha}`);
      }
    }
  }
});

test('no successes, and nothing but successes', () => {
  assert.equal(clopperPearsonLower(0, 1000, 0.001), 0);
  for (const n of [1, 10, 1000, 100_000, 1_000_000, 10_000_000]) {
    const root = Math.exp(Math.log(0.001) / n);
    const lower = clopperPearsonLower(n, n, 0.001);
    assert.ok(lower < root && (1 - lower) / (1 - root) < 1 + 1e-7, `n = ${n}`);
  }
});

test('random counts, up to the largest n: always an answer, and it grows with the count', () => {
  const random = createRandom(11);
  for (let i = 0; i < 300; i++) {
    const n = 1 + uniformInt(Math.ceil(10 ** (1 + 6 * random.uniform())), random);
    const k = 1 + uniformInt(n, random);
    const alpha = ALPHAS[i % ALPHAS.length]!;
    const lower = clopperPearsonLower(k, Math.min(n, 1e7), alpha);
    assert.ok(lower > 0 && lower < 1, `k = ${k}, n = ${n}, α = ${alpha}: ${lower}`);
    assert.ok(clopperPearsonLower(k - 1, Math.min(n, 1e7), alpha) < lower);
  }
});

test('coverage, summed over every count, is at least 1 − α for every p', () => {
  for (const n of [1, 5, 20, 60]) {
    for (const alpha of [0.001, 0.05, 0.5]) {
      const bounds = Array.from({ length: n + 1 }, (_, k) => clopperPearsonLower(k, n, alpha));
      // A grid, and the worst p there are: just below each bound.
      const grid = Array.from({ length: 199 }, (_, i) => (i + 1) / 200);
      const worst = bounds.slice(1).map((bound) => bound * (1 - 2 ** -52));
      let least = 1;
      for (const p of [...grid, ...worst]) {
        let missed = 0;
        let logChoose = 0;
        for (let k = 0; k <= n; k++) {
          if (bounds[k]! > p) missed += Math.exp(logChoose + k * Math.log(p) + (n - k) * Math.log1p(-p));
          logChoose += Math.log((n - k) / (k + 1));
        }
        least = Math.min(least, 1 - missed);
        assert.ok(missed <= alpha, `n = ${n}, α = ${alpha}, p = ${p}: missed ${missed}`);
      }
      assert.ok(least < 1 - alpha * (1 - 1e-6), 'the worst case is met, so a bound any higher would be found out');
    }
  }
});

test('what makes no sense is refused', () => {
  for (const [k, n, alpha] of [
    [1, 0, 0.1],
    [1, 1.5, 0.1],
    [1, 1e9, 0.1],
    [-1, 5, 0.1],
    [6, 5, 0.1],
    [0.5, 5, 0.1],
    [1, 5, 0],
    [1, 5, 1],
    [1, 5, Number.NaN],
  ] as const) {
    assert.throws(() => clopperPearsonLower(k, n, alpha), InputError);
  }
});
