/** CERTIFY: the radius, abstention, the error rate α, rounding to the safe side. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binomialTail } from '../../../src/certify-runtime/smoothing/binomial-tail.ts';
import {
  certifySmoothed,
  type SmoothingOptions,
  smoothedRadius,
  smoothingCap,
} from '../../../src/certify-runtime/smoothing/certify.ts';
import { clopperPearsonLower } from '../../../src/certify-runtime/smoothing/clopper-pearson.ts';
import { normalQuantile } from '../../../src/certify-runtime/smoothing/normal.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { sampleCounts } from '../../../src/certify-runtime/smoothing/sampler.ts';
import type { LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';

const TWO: LinearHead = {
  classes: 2,
  latentSize: 2,
  weights: Float32Array.of(3, 0, 0, 4),
  bias: new Float32Array(2),
};
const THREE: LinearHead = {
  classes: 3,
  latentSize: 2,
  weights: Float32Array.of(1, 0, 0, 1, -1, -1),
  bias: new Float32Array(3),
};

/** More violations than this has probability below 1e-6 if each has probability α at most. */
function violationLimit(trials: number, alpha: number): number {
  let limit = 0;
  while (binomialTail(limit + 1, trials, alpha) > 1e-6) limit++;
  return limit;
}

test('the margin is below σΦ⁻¹(p̲A) no more often than α, and nearly as often (two classes)', () => {
  const alpha = 0.05;
  const trials = 4000;
  const margin = 0.1; // m/s with s = 5
  let above = 0;
  for (let seed = 0; seed < trials; seed++) {
    const { radius, label } = certifySmoothed({
      logits: [0.5, 0],
      head: TWO,
      random: createRandom(seed),
      n: 1000,
      alpha,
    });
    assert.equal(label, 0);
    if (radius > margin) above++;
  }
  assert.ok(above <= violationLimit(trials, alpha), `${above}`);
  // Clopper–Pearson is sharp here within a count of 1000, so α is nearly used up: this is not an empty test.
  assert.ok(above > 0.6 * alpha * trials, `${above}`);
});

test('the margin is not passed for three classes, by either sampler', () => {
  const alpha = 0.05;
  const margin = Math.min(0.1 / Math.SQRT2, 0.25 / Math.sqrt(5));
  for (const sampler of ['auto', 'latent'] as const) {
    let above = 0;
    for (let seed = 0; seed < 400; seed++) {
      const random = createRandom(seed, 1);
      const { radius } = certifySmoothed({ logits: [0.25, 0.15, 0], head: THREE, random, n: 500, alpha, sampler });
      if (radius > margin) above++;
    }
    assert.ok(above <= violationLimit(400, alpha), `${above}`);
  }
});

test('with many draws the radius comes up to the margin from below', () => {
  const { radius } = certifySmoothed({ logits: [0.5, 0], head: TWO, random: createRandom(1), n: 1_000_000 });
  assert.ok(radius < 0.1 && radius > 0.0993, `${radius}`);
});

test('the answer is CERTIFY written out: selection first, fresh draws next, from one stream', () => {
  const settings = { sigma: 0.2, n: 2000, n0: 50, alpha: 0.01 };
  const logits = [0.3, 0.1, 0];
  const answer = certifySmoothed({ logits, head: THREE, random: createRandom(5), ...settings });
  const random = createRandom(5);
  const first = sampleCounts({ logits, head: THREE, sigma: 0.2, random }, 50);
  const second = sampleCounts({ logits, head: THREE, sigma: 0.2, random }, 2000);
  assert.equal(answer.label, first.indexOf(Math.max(...first)));
  assert.equal(answer.count, second[answer.label]);
  assert.equal(answer.pA, clopperPearsonLower(answer.count, 2000, 0.01));
  const exact = 0.2 * normalQuantile(answer.pA);
  assert.ok(answer.radius < exact && answer.radius > exact * (1 - 1e-13));
});

test('the count is of the selected class, even if the fresh draws favour another', () => {
  // At a tie of logits one draw selects; its class must not be chosen again by the count.
  const selected = new Set<number>();
  let abstained = 0;
  for (let seed = 0; seed < 200; seed++) {
    const answer = certifySmoothed({
      logits: [0, 0],
      head: TWO,
      random: createRandom(seed),
      n0: 1,
      n: 101,
      alpha: 0.4,
    });
    if (answer.label === -1) abstained++;
    else selected.add(answer.label);
    assert.equal(answer.label === -1, answer.pA <= 0.5);
  }
  assert.deepEqual(selected, new Set([0, 1]));
  // Choosing the larger count would abstain far less than 1 − α = 60 % of the time.
  assert.ok(abstained > 0.45 * 200, `${abstained}`);
});

test('abstention: radius 0 and label −1 where no class has half', () => {
  const head: LinearHead = {
    classes: 4,
    latentSize: 4,
    weights: Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
    bias: new Float32Array(4),
  };
  const { label, radius, pA } = certifySmoothed({ logits: [0, 0, 0, 0], head, random: createRandom(1), n: 10_000 });
  assert.deepEqual([label, radius], [-1, 0]);
  assert.ok(pA > 0.2 && pA < 0.27);
});

