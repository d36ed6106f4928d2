/** What a form may be off by: what its parts are off by, and every rounding and underflow, and little more (Lemma 20). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { added } from '../../../../src/certify-runtime/trusted/segments/add.ts';
import { composed } from '../../../../src/certify-runtime/trusted/segments/compose.ts';
import { type Form, ofProduct, ofSum, type Rounding } from '../../../../src/certify-runtime/trusted/segments/form.ts';
import {
  formNorm,
  frobenius,
  frobeniusUpper,
  ownForm,
} from '../../../../src/certify-runtime/trusted/segments/forms.ts';
import type { Step } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { type Dyadic, dyadic, EXACT } from '../../../support/reference/dyadic.ts';
import { siteOf, walkOf } from '../conditions/site.ts';
import { geometryOf, matrix, picks, sums } from './linear.ts';

const { add, mul, less } = EXACT;
const total = (...terms: readonly Dyadic[]): Dyadic => terms.reduce(add);
const abs = (a: Dyadic): Dyadic => (a.m < 0n ? { ...a, m: -a.m } : a);

/** Exactly the distance of the number from the exact one. */
const distance = (found: number, exact: Dyadic): Dyadic => abs(add(dyadic(found), mul(dyadic(-1), exact)));

const atLeast = (bound: number, exact: Dyadic, name: string): void =>
  assert.ok(!less(dyadic(bound), exact), `${name}: ${bound} is too little`);

const U = 2 ** -53;

/** Numbers whose sums and products are rounded down, and up, and not at all. */
const AWKWARD = [0, 1, 3, 1 - U, 1 + 2 * U, 1 + 6 * U, U, 1.5 * U, U * U, 1.2345678];

test('sums and products of what is known are never below the exact ones', () => {
  for (const error of AWKWARD) {
    for (const absolute of AWKWARD) {
      for (const [e, m] of [...AWKWARD.map((v) => [v, 0] as const), ...AWKWARD.map((v) => [U, v] as const)]) {
        const [a, b]: Rounding[] = [
          { error, absolute },
          { error: e, absolute: m },
        ];
        const [da, db, ma, mb, u] = [error, e, absolute, m, U].map(dyadic) as [Dyadic, Dyadic, Dyadic, Dyadic, Dyadic];
        const sum = ofSum(a!, b!);
        const moduli = add(ma, mb);
        // One rounding of each entry: (1 + u)(|a| + |b|) is what the computed ones may have.
        atLeast(sum.error, total(da, db, mul(u, moduli)), `error of a sum, ${[error, e, absolute, m]}`);
        atLeast(sum.absolute, add(moduli, mul(u, moduli)), 'modulus of a sum');
        for (const terms of [1, 5]) {
          const product = ofProduct(b!, a!, terms);
          const [own, rounding] = [mul(mb, ma), dyadic(terms * U)];
          const inherited = total(mul(db, ma), mul(mb, da), mul(db, da));
          atLeast(product.error, add(inherited, mul(rounding, own)), `error of a product, ${[error, e, absolute, m]}`);
          atLeast(product.absolute, add(own, mul(rounding, own)), 'modulus of a product');
          const most = e * absolute + m * error + e * error + terms * U * m * absolute;
          assert.ok(product.error <= most * (1 + 1e-12) + 2 ** -999, `${product.error} > ${most}`);
        }
        assert.ok(sum.error <= (error + e + 2 * U * (absolute + m)) * (1 + 1e-12));
      }
    }
  }
});

/** A form of one element: its number, what that may be off by, and its modulus, which may be larger than the number. */
const NUMBER = { error: 0, absolute: 0 };
const G = geometryOf({
  ...{ inputChannels: 1, outputChannels: 1, groups: 1, kernel: [1, 1], stride: [1, 1], dilation: [1, 1] },
  ...{ padBegin: [0, 0], padEnd: [0, 0], input: [1, 1] },
});

