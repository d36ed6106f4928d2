/** Directed rounding one unit to either side, against exact rational arithmetic; affine bounds and which of them are kept. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  combine,
  constantBound,
  isFiniteBound,
  quadrature,
  scale,
  sum,
  ZERO,
} from '../../../../../src/certify-runtime/trusted/bounds/affine.ts';
import type { AffineBound } from '../../../../../src/certify-runtime/trusted/bounds/bound.ts';
import {
  addUp,
  divUp,
  down,
  FLUSH_32,
  gamma32,
  gamma64,
  hypotUp,
  mulUp,
  OVERFLOW_32,
  powerOfTwoScale,
  sqrtUp,
  UNDERFLOW_64,
  up,
} from '../../../../../src/certify-runtime/trusted/bounds/rounding.ts';
import { awkward } from '../graphs.ts';

/** x·2¹⁰⁷⁴, exactly. */
function whole(x: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0]!;
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
}

const ONE = 1n << 1074n;

/** The float64 `steps` above x > 0. */
function step(x: number, steps: bigint): number {
  const bits = new BigInt64Array(Float64Array.of(x).buffer);
  bits[0]! += steps;
  return new Float64Array(bits.buffer)[0]!;
}

const NUMBERS = [...awkward(40, 5).map(Math.abs), 1 / 3, 3, 7, 1e-5, 2 ** -52, 1 + 2 ** -52, 2 - 2 ** -52, 1e17];

test('every operation is at least the exact one, and at most four units above it', () => {
  let [sums, products, quotients, roots] = [0, 0, 0, 0];
  for (const a of NUMBERS) {
    for (const b of NUMBERS) {
      const [p, q] = [whole(a), whole(b)];
      assert.ok(whole(addUp(a, b)) >= p + q && addUp(a, b) <= step(a + b, 4n));
      assert.ok(whole(mulUp(a, b)) * ONE >= p * q && mulUp(a, b) <= step(a * b, 4n));
      assert.ok(whole(divUp(a, b)) * q >= p * ONE && divUp(a, b) <= step(a / b, 4n));
      assert.ok(whole(hypotUp(a, b)) ** 2n >= p * p + q * q && hypotUp(a, b) <= step(Math.hypot(a, b), 16n));
      // Rounded to nearest, a good part of them is below: the numbers are hard enough.
      if (whole(a + b) < p + q) sums++;
      if (whole(a * b) * ONE < p * q) products++;
      if (whole(a / b) * q < p * ONE) quotients++;
    }
    assert.ok(whole(sqrtUp(a)) ** 2n >= whole(a) * ONE && sqrtUp(a) <= step(Math.sqrt(a), 4n));
    if (whole(Math.sqrt(a)) ** 2n < whole(a) * ONE) roots++;
    assert.ok(up(a) >= step(a, 1n) && up(a) <= step(a, 3n));
    assert.ok(down(a) <= step(a, -1n) && down(a) >= step(a, -3n));
  }
  assert.ok(Math.min(sums, products, quotients) > 400 && roots > 15);
});

test('what is exact is not rounded', () => {
  for (const x of [0, 2 ** -1074, 0.1, 1, 1e300]) {
    assert.deepEqual([addUp(x, 0), addUp(0, x)], [x, x]);
    assert.deepEqual([mulUp(x, 1), mulUp(1, x)], [x, x]);
    assert.deepEqual([mulUp(x, 0), mulUp(0, x)], [0, 0]);
    assert.equal(divUp(x, 1), x);
    assert.deepEqual([hypotUp(x, 0), hypotUp(0, x)], [x, x]);
  }
  assert.deepEqual([divUp(0, 3), sqrtUp(0), sqrtUp(1)], [0, 0, 1]);
});

test('at the ends of float64', () => {
  assert.equal(up(0), 2 ** -1074);
  assert.deepEqual([down(0), down(2 ** -1074), down(3 * 2 ** -1074)], [0, 0, 2 ** -1073]);
  assert.equal(up(2 ** -1074), 2 ** -1073);
  assert.equal(up(2 ** -1030), 2 ** -1030 + 2 ** -1074);
  assert.equal(up(Number.MAX_VALUE), Number.POSITIVE_INFINITY);
  assert.ok(Number.isNaN(up(Number.NaN)));
  // Neither square is a float64.
  assert.ok(hypotUp(2 ** 700, 2 ** 700) > 2 ** 700 && hypotUp(2 ** -700, 2 ** -700) > 2 ** -700);
  assert.equal(hypotUp(2 ** -1074, 2 ** -1074), 2 ** -1073);
});

test('the constants of float32', () => {
  assert.deepEqual([FLUSH_32, OVERFLOW_32, UNDERFLOW_64], [2 ** -126, 2 ** 127, 2 ** -1000]);
  assert.equal(Math.fround(FLUSH_32 / 2 + 2 ** -149) < FLUSH_32, true);
});

