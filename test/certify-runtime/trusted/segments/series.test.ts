/** Series of a Conv: never below the norm of the polynomial, next to it for skew kernels, and what their graphs are read as. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { adjoint } from '../../../../src/certify-runtime/trusted/segments/adjoint.ts';
import type { Path } from '../../../../src/certify-runtime/trusted/segments/dense.ts';
import type { Kernel } from '../../../../src/certify-runtime/trusted/segments/form.ts';
import { nodeOf, nodesBetween } from '../../../../src/certify-runtime/trusted/segments/node.ts';
import { type Series, seriesNorm, seriesOf } from '../../../../src/certify-runtime/trusted/segments/series.ts';
import { type Data, viewOf } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { signStep } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { siteOf, walkOf } from '../conditions/site.ts';
import {
  after,
  asKernel,
  type Conv,
  convOf,
  matrixOf,
  normOf,
  polynomial,
  scaledBy,
  tensor,
  turned,
} from './linear.ts';

const seeds = fc.integer({ min: 1, max: 2 ** 30 });

const newSite = () => siteOf('Identity', walkOf([]));

const SHAPE = [1, 2, 2, 3];

/** A kernel, its skew part if `skew`, or its symmetric part if `even`. */
function someConv(chance: Chance, kind: 'skew' | 'even' | 'any', scale: number): Conv {
  const w = Float64Array.from({ length: 36 }, () => scale * chance.normal());
  const own = convOf(w);
  if (kind === 'any') return own;
  const back = adjoint(asKernel(own)) as Kernel;
  return convOf(w.map((v, i) => (v + (kind === 'skew' ? -1 : 1) * back.weights[i]!) / 2));
}

const series = (conv: Conv | null, coefficients: readonly number[]): Series => ({
  ...{ conv, coefficients, moduli: coefficients.map(Math.abs) },
});

test('no polynomial has a larger norm than its bound', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom('skew', 'even', 'any'), (seed, kind) => {
      const chance = new Chance(seed);
      const conv = someConv(chance, kind, chance.pick([0.05, 0.3, 1]));
      const coefficients = Array.from({ length: chance.between(3, 6) }, () => (chance.is(0.2) ? 0 : chance.normal()));
      const truth = normOf(polynomial(conv, coefficients));
      const bound = seriesNorm(newSite(), series(conv, coefficients));
      assert.ok(bound >= truth * (1 - 1e-13), `${bound} < ${truth}`);
    }),
    { numRuns: 60 },
  );
});

test('of a skew kernel the bound is that of the polynomial on the imaginary axis', () => {
  const chance = new Chance(1);
  for (const scale of [0.05, 0.2, 0.4]) {
    const conv = someConv(chance, 'skew', scale);
    const k = normOf(matrixOf(asKernel(conv), 12));
    // Terms that cancel are bounded apart on each of 64 pieces, which shows in the last two.
    for (const [coefficients, slack] of [
      [[1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120], 1.001],
      [[0, 0, 1], 1.001],
      [[0, 0, 0, -2], 1.001],
      [[3, 0, 1], 1.01],
      [[0, 1, 0, 1], 1.05],
    ] as const) {
      // |p(iλ)| for λ up to a bound of ‖K‖, which is up to a quarter larger for so small an image.
      let most = 0;
      for (let i = 0; i <= 3000; i++) {
        const lambda = (1.3 * k * i) / 3000;
        const [re, im] = [0, 1].map((odd) =>
          coefficients.reduce(
            (s: number, c, j) => s + (j % 2 === odd ? c * (Math.floor(j / 2) % 2 === 0 ? 1 : -1) * lambda ** j : 0),
            0,
          ),
        );
        most = Math.max(most, Math.hypot(re!, im!));
      }
      const bound = seriesNorm(newSite(), series(conv, coefficients));
      assert.ok(bound >= normOf(polynomial(conv, coefficients)) * (1 - 1e-13));
      assert.ok(bound <= most * slack, `${bound}, not ${most}`);
    }
  }
});

