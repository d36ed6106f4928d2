/** The radius: exact in small cases, one unit below the truth at most in others, and each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinearHead } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { InputError, UnprovableError } from '../../../../src/certify-runtime/trusted/errors.ts';
import {
  ceilToFloat32,
  floorToFloat32,
  imageNorms,
  largestLogit,
  MAX_CLASSES,
  type MarginConstants,
  type MarginTerms,
  marginCertificate,
  marginRadius,
  marginTerms,
  slope,
  smallestBound,
} from '../../../../src/certify-runtime/trusted/margin.ts';
import { awkward } from './graphs.ts';

const ZERO = { constant: 0, l2: 0, l1: 0 };

/** L = 1 and no float32 error: the radius is the margin over the distance of the rows. */
const IDEAL: MarginConstants = {
  ...{ lipschitz: 1, latentError: [ZERO], logitError: ZERO, latentErrorSlope: 0, logitErrorSlope: 0 },
  maxImageNorm: 400,
};

const head = (weights: readonly number[], latentSize: number): LinearHead => {
  const classes = weights.length / latentSize;
  return { classes, latentSize, weights: Float32Array.from(weights), bias: new Float32Array(classes) };
};

/** Rows 0, (3, 4) and (0, 12): distances 5, 12, and of the last two √73. */
const HEAD = head([0, 0, 3, 4, 0, 12], 2);
const TERMS = marginTerms(IDEAL, HEAD);
const NORMS = { l2: 1, l1: 1 };

const justBelow = (actual: number, exact: number): void =>
  assert.ok(actual < exact && actual > exact * (1 - 2 ** -22), `${actual} is not just below ${exact}`);

test('the radius is the smallest quotient of margin and distance', () => {
  const radius = (...logits: number[]): number => marginCertificate(logits, NORMS, TERMS).radius;
  justBelow(radius(10, 0, 0), 10 / 12);
  justBelow(radius(10, 8, 0), 2 / 5);
  justBelow(radius(0, 10, 0), 10 / Math.sqrt(73));
  justBelow(radius(9.5, 10, 0), 0.1);
  justBelow(radius(0, 8, 10), 2 / Math.sqrt(73));
  assert.equal(radius(10, 10, 0), 0);
  assert.equal(radius(1, 1, 1), 0);
  assert.equal(radius(0, 0, 1e-38), 0);
  assert.deepEqual(
    [
      [5, 1, 2],
      [1, 5, 5],
      [1, 2, 5],
    ].map((logits) => marginCertificate(logits, NORMS, TERMS).label),
    [0, 1, 2],
  );
});

test('what is subtracted: twice δ and four times ρ, at the norms of the image', () => {
  const error = { constant: 0.25, l2: 0.5, l1: 0.125 };
  const at = { l2: 2, l1: 4 };
  // δ(x) = 0.25 + 1 + 0.5 = 1.75.
  const latent = marginTerms({ ...IDEAL, latentError: [error, { ...ZERO, constant: 7 }] }, HEAD);
  justBelow(marginCertificate([100, 0, 0], at, latent).radius, 100 / 12 - 2 * 1.75);
  const logit = marginTerms({ ...IDEAL, logitError: error }, HEAD);
  justBelow(marginCertificate([100, 0, 0], at, logit).radius, (100 - 4 * 1.75) / 12);
  assert.equal(marginCertificate([7, 0, 0], at, logit).radius, 0);
  const growing = marginTerms({ ...IDEAL, latentErrorSlope: 0.5, logitErrorSlope: 3 }, HEAD);
  justBelow(marginCertificate([100, 0, 0], at, growing).radius, 100 / (12 * 1.5 + 2 * 3));
});

test('no image and no radius beyond the cap', () => {
  assert.equal(TERMS.cap, 100);
  const radius = (l2: number, top: number): number => marginCertificate([top, 0, 0], { l2, l1: l2 }, TERMS).radius;
  assert.ok(radius(100, 10) > 0);
  assert.equal(radius(100.00000000000001, 10), 0);
  assert.equal(radius(1, 1e6), 100);
  assert.ok(radius(1, 1199) < 100);
});