const KINDS: Readonly<Record<string, (value: number) => Form>> = {
  'one scale': (value) => ({ kind: 'diagonal', factors: Float64Array.of(value), ...NUMBER }),
  'a scale': (value) => ({ kind: 'diagonal', factors: Float64Array.of(value, value), ...NUMBER }),
  Conv: (value) => ({ kind: 'kernel', weights: Float64Array.of(value), geometry: G, rows: 2, wraps: false, ...NUMBER }),
  'circular Conv': (value) => ({
    ...{ kind: 'kernel', weights: Float64Array.of(value), geometry: G, rows: 2, wraps: true, ...NUMBER },
  }),
  blocks: (value) => ({ kind: 'blocks', matrices: [matrix(1, 1, [value])], before: 1, after: 1, ...NUMBER }),
  centred: (value) => ({ kind: 'centring', into: INTO, own: value, mean: 0, ...NUMBER }),
  means: (value) => ({ kind: 'centring', into: INTO, own: 0, mean: value, ...NUMBER }),
  sum: (value) => sums([0, 1], 2, value),
  view: () => picks([0, 1], 2),
};
const INTO = Int32Array.of(0, 1);

/** The number that a form multiplies by. */
function numberOf(form: Form): number {
  switch (form.kind) {
    case 'diagonal':
      return form.factors[0]!;
    case 'kernel':
      return form.weights[0]!;
    case 'blocks':
      return form.matrices[0]!.values[0]!;
    case 'centring':
      return form.own + form.mean;
    case 'sums':
      return form.weight;
    case 'picks':
      return 1;
  }
}

const numbered = (kind: string, value: number, error: number, absolute = Math.abs(value)): Form => ({
  ...KINDS[kind]!(value),
  error,
  absolute,
});

test('errors of products and sums of numbers, of every kind: what they must be, and no more', () => {
  let [products, several] = [0, 0];
  for (const b of Object.keys(KINDS)) {
    for (const a of Object.keys(KINDS)) {
      // A view is exact.
      const [off, before] = [b === 'view' ? 0 : 0.25, a === 'view' ? 0 : 0.5];
      const [second, first] = [numbered(b, 3, off), numbered(a, 5, before)];
      const [y, x] = [numberOf(second), numberOf(first)];
      const [own, other] = [
        { ...first, absolute: x },
        { ...second, absolute: y },
      ];
      const whole = composed(other, own);
      if (whole !== null) {
        products++;
        assert.equal(numberOf(whole), x * y);
        const truth = (x + before) * (y + off) - x * y;
        assert.ok(whole.error >= truth && whole.error <= truth * (1 + 1e-12), `${b} after ${a}: ${whole.error}`);
        assert.ok(whole.absolute >= x * y && whole.absolute <= x * y * (1 + 1e-12));
      }
      const sum = added(own, other, -1);
      if (sum === null) continue;
      several++;
      assert.equal(numberOf(sum), x - y);
      // The second one is multiplied by −1 before, which is counted as a rounding.
      assert.ok(sum.error >= off + before && sum.error <= (off + before) * (1 + 1e-12), `${a} − ${b}: ${sum.error}`);
      assert.ok(sum.absolute >= x + y && sum.absolute <= (x + y) * (1 + 1e-12));
      const positive = added(own, other, 1)!;
      assert.ok(positive.error >= off + before && positive.error <= (off + before) * (1 + 1e-12));
    }
  }
  assert.ok(products > 25 && several > 20, `${products} products, ${several} sums`);
});

/** An awkward number of this modulus. */
const some = (chance: Chance): number => 1 + chance.next() * chance.next();