/** [2, 2, 1, 1]: x ↦ Kx with one matrix K for all places, of which everything is known. */
const pointwise = (k: readonly number[]): Conv => convOf(k, { kernel: [1, 1], padBegin: [0, 0], padEnd: [0, 0] });

test('what a kernel has of its adjoint counts with every power', () => {
  // K = s·[[0, −1], [1, 0]] + d·[[0, 1], [1, 0]]: ‖S‖ = s, ‖Δ‖ ≤ ‖·‖_F = √2·d.
  for (const [s, d] of [
    [0.5, 0],
    [0.5, 0.125],
    [2, 0.25],
    [0, 0.5],
  ] as const) {
    const conv = pointwise([0, d - s, d + s, 0]);
    const delta = Math.SQRT2 * d;
    for (const coefficients of [
      [0, 0, 1],
      [0, 0, 0, 1],
      [2, 0, 0, 0, 0.5],
      [0, 1, 0],
    ]) {
      let most = 0;
      for (let i = 0; i <= 1000; i++) {
        const t = ((s * i) / 1000) ** 2;
        const even = coefficients.reduce(
          (sum, c, j) => sum + (j % 2 === 0 ? c * (-1) ** (j / 2) * t ** (j / 2) : 0),
          0,
        );
        const odd = coefficients.reduce(
          (sum, c, j) => sum + (j % 2 === 1 ? c * (-1) ** ((j - 1) / 2) * t ** ((j - 1) / 2) : 0),
          0,
        );
        most = Math.max(most, Math.hypot(even, Math.sqrt(t) * odd));
      }
      const rest = coefficients.reduce(
        (sum, c, j) => sum + (j === 0 ? 0 : Math.abs(c) * j * (s + delta) ** (j - 1) * delta),
        0,
      );
      const bound = seriesNorm(newSite(), series(conv, coefficients));
      assert.ok(bound >= (most + rest) * (1 - 1e-12), `${bound} < ${most} + ${rest}`);
      assert.ok(bound <= (most + rest) * 1.02 + 1e-9, `${bound}, not ${most} + ${rest}`);
    }
  }
});

test('roundings count with the moduli of what was added up, though the sum vanishes', () => {
  const conv = pointwise([0, -0.5, 0.5, 0]);
  const bound = seriesNorm(newSite(), { conv, coefficients: [0, 0, 0], moduli: [2 ** 30, 2 ** 30, 2 ** 30] });
  // 200 steps of which each may be off by 33 roundings.
  const least = 199 * 33 * 2 ** -53 * 2 ** 30 * (1 + 0.5 + 0.25);
  assert.ok(bound >= least && bound < 4 * least, `${bound / least}`);
  const twice = seriesNorm(newSite(), {
    conv: pointwise([0, -2, 2, 0]),
    coefficients: [0, 0, 0],
    moduli: [2 ** 30, 2 ** 30, 2 ** 30],
  });
  assert.ok(twice >= 199 * 33 * 2 ** -53 * 2 ** 30 * (1 + 2 + 4));
});

test('powers of a tiny kernel, and tiny coefficients, are not lost', () => {
  const tiny = pointwise([0, -(2 ** -30), 2 ** -30, 0]);
  // ‖K²⁰‖ = 2⁻⁶⁰⁰, of which the square is no number.
  const twentieth = [...Array(20).fill(0), 1];
  assert.ok(seriesNorm(newSite(), series(tiny, twentieth)) >= 2 ** -600);
  // The least that is a series: ‖2⁻¹⁰⁰K²⁴‖ = 2⁻⁵⁸⁰.
  const small = pointwise([0, -(2 ** -20), 2 ** -20, 0]);
  assert.ok(seriesNorm(newSite(), series(small, [...Array(24).fill(0), 2 ** -100])) >= 2 ** -580);
  const conv = pointwise([0, -0.5, 0.5, 0]);
  const x = tensor(SHAPE);
  const twice = after(SHAPE, conv, after(SHAPE, conv, x));
  const read = (last: Data) => seriesOf(newSite(), pathOf(last, x));
  assert.deepEqual(read(scaleBy(twice, 2 ** -100))!.moduli, [0, 0, 2 ** -100]);
  assert.equal(read(scaleBy(twice, 2 ** -101)), null);
  assert.equal(read(sum([1, 1], x, scaleBy(twice, 2 ** -101))), null);
  // It is not brought back from nothing either.
  let back = twice;
  for (const factor of [...Array(9).fill(2 ** -120), ...Array(9).fill(2 ** 120)]) back = scaleBy(back, factor);
  assert.equal(read(back), null);
  assert.deepEqual(read(scaleBy(twice, 0))!.moduli, [0, 0, 0]);
});

