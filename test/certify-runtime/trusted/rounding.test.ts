/** Directed rounding: one unit outwards, never inwards, and exact where nothing is rounded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ROOT_ERROR, rootsOfUnity } from '../../../src/certify-runtime/trusted/bounds/roots-of-unity.ts';
import {
  addUp,
  divUp,
  down,
  gamma32,
  hypotUp,
  mulUp,
  powerOfTwoScale,
  sqrtUp,
  up,
} from '../../../src/certify-runtime/trusted/bounds/rounding.ts';

/** The next float64 above x ≥ 0, by its bits. */
function nextAbove(x: number): number {
  const bits = new BigInt64Array(1);
  const view = new Float64Array(bits.buffer);
  view[0] = x;
  bits[0]! += 1n;
  return view[0]!;
}

const positive = fc.double({ min: 0, max: 1e300, noNaN: true, noDefaultInfinity: true });

test('up is at least one unit above, and at most three; down likewise below', () => {
  fc.assert(
    fc.property(positive, (x) => {
      assert.ok(up(x) >= nextAbove(x));
      assert.ok(up(x) <= nextAbove(nextAbove(nextAbove(x))));
      assert.ok(down(nextAbove(x)) <= x);
      assert.ok(down(x) >= 0);
    }),
  );
  for (const x of [0, Number.MIN_VALUE, 2 ** -1022, 1, 2 - 2 ** -52, 2 ** 1000]) assert.ok(up(x) > x);
  assert.equal(up(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
});

/** An exact rational from a float64: value·2¹⁰⁷⁴ is an integer. */
function scaled(x: number): bigint {
  let shift = 0;
  while (!Number.isInteger(x)) {
    x *= 2;
    shift++;
  }
  return BigInt(x) << BigInt(1074 - shift);
}

test('sums, products, quotients and roots are not below the exact ones', () => {
  const moderate = fc.double({ min: 1e-100, max: 1e100, noNaN: true });
  fc.assert(
    fc.property(moderate, moderate, (a, b) => {
      const [p, q] = [scaled(a), scaled(b)];
      const one = 1n << 1074n;
      assert.ok(scaled(addUp(a, b)) >= p + q);
      assert.ok(scaled(mulUp(a, b)) * one >= p * q);
      assert.ok(scaled(divUp(a, b)) * q >= p * one);
      assert.ok(scaled(sqrtUp(a)) ** 2n >= p * one);
      assert.ok(scaled(hypotUp(a, b)) ** 2n >= p * p + q * q);
      assert.ok(hypotUp(a, b) <= Math.hypot(a, b) * (1 + 1e-14));
    }),
  );
});

test('powers of two scale to [1, 2)', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-290, max: 1e290, noNaN: true }), (x) => {
      const y = x * powerOfTwoScale(x);
      assert.ok(y >= 1 && y < 2);
    }),
  );
});

test('γ is not below nu/(1 − nu), and infinite where nu ≥ 1/2', () => {
  assert.ok(gamma32(2360) > 2360 * 2 ** -24);
  assert.ok(gamma32(2360) < 2360 * 2 ** -24 * (1 + 2e-4));
  assert.equal(gamma32(2 ** 23), Number.POSITIVE_INFINITY);
});

test('roots of unity are within their error of the library’s cosine and sine', () => {
  for (let order = 1; order <= 4096; order *= 2) {
    const { cos, sin } = rootsOfUnity(order);
    for (let j = 0; j < order; j++) {
      const angle = (2 * Math.PI * j) / order;
      assert.ok(Math.abs(cos[j]! - Math.cos(angle)) < ROOT_ERROR / 100, `cos ${j}/${order}`);
      assert.ok(Math.abs(sin[j]! - Math.sin(angle)) < ROOT_ERROR / 100, `sin ${j}/${order}`);
    }
  }
});