test('classes that are the same never get a certificate, wherever rounding puts their difference', () => {
  const random = createRandom(9);
  for (let trial = 0; trial < 40; trial++) {
    const same = Array.from({ length: 5 }, () => random.normal());
    const other = Array.from({ length: 5 }, () => random.normal());
    const weights = Float32Array.from([...other, ...same, ...same]);
    const head: LinearHead = { classes: 3, latentSize: 5, weights, bias: new Float32Array(3) };
    const sampler = trial % 4 === 0 ? 'latent' : 'auto';
    const answer = certifySmoothed({ logits: [-20, 1, 1], head, random, n: 500, sampler });
    assert.deepEqual([answer.label, answer.count], [-1, 0]);
  }
});

test('logitError lowers the lead by twice itself', () => {
  const count = (logits: number[], logitError: number) =>
    certifySmoothed({ logits, logitError, head: TWO, random: createRandom(3) }).count;
  assert.equal(count([0.5, 0], 0.05), count([0.4, 0], 0));
  assert.ok(count([0.5, 0], 0.05) < count([0.5, 0], 0));
});

test('the cap is reached by a head that is sure, and is 0.457 at the paper settings', () => {
  const sure = certifySmoothed({ logits: [100, 0], head: TWO, random: createRandom(1) });
  assert.equal(sure.count, 100_000);
  assert.equal(sure.radius, smoothingCap(0.12, 100_000, 0.001));
  assert.ok(Math.abs(sure.radius - 0.457) < 5e-4);
  // α^(1/n) ≤ ½ up to n = 9.
  assert.equal(smoothingCap(0.12, 9, 0.001), 0);
  assert.ok(smoothingCap(0.12, 10, 0.001) > 0);
});

test('one seed gives one answer, another seed another', () => {
  for (const sampler of ['auto', 'latent'] as const) {
    const run = (seed: number, stream = 0) =>
      certifySmoothed({ logits: [0.2, 0.1, 0], head: THREE, random: createRandom(seed, stream), n: 5000, sampler });
    assert.deepEqual(run(1), run(1));
    assert.notEqual(run(1).count, run(2).count);
    assert.notEqual(run(1).count, run(1, 1).count);
  }
});

test('smoothedRadius is (ρ − 2δ)/(L + δ′), below the exact quotient by a hair', () => {
  const random = createRandom(12);
  for (let i = 0; i < 2000; i++) {
    const [rho, L, here, slope] = [
      random.uniform(),
      3 * random.uniform(),
      0.2 * random.uniform(),
      1e-3 * random.uniform(),
    ];
    const radius = smoothedRadius(rho, L, here, slope);
    // Every double here is an integer over 2⁷⁰ or is rounded to one, to the strict side.
    const up = (x: number) => BigInt(Math.ceil(x * 2 ** 70));
    const down = (x: number) => BigInt(Math.floor(x * 2 ** 70));
    if (radius === 0) assert.ok(down(rho) - 2n * up(here) <= 0n);
    else {
      const spare = ((down(rho) - 2n * up(here)) << 70n) - up(radius) * (up(L) + up(slope));
      assert.ok(spare > 0n);
      assert.ok(Math.abs(radius / ((rho - 2 * here) / (L + slope)) - 1) < 1e-14);
    }
  }
  assert.equal(smoothedRadius(0.4, 1, 0.2, 0), 0);
  assert.equal(smoothedRadius(0.1, 1, 0.2, 0), 0);
  assert.equal(smoothedRadius(1e-300, 1, 0, 0), 0);
  assert.throws(() => smoothedRadius(0.4, 0, 0, 0), InputError);
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    for (let i = 0; i < 4; i++) {
      const values: [number, number, number, number] = [0.4, 1, 0, 0];
      values[i] = bad;
      assert.throws(() => smoothedRadius(...values), InputError);
    }
  }
});

test('settings and numbers that make no sense are refused', () => {
  const good: SmoothingOptions = { logits: [1, 0], head: TWO, random: createRandom(1), n: 100 };
  assert.equal(certifySmoothed(good).label, 0);
  const bad: Partial<SmoothingOptions>[] = [
    ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((sigma) => ({ sigma })),
    ...[0, -5, 1.5, 1e9, Number.NaN].flatMap((n) => [{ n }, { n0: n }]),
    ...[0, 1, -0.1, Number.NaN].map((alpha) => ({ alpha })),
    ...[-1, Number.NaN, Number.POSITIVE_INFINITY].map((logitError) => ({ logitError })),
    { logits: [Number.NaN, 0] },
    { logits: [Number.POSITIVE_INFINITY, 0] },
    { logits: [1, 2, 3] },
    { head: { ...TWO, weights: Float32Array.of(1, Number.NaN, 0, 0) } },
    { head: { ...TWO, weights: Float32Array.of(1, Number.POSITIVE_INFINITY, 0, 0) } },
  ];
  for (const change of bad) assert.throws(() => certifySmoothed({ ...good, ...change }), InputError);
  for (const [sigma, n, alpha] of [
    [0, 10, 0.1],
    [1, 0, 0.1],
    [1, 10, 1],
  ] as const) {
    assert.throws(() => smoothingCap(sigma, n, alpha), InputError);
  }
});