test('a Conv without an adjoint of its own geometry has no bound of this kind', () => {
  const wide = convOf(Array(36).fill(0.1), { padBegin: [0, 1], padEnd: [0, 1], input: [4, 3] });
  const grouped = convOf(Array(18).fill(0.1), { groups: 2 });
  const uneven = convOf(Array(24).fill(0.1), { kernel: [2, 3], padBegin: [1, 1], padEnd: [0, 1] });
  const channels = convOf(Array(54).fill(0.1), { outputChannels: 3 });
  for (const conv of [wide, grouped, uneven, channels])
    assert.ok(!(seriesNorm(newSite(), series(conv, [1, 1, 1])) < Number.POSITIVE_INFINITY));
});

test('a Conv is bounded once in a proof, and another one anew', () => {
  const [a, b] = [pointwise([0, -0.5, 0.5, 0]), pointwise([0, -1, 1, 0])];
  const site = newSite();
  const first = seriesNorm(site, series(a, [0, 0, 1]));
  const spent = site.walk.work;
  assert.ok(spent > 0);
  assert.equal(seriesNorm(site, series(a, [0, 0, 1])), first);
  assert.equal(site.walk.work, spent);
  assert.ok(Math.abs(seriesNorm(site, series(b, [0, 0, 1])) - 1) < 1e-6);
  // The same weights in another geometry, and in another proof.
  const moved = { ...a, geometry: { ...a.geometry, input: [1, 6], output: [1, 6] } } as const;
  const before = site.walk.work;
  seriesNorm(site, series(moved, [0, 0, 1]));
  assert.ok(site.walk.work > before);
  const other = newSite();
  seriesNorm(other, series(a, [0, 0, 1]));
  assert.equal(other.walk.work, spent);
});

const pathOf = (last: Data, leaf: Data): Path => {
  const [v, from] = [nodeOf(last.base), nodeOf(leaf.base)];
  return { leaf: from, last: v, nodes: nodesBetween(v, from)! };
};

const scaleBy = (x: Data, factor: number): Data =>
  after(SHAPE, { kind: 'scale', factors: [factor], dims: [], shape: SHAPE, absolute: Math.abs(factor) }, x);
const sum = (signs: readonly number[], ...of: readonly Data[]): Data => after(SHAPE, { kind: 'sum', signs }, ...of);