test('every rounding of a product or a sum is in its error', () => {
  const chance = new Chance(5);
  const worst: Record<string, number> = {};
  const seen = (name: string, found: number, exact: Dyadic, error: number): void => {
    const off = distance(found, exact);
    atLeast(error, off, name);
    worst[name] = Math.max(worst[name] ?? 0, (Number(off.m) * 2 ** (off.e + 900)) / (error * 2 ** 900));
  };
  for (let run = 0; run < 300; run++) {
    const [x, y] = [some(chance), some(chance)];
    for (const b of Object.keys(KINDS)) {
      for (const a of Object.keys(KINDS)) {
        const [second, first] = [numbered(b, y, 0), numbered(a, x, 0)];
        const exact = mul(dyadic(numberOf(second)), dyadic(numberOf(first)));
        const whole = composed(second, first);
        if (whole !== null) seen(`${b} after ${a}`, numberOf(whole), exact, whole.error);
        const sum = added(first, second, 1);
        if (sum !== null)
          seen(`${a} + ${b}`, numberOf(sum), add(dyadic(numberOf(first)), dyadic(numberOf(second))), sum.error);
      }
    }
  }
  assert.ok(worst['a scale after one scale']! > 0.6, `${worst['a scale after one scale']}`);
  assert.ok(worst['a scale + one scale']! > 0.3);
});

test('a product of long rows has as many roundings as they are long', () => {
  const chance = new Chance(6);
  let most = 0;
  for (let run = 0; run < 400; run++) {
    const length = 6;
    const [x, y] = [some(chance), some(chance)];
    const a: Form = {
      kind: 'blocks',
      matrices: [matrix(length, 1, Array(length).fill(x))],
      before: 1,
      after: 1,
      ...NUMBER,
      absolute: x,
    };
    const b: Form = {
      kind: 'blocks',
      matrices: [matrix(1, length, Array(length).fill(y))],
      before: 1,
      after: 1,
      ...NUMBER,
      absolute: y,
    };
    const whole = composed({ ...b, absolute: y * Math.sqrt(length) }, { ...a, absolute: x * Math.sqrt(length) })!;
    const off = distance(numberOf(whole), mul(dyadic(length), mul(dyadic(x), dyadic(y))));
    atLeast(whole.error, off, 'blocks');
    most = Math.max(most, (Number(off.m) * 2 ** off.e) / (length * x * y * U));
    const wide = (weights: number[], channels: readonly [number, number]): Form => ({
      ...{ kind: 'kernel', weights: Float64Array.from(weights), rows: 1, wraps: false, error: 0 },
      ...{
        absolute: weights[0]! * Math.sqrt(length),
        geometry: { ...G, outputChannels: channels[0], inputChannels: channels[1] },
      },
    });
    const conv = composed(wide(Array(length).fill(y), [1, length]), wide(Array(length).fill(x), [length, 1]))!;
    assert.equal(numberOf(conv), numberOf(whole));
    atLeast(conv.error, off, 'Conv');
  }
  assert.ok(most > 1.5, `${most} shows nothing`);
});

test('what underflows in a product is in its error', () => {
  const n = 64;
  const tiny = matrix(n, n, Array(n * n).fill(2 ** -538));
  const blocks: Form = { kind: 'blocks', matrices: [tiny], before: 1, after: 1, error: 0, absolute: n * 2 ** -538 };
  const half = { ...blocks, matrices: [matrix(n, n, Array(n * n).fill(2 ** -537))], absolute: n * 2 ** -537 };
  const whole = composed(half, blocks)!;
  assert.equal(formNorm(siteOf('Identity', walkOf([])), { ...whole, error: 0 }), 0);
  // n·n entries of n·2⁻¹⁰⁷⁵ have the norm n²·2⁻¹⁰⁷⁵.
  atLeast(whole.error, mul(dyadic(n * n), { m: 1n, e: -1075 }), 'underflow');
});