test('a NaN or an infinity anywhere is an error, and so is a wrong number of logits', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const i of [0, 1, 2])
      assert.throws(() => marginCertificate([3, 2, 1].with(i, value), NORMS, TERMS), InputError);
    for (const norms of [
      { l2: value, l1: 1 },
      { l2: 1, l1: value },
    ])
      assert.throws(() => marginCertificate([3, 2, 1], norms, TERMS), InputError);
  }
  for (const logits of [[1, 2], [1, 2, 3, 4], []])
    assert.throws(() => marginCertificate(logits, NORMS, TERMS), InputError);
});

test('logits in the middle of a list', () => {
  const list = [9, 9, 0, 10, 8, 9];
  assert.equal(largestLogit(list, 2, 3), 1);
  assert.equal(largestLogit(list, 0, 2), 0);
  justBelow(marginRadius(list, 2, 1, 1, 1, TERMS), 2 / Math.sqrt(73));
});

test('the limits of K and of the work for its distances', () => {
  const of = (classes: number, latentSize: number): LinearHead => ({
    ...{ classes, latentSize },
    weights: new Float32Array(classes * latentSize),
    bias: new Float32Array(classes),
  });
  const refused = (classes: number, latentSize: number): void =>
    assert.throws(
      () => marginTerms(IDEAL, { ...of(1, 1), classes, latentSize }),
      (error: unknown) => error instanceof UnprovableError && error.message.includes(`${classes} classes`),
    );
  assert.equal(MAX_CLASSES, 2048);
  refused(2049, 1);
  refused(2048, 2 ** 11 + 1);
  refused(2, 2 ** 31 + 1);
  assert.equal(marginTerms(IDEAL, of(MAX_CLASSES, 1)).classes, MAX_CLASSES);
});

test('equal rows: a distance of 0 divides nothing by nothing', () => {
  const terms = marginTerms(IDEAL, head([1, 1], 1));
  assert.ok(terms.inverse.every(Number.isFinite) && terms.inverse[1]! > 1e20);
  assert.equal(marginCertificate([2, 1], NORMS, terms).radius, terms.cap);
  assert.equal(marginCertificate([1, 1], NORMS, terms).radius, 0);
  // A flat encoder.
  const flat = marginTerms({ ...IDEAL, lipschitz: 0 }, HEAD);
  assert.equal(marginCertificate([2, 1, 0], NORMS, flat).radius, flat.cap);
});

test('the slack is above 0 whatever the constants', () => {
  for (const { constant } of TERMS.latentSlack) assert.equal(constant, 2 ** -100);
  const all: MarginTerms = { ...TERMS, inverse: TERMS.inverse.map(() => 1) };
  assert.equal(marginRadius([2 ** -101, 0, 0], 0, 0, 0, 0, all), 0);
});

test('a slope counts √n of the ℓ1 coefficient', () => {
  const exact = 2 + 3 * Math.sqrt(7);
  const actual = slope({ constant: 100, l2: 2, l1: 3 }, 7);
  assert.ok(actual > exact && actual < exact * (1 + 1e-15));
  assert.equal(slope({ constant: 1, l2: 2, l1: 0 }, 7), 2);
  assert.equal(slope({ constant: 1, l2: 0, l1: 2 }, 1), 2);
});

test('the smallest of several bounds, rounded up', () => {
  const bounds = [
    { constant: 5, l2: 1, l1: 0 },
    { constant: 1, l2: 1, l1: 1 },
  ];
  assert.ok(smallestBound(bounds, 2, 3) > 6 && smallestBound(bounds, 2, 3) < 6 + 1e-14);
  assert.ok(smallestBound(bounds, 2, 30) > 7 && smallestBound(bounds, 2, 30) < 7 + 1e-14);
  assert.equal(smallestBound([], 1, 1), Number.POSITIVE_INFINITY);
  // 1 + 2⁻⁶⁰ + 2⁻⁶⁰ is not 1.
  assert.ok(smallestBound([{ constant: 1, l2: 2 ** -60, l1: 0 }], 1, 0) > 1);
  assert.ok(smallestBound([{ constant: 0, l2: 1, l1: 2 ** -60 }], 1, 1) > 1);
  assert.ok(smallestBound([{ constant: 0, l2: 1 + 2 ** -52, l1: 0 }], 1 + 2 ** -52, 0) > 1 + 2 ** -51);
  assert.ok(smallestBound([{ constant: 0, l2: 0, l1: 1 + 2 ** -52 }], 0, 1 + 2 ** -52) > 1 + 2 ** -51);
});

