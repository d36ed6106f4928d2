/** Binomial probabilities and tails against 60-digit values. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binomialProbability, binomialTail, TAIL_ERROR } from '../../../src/certify-runtime/smoothing/binomial-tail.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { TAIL } from './reference.ts';

test('the tail stays within a hundredth of the error it is allowed', () => {
  for (const [k, n, p, expected] of TAIL) {
    // Below the mean the complement is summed: an absolute error.
    const scale = k > n * p ? expected : 1;
    const error = Math.abs(binomialTail(k, n, p) - expected) / scale;
    assert.ok(error < TAIL_ERROR / 100, `P(Bin(${n}, ${p}) ≥ ${k}): ${error}`);
  }
});

test('the probabilities of all k sum to 1', () => {
  for (const n of [1, 2, 15, 16, 31, 32, 1000, 200_000]) {
    for (const p of [1e-5, 0.2, 0.5, 0.999]) {
      let sum = 0;
      for (let k = 0; k <= n; k++) sum += binomialProbability(k, n, p);
      assert.ok(Math.abs(sum - 1) < 1e-12, `n = ${n}, p = ${p}: ${sum}`);
    }
  }
});

test('a probability that can be counted: C(32, 16)/2³², to 15 digits', () => {
  // 16 is where the Stirling series begins: the last of its terms is 1e-14 there.
  assert.ok(Math.abs(binomialProbability(16, 32, 0.5) / (601_080_390 / 2 ** 32) - 1) < 4e-15);
});

test('edges', () => {
  assert.deepEqual([binomialTail(0, 5, 0.3), binomialTail(-1, 5, 0.3), binomialTail(6, 5, 0.3)], [1, 1, 0]);
  assert.deepEqual([binomialTail(1, 5, 0), binomialTail(5, 5, 1)], [0, 1]);
  // Far below the mean, where a sum upwards would take n terms.
  for (const [k, n] of [
    [1, 1000],
    [1, 1e7],
    [400_000, 1e6],
  ] as const)
    assert.equal(binomialTail(k, n, 0.5), 1);
  assert.deepEqual(
    [binomialProbability(0, 5, 0), binomialProbability(5, 5, 1), binomialProbability(6, 5, 0.5)],
    [1, 1, 0],
  );
  for (const n of [0, 1.5, 1e9, Number.NaN]) assert.throws(() => binomialTail(1, n, 0.5), InputError);
  for (const p of [-1, 2, Number.NaN]) assert.throws(() => binomialTail(1, 5, p), InputError);
});