test('γ_n: at least nu/(1 − nu), by no more than four units, infinite where nu is a half', () => {
  for (const [gamma, digits] of [
    [gamma32, 24n],
    [gamma64, 53n],
  ] as const) {
    let below = 0;
    for (let n = 1; n < 4000; n += 7) {
      const [upper, rest] = [BigInt(n), (1n << digits) - BigInt(n)];
      assert.ok(whole(gamma(n)) * rest >= upper * ONE, `${n}`);
      assert.ok(whole(step(gamma(n), -6n)) * rest < upper * ONE, `${n}`);
      const plain = (n * 2 ** -Number(digits)) / (1 - n * 2 ** -Number(digits));
      if (whole(plain) * rest < upper * ONE) below++;
    }
    assert.ok(below > 100);
    assert.equal(gamma(0), 0);
  }
  assert.equal(gamma32(2 ** 23), Number.POSITIVE_INFINITY);
  assert.ok(gamma32(2 ** 23 - 1) < 1.00001);
});

test('powers of two that scale to [1, 2), and where they end', () => {
  for (const x of [1, 2, 0.5, 3, 1.999, 2 ** 40, 2 ** -40, 1e-300, 1e300]) {
    const p = powerOfTwoScale(x);
    assert.ok(x * p >= 1 && x * p < 2, `${x}·${p}`);
    assert.ok(Number.isInteger(Math.log2(p)));
  }
  assert.deepEqual([powerOfTwoScale(1), powerOfTwoScale(2), powerOfTwoScale(0.5)], [1, 0.5, 2]);
  assert.equal(powerOfTwoScale(2 ** -1074), 2 ** 1000);
  assert.equal(powerOfTwoScale(2 ** -1000), 2 ** 1000);
  assert.equal(powerOfTwoScale(2 ** 1023), 2 ** -1000);
  assert.equal(powerOfTwoScale(2 ** 1000), 2 ** -1000);
});

const form = (constant: number, l2: number, l1: number): AffineBound => ({ constant, l2, l1 });
const each = (value: number): AffineBound => form(value, value, value);
const above = (bound: AffineBound, value: number): void => {
  for (const c of [bound.constant, bound.l2, bound.l1]) assert.ok(c > value && c < value * (1 + 1e-15), `${c}`);
};

test('affine bounds: every coefficient is rounded up', () => {
  above(sum(each(1), each(2 ** -60)), 1);
  above(sum(each(1), ZERO, each(2 ** -60)), 1);
  above(scale(1 + 2 ** -52, each(1 + 2 ** -52)), 1 + 2 ** -51);
  above(quadrature(each(1), each(2 ** -40)), 1);
  assert.deepEqual(scale(1, form(0.1, 0.2, 0.3)), form(0.1, 0.2, 0.3));
  assert.deepEqual(scale(2, form(0, 0, 0)), ZERO);
  assert.deepEqual(sum(form(1, 2, 3)), form(1, 2, 3));
  assert.deepEqual(quadrature(form(1, 0, 3), form(0, 2, 0)), form(1, 2, 3));
  assert.deepEqual(constantBound(5), form(5, 0, 0));
});

test('which bounds are kept: none that another one beats everywhere, three at most, the first ones', () => {
  const kept = (...bounds: AffineBound[]): readonly AffineBound[] => combine([ZERO], bounds, (_, b) => b);
  const [a, b, c, d] = [form(1, 4, 4), form(4, 1, 4), form(4, 4, 1), form(3, 3, 2)];
  assert.deepEqual(kept(a, b, c), [a, b, c]);
  assert.deepEqual(kept(a, b, c, d), [a, b, c]);
  assert.deepEqual(kept(a, a), [a]);
  assert.deepEqual(kept(a, form(2, 4, 4)), [a]);
  assert.deepEqual(kept(a, form(1, 5, 4)), [a]);
  assert.deepEqual(kept(a, form(1, 4, 5)), [a]);
  assert.deepEqual(kept(form(2, 4, 4), b, a), [b, a]);
  assert.deepEqual(kept(b, form(1, 5, 5), a), [b, a]);
  assert.deepEqual(kept(a, form(0, 5, 4)), [a, form(0, 5, 4)]);
  assert.deepEqual(kept(a, b, ZERO), [ZERO]);
  assert.equal(combine([a, b], [a, b], (x, y) => form(x.constant + y.l2, x.l2 + y.constant, x.l1)).length, 3);
});

test('a bound is finite where each coefficient is, and none is negative', () => {
  assert.ok(isFiniteBound(form(0, 1, 2)));
  for (const wrong of [Number.POSITIVE_INFINITY, Number.NaN, -1, -(2 ** -1074)]) {
    assert.ok(!isFiniteBound(form(wrong, 1, 1)));
    assert.ok(!isFiniteBound(form(1, wrong, 1)));
    assert.ok(!isFiniteBound(form(1, 1, wrong)));
  }
});