/** x·2¹⁴⁹, exactly, of a float32. */
const whole = (x: number): bigint => BigInt(Math.abs(x) * 2 ** 100) * 2n ** 49n;

test('norms of an image are not below the exact ones', () => {
  for (let n = 1; n < 40; n++) {
    const pixels = Float32Array.from(awkward(n, n));
    const { l2, l1 } = imageNorms(pixels);
    let [squares, total] = [0n, 0n];
    for (const x of pixels) {
      squares += whole(x) ** 2n;
      total += whole(x);
    }
    // In units of 2⁻¹⁴⁹, as fractions of a float64 times 2¹⁰⁰.
    const [a, b] = [BigInt(l2 * 2 ** 60) + 1n, BigInt(l1 * 2 ** 60) + 1n];
    assert.ok(a * a * 2n ** 178n >= squares && b * 2n ** 89n >= total);
    assert.ok(l1 > pixels.reduce((s, x) => s + Math.abs(x), 0));
    assert.ok(l2 > Math.sqrt(pixels.reduce((s, x) => s + x * x, 0)));
    const tight = 1 + (n + 8) * 2 ** -51;
    assert.ok(l1 < pixels.reduce((s, x) => s + Math.abs(x), 0) * tight && l2 < Math.hypot(...pixels) * tight);
  }
  assert.deepEqual(imageNorms(Float32Array.of(0, 0)), { l2: 0, l1: 2 ** -1074 });
});

test('float32 from above and from below', () => {
  const next = 1 + 2 ** -23;
  for (const [x, floor, ceil] of [
    [1, 1, 1],
    [1 + 2 ** -52, 1, next],
    [next - 2 ** -52, 1, next],
    [1 + 2 ** -24, 1, next],
    [1 + 3 * 2 ** -24, next, next + 2 ** -23],
    [0, 0, 0],
    [2 ** -150, 0, 2 ** -149],
    [2 ** -149, 2 ** -149, 2 ** -149],
    [2 ** -149 * 1.75, 2 ** -149, 2 ** -148],
    [2 - 2 ** -40, 2 - 2 ** -23, 2],
  ] as const) {
    assert.deepEqual([floorToFloat32(x), ceilToFloat32(x)], [floor, ceil], `${x}`);
  }
  assert.equal(ceilToFloat32(2 ** 128 - 2 ** 103), Number.POSITIVE_INFINITY);
});

test('four steps down, one for each operation: one unit above them a radius of 1, below them the float32 before it', () => {
  const plain: MarginTerms = { ...TERMS, inverse: TERMS.inverse.map(() => 1), latentSlack: [ZERO], logitSlack: ZERO };
  const radius = (units: number): number => marginRadius([1 + units * 2 ** -52, 0, 0], 0, 0, 0, 0, plain);
  assert.equal(radius(4), 1);
  assert.equal(radius(3), 1 - 2 ** -24);
  assert.equal(radius(0), 1 - 2 ** -24);
});

test('a slack that is not finite certifies nothing', () => {
  for (const constant of [Number.POSITIVE_INFINITY, Number.NaN]) {
    const endless: MarginTerms = { ...TERMS, latentSlack: [{ ...ZERO, constant }] };
    assert.equal(marginRadius([10, 0, 0], 0, 0, 1, 1, endless), 0);
    assert.equal(marginRadius([10, 0, 0], 0, 0, 1, 1, { ...TERMS, logitSlack: { ...ZERO, constant } }), 0);
  }
});