test('means, spread again: what their sums are off by, times √size', () => {
  for (const size of [1, 3, 4]) {
    const into = Array(size).fill(0);
    const mean: Form = { ...sums(into, 1, 1 / size), error: 0.25, absolute: 1 / Math.sqrt(size) };
    const whole = composed(picks(into, 1), mean)!;
    assert.equal(whole.kind, 'centring');
    const truth = 0.25 * Math.sqrt(size);
    assert.ok(whole.error > truth && whole.error <= truth * (1 + 1e-12));
    assert.ok(whole.absolute >= 1 && whole.absolute <= 1 + 1e-12);
    // The product of 1/size and size may be rounded.
    const exact = composed(picks(into, 1), { ...mean, weight: some(new Chance(size)), error: 0 } as Form)!;
    const weight = some(new Chance(size));
    atLeast(exact.error, distance(numberOf(exact), mul(dyadic(size), dyadic(weight))), 'mean');
  }
  const negative = composed(picks([0, 0], 1), { ...sums([0, 0], 1, -0.5), absolute: 2 })!;
  assert.ok(negative.absolute >= 1 && negative.absolute <= 1 + 1e-12);
  assert.ok(negative.error > 0);
});

const SHAPE = [1, 2, 2];

test('a step is exact, or off by 2⁻⁴⁸ of itself', () => {
  const steps: readonly (readonly [Exclude<Step, { kind: 'sum' | 'pointwise' }>, error: number])[] = [
    [{ kind: 'conv', weights: Float32Array.of(3), geometry: G, rows: 1, absolute: 3 }, 3 * 2 ** -48],
    [{ kind: 'matrix', matrices: [matrix(1, 1, [1.5])], before: 1, after: 1, factor: 2, absolute: 3 }, 3 * 2 ** -48],
    [{ kind: 'scale', factors: [3], dims: [], shape: SHAPE, absolute: 3 }, 3 * 2 ** -48],
    [{ kind: 'scale', factors: [3, 3], dims: [2], shape: SHAPE, absolute: 3 }, 3 * 2 ** -48],
    [{ kind: 'scale', factors: [3], dims: [], shape: SHAPE, absolute: 3, exact: true }, 0],
    [{ kind: 'scale', factors: [3, 3], dims: [2], shape: SHAPE, absolute: 3, exact: true }, 0],
    [{ kind: 'reduce', shape: SHAPE, axes: [2], weight: 3, absolute: 3 * Math.SQRT2 }, 3 * Math.SQRT2 * 2 ** -48],
  ];
  for (const [step, error] of steps) {
    const own = ownForm(step, 4);
    assert.equal(numberOf(own), 3);
    assert.ok(own.error >= error && own.error <= error * (1 + 1e-15), `${step.kind}: ${own.error}`);
    assert.ok(own.absolute >= step.absolute && own.absolute <= step.absolute * (1 + 1e-15));
  }
});

test('cheap norms are never below the exact ones, to the last bit', () => {
  const chance = new Chance(9);
  for (let run = 0; run < 200; run++) {
    const values = [some(chance), some(chance), some(chance)];
    const squares = values.map((v) => mul(dyadic(v), dyadic(v))).reduce(add);
    const norm = frobeniusUpper(matrix(3, 1, values));
    atLeast(norm, { m: 0n, e: 0 }, '');
    assert.ok(!less(mul(dyadic(norm), dyadic(norm)), squares));
    // One tap, of which the norm is that of its only entry; and an error.
    const one = numbered('Conv', values[0]!, values[1]! * 2 ** -53);
    atLeast(frobenius(one), add(dyadic(values[0]!), dyadic(values[1]! * 2 ** -53)), 'Conv');
    atLeast(
      frobenius({ ...numbered('blocks', values[0]!, values[1]! * 2 ** -53) }),
      add(dyadic(values[0]!), dyadic(values[1]! * 2 ** -53)),
      'blocks',
    );
    const [own, mean] = [values[0]!, values[1]!];
    const centred = { ...numbered('centred', own, 0), mean } as Form;
    const site = siteOf('Identity', walkOf([]));
    atLeast(formNorm(site, centred), add(dyadic(own), dyadic(mean)), 'centred');
    atLeast(
      formNorm(site, { ...centred, error: own * 2 ** -53 }),
      total(dyadic(own), dyadic(mean), dyadic(own * 2 ** -53)),
      'centred',
    );
  }
});
