/** The whole range of counts, draws and levels, and beyond it: every call ends, with a right answer or a refusal. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { sampleBinomial } from '../../../src/certify-runtime/smoothing/binomial.ts';
import { MAX_DRAWS, SMALLEST_TAIL } from '../../../src/certify-runtime/smoothing/binomial-tail.ts';
import { certifySmoothed } from '../../../src/certify-runtime/smoothing/certify.ts';
import { normalCdf, normalQuantile } from '../../../src/certify-runtime/smoothing/normal.ts';
import { createRandom, type Random, uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import { sampleCounts } from '../../../src/certify-runtime/smoothing/sampler.ts';
import type { LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { binary, complement, exactTail, logOf, logTail } from './oracle.ts';

type Call = readonly [number, number, number];

/** Far beyond the two seconds that all of them take: what does not end is found, a slow machine is not. */
const LIMIT_MS = 300_000;

interface Answers {
  readonly bounds: readonly (number | null)[];
  readonly draws: readonly (number | null)[];
  readonly exponentials: number;
}

function answersTo(bounds: readonly Call[], draws: readonly Call[]): Answers {
  const script = fileURLToPath(new URL('../../support/numbers/smoothing-child.ts', import.meta.url));
  const child = spawnSync(process.execPath, ['--import', 'tsx', script], {
    input: JSON.stringify({ bounds, draws }),
    timeout: LIMIT_MS,
    maxBuffer: 2 ** 28,
  });
  assert.ok(child.error === undefined && child.status === 0, `${child.error ?? child.stderr.toString()}`);
  return JSON.parse(child.stdout.toString()) as Answers;
}

const DRAWS = [1, 2, 3, 5, 10, 16, 17, 33, 100, 1000, 99_999, 1e6, 1e7, 1e7 + 1, 1e8, 1e9];

const levels = fc.oneof(
  fc.double({ min: 0, max: 300, noNaN: true }).map((digits) => 10 ** -digits),
  fc.double({ min: 0, max: 9, noNaN: true }).map((digits) => 1 - 10 ** -digits),
  fc.double({ min: 0.001, max: 0.999, noNaN: true }),
);

const inside = levels.filter((p) => p > 0 && p < 1);

/** Small, middle and large ones alike, and as close to n as to 0. */
const sizes = fc.double({ min: 0, max: 9, noNaN: true }).map((digits) => Math.ceil(10 ** digits));
const shares = fc.double({ min: 0, max: 1, noNaN: true });
const counts = fc.tuple(sizes, shares, fc.constantFrom('few', 'some', 'most')).map(([n, share, kind]) => {
  if (kind === 'some') return [Math.round(n * share), n] as const;
  const few = Math.floor(n ** share);
  return [kind === 'few' ? few : n - few, n] as const;
});

function boundCalls(): Call[] {
  const calls: Call[] = [];
  const alphas = [1e-301, 1e-300, 1e-299, 1e-200, 1e-199, 1e-150, 1e-50, 1e-9, 0.001, 0.5, 0.9, 1 - 1e-9, 1 - 2 ** -53];
  for (const n of DRAWS) {
    for (const k of new Set([0, 1, 2, 3, Math.floor(n / 2), n - 2, n - 1, n])) {
      if (k >= 0 && k <= n) for (const alpha of alphas) calls.push([k, n, alpha]);
    }
  }
  const some = fc.tuple(counts, levels).map(([[k, n], alpha]): Call => [k, n, alpha]);
  return [...calls, ...fc.sample(some, 4000)];
}

function drawCalls(): Call[] {
  const calls: Call[] = [];
  const probabilities = [
    0,
    5e-324,
    1e-300,
    1e-9,
    2e-7,
    1e-6,
    5e-6,
    1e-3,
    0.03,
    0.1,
    0.5,
    0.7,
    1 - 1e-6,
    1 - 2 ** -53,
    1,
  ];
  const uniforms = [2 ** -53, 2 ** -52, 1e-9, 0.3, 0.5, 1 - 1e-9, 1 - 2 ** -51, 1 - 2 ** -52, 1 - 2 ** -53];
  for (const n of [0, ...DRAWS]) for (const p of probabilities) for (const u of uniforms) calls.push([n, p, u]);
  const uniforms53 = inside.filter((u) => u >= 2 ** -53);
  // Where the first guess is most often beside the quantile.
  const coarse = fc.tuple(
    fc.integer({ min: 20, max: 3000 }),
    fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    uniforms53,
  );
  return [...calls, ...fc.sample(fc.tuple(sizes, levels, uniforms53), 2000), ...fc.sample(coarse, 2000)];
}

function checkBound([k, n, alpha]: Call, p: number | null): void {
  const what = `clopperPearsonLower(${k}, ${n}, ${alpha}) = ${p}`;
  const expected = n > MAX_DRAWS || alpha < SMALLEST_TAIL || alpha >= 1 ? null : k === 0 ? 0 : p;
  assert.equal(p, expected, what);
  if (p === null || p === 0) return;
  assert.ok(p > 0 && p < 1, what);
  // ln T(p) keeps 4e-9 of distance to ln α, and no more than 1.6e-8.
  const spare = Math.log(alpha) - logTail(k, n, binary(p));
  assert.ok(spare > 3e-9 && spare < 2e-8, `${what}: ln α − ln T(p) = ${spare}`);
}

