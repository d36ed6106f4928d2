/** Φ and Φ⁻¹ against 60-digit values, and the safe side. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  normalCdf,
  normalQuantile,
  normalQuantileLower,
  QUANTILE_ERROR,
} from '../../../src/certify-runtime/smoothing/normal.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { CDF, QUANTILE } from './reference.ts';

test('Φ is right to 15 digits, the lower tail to its last', () => {
  for (const [x, expected] of CDF) {
    const error = Math.abs(normalCdf(x) - expected) / expected;
    assert.ok(error < 2e-15, `Φ(${x}): ${error}`);
  }
  assert.deepEqual([normalCdf(Number.NEGATIVE_INFINITY), normalCdf(Number.POSITIVE_INFINITY)], [0, 1]);
  assert.ok(Number.isNaN(normalCdf(Number.NaN)));
});

test('Φ⁻¹ stays within a quarter of the error it is allowed', () => {
  for (const [p, expected] of QUANTILE) {
    const error = Math.abs(normalQuantile(p) - expected) / Math.abs(expected);
    assert.ok(error < QUANTILE_ERROR / 4, `Φ⁻¹(${p}): ${error}`);
  }
  assert.equal(normalQuantile(0.5), 0);
  assert.deepEqual([normalQuantile(0), normalQuantile(1)], [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('the lower quantile is below the true one, and not by much', () => {
  let checked = 0;
  for (const [p, expected] of QUANTILE) {
    if (p < 0.5) continue;
    const lower = normalQuantileLower(p);
    assert.ok(lower < expected && lower > expected * (1 - 2 * QUANTILE_ERROR), `Φ⁻¹(${p})`);
    checked++;
  }
  assert.ok(checked > 80);
  assert.equal(normalQuantileLower(0.5), 0);
});

test('what is not a probability is refused', () => {
  for (const p of [-0.1, 1.1, Number.NaN]) assert.throws(() => normalQuantile(p), InputError);
  for (const p of [0.49, 1, Number.NaN]) assert.throws(() => normalQuantileLower(p), InputError);
});