test('a graph is read as the polynomial that it is', () => {
  const conv = pointwise([0, -0.5, 0.5, 0]);
  const k = (x: Data, own: Conv = conv): Data => after(SHAPE, own, x);
  const x = tensor(SHAPE);
  const read = (last: Data) => seriesOf(newSite(), pathOf(last, x));
  const once = k(x);
  const twice = k(once);
  const found = read(sum([1, -1, 1, 1], x, once, scaleBy(twice, -3), after(SHAPE, signStep(SHAPE, -1), once)))!;
  assert.deepEqual(found.coefficients, [1, -2, -3]);
  assert.deepEqual(found.moduli, [1, 2, 3]);
  assert.equal(found.conv, conv);
  const back = read(sum([1, -1], k(twice), scaleBy(once, 2)))!;
  assert.deepEqual(
    [back.coefficients, back.moduli],
    [
      [0, -2, 0, 1],
      [0, 2, 0, 1],
    ],
  );
  assert.deepEqual(read(sum([1, -1], twice, twice))!.coefficients, [0, 0, 0]);
  assert.deepEqual(read(sum([1, -1], twice, twice))!.moduli, [0, 0, 2]);
  // The same weights in another constant are the same; others, or another geometry, are not.
  assert.notEqual(read(k(once, { ...conv, weights: Float64Array.from(conv.weights) })), null);
  assert.equal(read(k(once, pointwise([0, -0.5, 0.5, 2 ** -40]))), null);
  assert.equal(read(k(once, pointwise([2 ** -40, -0.5, 0.5, 0]))), null);
  assert.equal(read(k(once, { ...conv, rows: 2 })), null);
  assert.equal(read(k(once, { ...conv, geometry: { ...conv.geometry, padBegin: [1, 0] } })), null);
  assert.equal(read(sum([1, 1], twice, k(x, pointwise([0, -1, 1, 0])))), null);
  assert.equal(read(sum([1, 1], k(x, pointwise([0, -1, 1, 0])), twice)), null);
  assert.equal(read(k(once, { ...conv, weights: Float64Array.of(0, -0.5, 0.5) })), null);
  assert.equal(read(sum([1, 1, 1], twice, k(x, pointwise([0, -1, 1, 0])), x)), null);
  // The Conv is known from whichever summand has one.
  assert.equal(read(sum([1, 1], twice, x))!.conv, conv);
  assert.equal(read(sum([1, 1], x, twice))!.conv, conv);
  // Of degree 1 it is no series, and neither is what is scaled by element, or moved, or passes an activation.
  assert.equal(read(sum([1, 1], x, once)), null);
  assert.equal(read(x), null);
  const by = after(SHAPE, { kind: 'scale', factors: [1, 2, 3], dims: [3], shape: SHAPE, absolute: 3 }, once);
  assert.equal(read(k(by)), null);
  const moved = viewOf(once.base, SHAPE, { first: Int32Array.from({ length: 12 }, (_, e) => 11 - e), pair: null });
  assert.equal(read(k(moved)), null);
  assert.equal(read(k(after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, once))), null);
  assert.equal(read(sum([1, 1], twice, k(moved))), null);
  // 25 powers are followed, and no more.
  let power = x;
  for (let i = 0; i < 24; i++) power = k(power);
  assert.equal(read(power)!.coefficients.length, 25);
  assert.equal(read(k(power)), null);
});

test('a sum of many tensors has as many roundings, and too many are no series', () => {
  const conv = pointwise([0, -0.5, 0.5, 0]);
  const x = tensor(SHAPE);
  const twice = after(SHAPE, conv, after(SHAPE, conv, x));
  const read = (count: number) =>
    seriesOf(newSite(), pathOf(sum(Array(count).fill(1), ...Array<Data>(count).fill(twice)), x));
  // Three steps with 32 each, and an operand for each Conv.
  assert.deepEqual(read(8192 - 3 * 32 - 2)!.coefficients, [0, 0, 8192 - 3 * 32 - 2]);
  assert.equal(read(8192 - 3 * 32 - 1), null);
});

test('reading a series is work, and none is done where little is left', () => {
  const conv = pointwise([0, -0.5, 0.5, 0]);
  const x = tensor(SHAPE);
  const last = sum([1, 1], x, after(SHAPE, conv, after(SHAPE, conv, x)));
  const site = newSite();
  assert.notEqual(seriesOf(site, pathOf(last, x)), null);
  assert.equal(site.walk.work, 4 + 4 + 1);
  const left = (work: number) => {
    const tired = newSite();
    tired.walk.work = 4e10 - work;
    return seriesOf(tired, pathOf(last, x));
  };
  assert.notEqual(left(8 * 4 + 4), null);
  assert.notEqual(left(8 * 4 + 4 + 1), null);
  assert.equal(left(8 * 4 + 3), null);
  assert.equal(left(31), null);
});

test('the matrix of an adjoint kernel is the transpose', () => {
  const conv = someConv(new Chance(5), 'skew', 1);
  const own = matrixOf(asKernel(conv), 12);
  assert.deepEqual(
    own,
    scaledBy(turned(own), -1).map((row) => row.map((v) => v + 0)),
  );
});