/** The least k with P(X ≤ k) ≥ u of the one that is rarer, success or failure, up to the error documented. */
function checkDraw([n, p, u]: Call, drawn: number | null): void {
  const what = `sampleBinomial(${n}, ${p}), U = ${u}: ${drawn}`;
  if (n > MAX_DRAWS) {
    assert.equal(drawn, null, what);
    return;
  }
  assert.ok(drawn !== null && Number.isInteger(drawn) && drawn >= 0 && drawn <= n, what);
  const rarer = p <= 0.5 ? binary(p) : complement(binary(p));
  const k = p <= 0.5 ? drawn : n - drawn;
  if (n === 0 || rarer.num === 0n) {
    assert.equal(k, 0, what);
    return;
  }
  // P(X ≤ at) − u, for u near 1 as (1 − u) − P(X > at), which keeps its digits.
  const lead = (at: number) =>
    u > 0.5 ? 1 - u - Math.exp(logTail(at + 1, n, rarer)) : Math.exp(logTail(n - at, n, complement(rarer))) - u;
  // From 0, where np < 10, the sums run up to 1 and lose what is below 1e-15 there.
  const mean = n * Math.min(p, 1 - p);
  const error = 1e-9 * Math.min(u, 1 - u) + (mean < 10 ? 2e-15 : 1e-17);
  assert.ok(lead(k) >= -error, `${what}: P(X ≤ k) − U = ${lead(k)}`);
  assert.ok(k === 0 || lead(k - 1) <= error, `${what}: P(X ≤ k − 1) − U = ${lead(k - 1)}`);
  assert.ok(k <= mean + 10 * Math.sqrt(mean) + 30, what);
}

test('the oracle is right where whole numbers say so', () => {
  for (const n of [1, 2, 3, 12, 31, 32, 40]) {
    for (let k = 1; k <= n; k++) {
      for (const p of [1e-300, 1e-20, 0.001, 0.2, 0.5, 0.77, 0.999, 1 - 2 ** -53]) {
        const exact = logOf(exactTail(k, n, binary(p)));
        const error = Math.abs(logTail(k, n, binary(p)) - exact);
        assert.ok(error <= 1e-12 + 4e-16 * Math.abs(exact), `${k}, ${n}, ${p}: ${error}`);
      }
    }
  }
});

test('every bound and every binomial draw is right, or refused beyond the documented range; none hangs', () => {
  const bounds = boundCalls();
  const draws = drawCalls();
  const answers = answersTo(bounds, draws);
  assert.deepEqual([answers.bounds.length, answers.draws.length], [bounds.length, draws.length]);
  bounds.forEach((call, i) => {
    checkBound(call, answers.bounds[i]!);
  });
  draws.forEach((call, i) => {
    checkDraw(call, answers.draws[i]!);
  });
  // 19 steps are the most of half a million calls; each sums at most 10√n + 50 = 32 000 terms, by construction.
  assert.ok(answers.exponentials <= 3 * 25, `${answers.exponentials} exponentials in one call`);
});

test('every quantile is right, next to 0 and 1 too', () => {
  fc.assert(
    fc.property(inside, (p) => {
      const x = normalQuantile(p);
      // A relative error e of x moves Φ(x) by x² e of itself, on the side of its tail.
      const [wanted, found] = p < 0.5 ? [p, normalCdf(x)] : [1 - p, normalCdf(-x)];
      assert.ok(Math.abs(found / wanted - 1) <= 1e-14 * (1 + x * x), `Φ⁻¹(${p}) = ${x}`);
    }),
    { numRuns: 2000 },
  );
  for (const p of [5e-324, 1e-300, 1 - 2 ** -53]) assert.ok(Number.isFinite(normalQuantile(p)));
});

test('a generator that is stuck or gives what it must not is refused', () => {
  const random = createRandom(0);
  const all: Random = { ...random, uint32: () => 2 ** 32 - 1 };
  assert.throws(() => uniformInt(3, all), InputError);
  assert.equal(uniformInt(2, all), 1);
  for (const u of [0, 1, Number.NaN]) {
    assert.throws(() => sampleBinomial(10, 0.5, { ...random, uniform: () => u }), InputError);
  }
});

test('draws one by one are limited too, and a level that no bound is given for is refused before any draw', () => {
  const head: LinearHead = {
    classes: 3,
    latentSize: 1,
    weights: Float32Array.of(1, 2, 3),
    bias: new Float32Array(3),
  };
  const none = () => assert.fail('a draw');
  const random: Random = { uint32: none, uniform: none, normal: none };
  for (const sampler of ['auto', 'latent'] as const) {
    for (const draws of [MAX_DRAWS + 1, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5]) {
      const noisy = { logits: [0, 0, 0], head, sigma: 1, random, sampler };
      assert.throws(() => sampleCounts(noisy, draws), InputError);
    }
    for (const alpha of [1e-301, 5e-324]) {
      assert.throws(() => certifySmoothed({ logits: [0, 0, 0], head, random, sampler, alpha }), InputError);
    }
  }
});
