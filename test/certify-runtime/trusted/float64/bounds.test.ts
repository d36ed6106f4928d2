/** The bounds of float64 networks: no legal float64 execution is further off, and a float32 one is. Lemma 22. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { gammaOf } from '../../../../src/certify-runtime/trusted/bounds/precision.ts';
import {
  beforeCast,
  distance,
  evaluateAt,
  lastCastInput,
  prove,
  SIZE,
  vectorNetwork,
} from '../../../support/networks/vector-network.ts';
import { Random } from '../../../support/numbers/random.ts';
import { dyadic, EXACT, evaluate, float64 } from '../../../support/reference/dyadic.ts';

test('no float64 execution is further off than the bound, neither before the last cast nor behind it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.constantFrom(1e-3, 1, 300), (seed, scale) => {
      const subject = vectorNetwork(seed, true);
      const bound = prove(subject);
      const random = new Random(seed + 1);
      const image = Float32Array.from(random.normals(SIZE, scale));
      const exact = evaluate(subject.graph, lastCastInput(subject), [...image].map(dyadic), EXACT);
      for (let run = 0; run < 4; run++) {
        const algebra = float64(random);
        const wide = evaluate(subject.graph, lastCastInput(subject), [...image], algebra);
        const error = distance(wide, exact);
        assert.ok(error <= beforeCast(bound, image), `${error} > ${beforeCast(bound, image)}`);
        const after = distance(wide.map(Math.fround), exact);
        for (const form of bound.latentError) assert.ok(after <= evaluateAt(form, image));
        assert.ok(Math.hypot(...wide.map(Math.fround)) <= evaluateAt(bound.latentNorm, image) * (1 + 1e-12));
      }
    }),
    { numRuns: 150 },
  );
});

test('the error of a float64 network is about a 2²⁹th of the float32 one', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const image = Float32Array.from(new Random(seed).normals(SIZE));
    const [wide, narrow] = [prove(vectorNetwork(seed, true)), prove(vectorNetwork(seed, false))];
    const before = beforeCast(wide, image);
    const float32 = Math.min(...narrow.latentError.map((bound) => evaluateAt(bound, image)));
    // The constants of the float32 network are rounded, and a segment of linear layers ends at a cast (Lemma 20).
    assert.ok(before <= 2 * float32 * 2 ** -29, `${seed}: ${before} against ${float32}`);
    assert.ok(Math.abs(wide.lipschitz / narrow.lipschitz - 1) < 1e-5);
  }
});

test('a float32 execution of the same network breaks the float64 bound', () => {
  let broken = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const subject = vectorNetwork(seed, true);
    const image = Float32Array.from(new Random(seed).normals(SIZE));
    const rounding = { ...float64(new Random(seed)) };
    const narrow = {
      ...rounding,
      of: Math.fround,
      add: (a: number, b: number) => Math.fround(a + b),
      mul: (a: number, b: number) => Math.fround(a * b),
      dot: (a: readonly number[], b: readonly number[], c: number) =>
        a.reduce((sum, x, i) => Math.fround(sum + Math.fround(x * b[i]!)), c),
    };
    const exact = evaluate(subject.graph, lastCastInput(subject), [...image].map(dyadic), EXACT);
    const computed = evaluate(subject.graph, lastCastInput(subject), [...image], narrow);
    if (distance(computed, exact) > beforeCast(prove(subject), image)) broken++;
  }
  // A few networks only move values.
  assert.ok(broken > 30, `${broken} of 40`);
});

test('γ is at least n·u/(1 − n·u), and hardly more', () => {
  const check = (n: number, bits: bigint, found: number) => {
    // found·(2^bits − n) ≥ n exactly, and not by more than a few units in the last place.
    const { m, e } = dyadic(found);
    const left = m * (2n ** bits - BigInt(n));
    const right = BigInt(n) << BigInt(-e);
    assert.ok(left >= right, `γ_${n} is too small`);
    assert.ok(left * 2n ** 49n <= right * (2n ** 49n + 1n), `γ_${n} is too large`);
  };
  for (const n of [1, 2, 3, 9, 64, 1000, 3073, 2 ** 20 + 1, 2 ** 22 - 1]) {
    check(n, 53n, gammaOf('float64', n));
    check(n, 24n, gammaOf('float32', n));
  }
});
