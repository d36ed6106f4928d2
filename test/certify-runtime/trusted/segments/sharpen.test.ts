/** What a bound of a whole way says about a tensor, and how far, and with how much work, ways are followed (Lemmas 20 and 21). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { sharpen } from '../../../../src/certify-runtime/trusted/segments/sharpen.ts';
import {
  type Data,
  finishedNorm,
  isFresh,
  type Measure,
  markSource,
  newChain,
  type Since,
  sinceOf,
  viewOf,
  withSince,
} from '../../../../src/certify-runtime/trusted/walk/state.ts';
import type { Step } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { dyadic, EXACT } from '../../../support/reference/dyadic.ts';
import { siteOf, walkOf } from '../conditions/site.ts';
import { after, tensor } from './linear.ts';

const { mul, less } = EXACT;

const newSite = () => siteOf('Identity', walkOf([]));

const affine = (constant: number, l2: number, l1 = 0): AffineBound => ({ constant, l2, l1 });

const scaleStep = (factor: number, shape: readonly number[]): Step => ({
  ...{ kind: 'scale', factors: [factor], dims: [], shape, absolute: Math.abs(factor) },
});

const near = (found: number, truth: number, name: string, slack = 1e-9): void =>
  assert.ok(found >= truth && found <= truth * (1 + slack) + 1e-300, `${name}: ${found}, not ${truth}`);

function nearBound(found: AffineBound, truth: AffineBound, name: string): void {
  for (const key of ['constant', 'l2', 'l1'] as const) near(found[key], truth[key], `${name}, ${key}`);
}

/** Gives the tensor a measure with a chain that has just begun, or not. */
function know(data: Data, change: Partial<Measure>, since: readonly Since[] = [], fresh = true): Data {
  const norm = change.norm ?? affine(0, 0);
  const chain = fresh ? newChain(norm) : { ...newChain(norm), reach: affine(9, 9) };
  data.base.measure = withSince({ ...data.base.measure, ...change, norm, chain }, since);
  return data;
}

const SHAPE = [1, 2];

/** u, a source of which this is known, and v = 2u − ½u, of which the rules found far more. */
function example(fresh: boolean, ownSource = true) {
  const image = tensor(SHAPE);
  const u = know(
    tensor(SHAPE),
    { lipschitz: 4, norm: affine(1, 8), errors: [affine(0.25, 0.5), affine(0.125, 0, 1)] },
    [{ source: image.base, errors: [affine(2 ** -4, 2 ** -5)], offset: 3 }],
  );
  if (ownSource) markSource(u.base);
  const parts = [after(SHAPE, scaleStep(2, SHAPE), u), after(SHAPE, scaleStep(0.5, SHAPE), u)];
  const v = after(SHAPE, { kind: 'sum', signs: [1, -1] }, ...parts);
  const since = [
    { source: u.base, errors: [affine(2 ** -6, 2 ** -11, 2 ** -7), affine(2 ** -8, 2 ** -9)], offset: 5 },
    { source: image.base, errors: [affine(100, 100)], offset: 70 },
    { source: tensor(SHAPE).base, errors: [affine(3, 3)], offset: 2 },
  ];
  know(v, { lipschitz: 10, norm: affine(90, 90), errors: [affine(50, 50)] }, since, fresh);
  return { image, u, v };
}

test('a tensor after a source: L, the norm, the errors and those since an earlier source', () => {
  for (const fresh of [true, false]) {
    const { image, u, v } = example(fresh);
    sharpen(newSite(), v.base, false);
    const { measure } = v.base;
    near(measure.lipschitz, 1.5 * 4, 'L');
    const root = Math.sqrt(24);
    // 1.5·‖û‖ + ‖F(0)‖ + since, with ‖x‖₁ ≤ √24·‖x‖₂.
    const norm = affine(1.5 + 5 + 2 ** -6, 12 + 2 ** -11 + root * 2 ** -7);
    nearBound(finishedNorm(measure), norm, 'norm');
    assert.equal(isFresh(measure), fresh);
    if (fresh) nearBound(measure.norm, norm, 'its norm');
    else assert.deepEqual(measure.norm, affine(90, 90));
    if (fresh) assert.equal(measure.chain.reach, measure.norm);
    else assert.deepEqual(measure.chain.reach, affine(9, 9));
    // Every error of u with every one since.
    const truths = [
      affine(1.5 / 4 + 2 ** -6, 0.75 + 2 ** -11, 2 ** -7),
      affine(1.5 / 4 + 2 ** -8, 0.75 + 2 ** -9),
      affine(1.5 / 8 + 2 ** -6, 2 ** -11, 1.5 + 2 ** -7),
    ];
    assert.equal(measure.errors.length, 3);
    for (const [i, truth] of truths.entries()) nearBound(measure.errors[i]!, truth, `error ${i}`);
    const [own, earlier, other] = sinceOf(measure) as [Since, Since, Since];
    // Nothing is known of the way from the third one to u.
    assert.deepEqual([other.errors, other.offset], [[affine(3, 3)], 2]);
    assert.equal(own.source, u.base);
    assert.deepEqual([own.errors.length, own.offset], [2, 5]);
    assert.equal(earlier.source, image.base);
    near(earlier.offset, 1.5 * 3 + 5, 'offset');
    nearBound(earlier.errors[0]!, affine(1.5 / 16 + 2 ** -6, 1.5 / 32 + 2 ** -11, 2 ** -7), 'error since');
  }
});

test('what the rules found is kept where it is better', () => {
  const { v } = example(true);
  const since = sinceOf(v.base.measure).map((known, i) =>
    i === 0 ? known : { ...known, errors: [affine(0, 0)], offset: 1 },
  );
  know(v, { lipschitz: 1, norm: affine(0, 0.5), errors: [affine(0, 0)] }, since);
  sharpen(newSite(), v.base, false);
  const { measure } = v.base;
  assert.equal(measure.lipschitz, 1);
  assert.deepEqual(measure.norm, affine(0, 0.5));
  assert.deepEqual(measure.errors, [affine(0, 0)]);
  assert.deepEqual([sinceOf(measure)[1]!.errors, sinceOf(measure)[1]!.offset], [[affine(0, 0)], 1]);
});

test('L is kept where only the norm is better', () => {
  const { v } = example(true);
  const since = sinceOf(v.base.measure).map((known, i) => (i === 1 ? { ...known, offset: 4 } : known));
  know(v, { lipschitz: 5, norm: affine(90, 90), errors: [affine(50, 50)] }, since);
  sharpen(newSite(), v.base, false);
  assert.equal(v.base.measure.lipschitz, 5);
  assert.ok(v.base.measure.norm.l2 < 13);
  assert.equal(sinceOf(v.base.measure)[1]!.offset, 4);
});

test('sums are rounded upwards, however little is added', () => {
  const { u, v } = example(true);
  const before = sinceOf(u.base.measure).map((known) => ({ ...known, offset: 2 ** -54 }));
  know(u, { lipschitz: 4, norm: affine(0, 0), errors: [affine(0, 0)] }, before);
  const since = sinceOf(v.base.measure).map((known, i) => ({
    ...known,
    ...(i === 0 ? { errors: [affine(0, 1, 2 ** -56)], offset: 1 } : {}),
  }));
  know(v, { lipschitz: 10, norm: affine(90, 90), errors: [affine(50, 50)] }, since);
  sharpen(newSite(), v.base, false);
  assert.ok(sinceOf(v.base.measure)[1]!.offset > 1);
  assert.ok(v.base.measure.norm.l2 > 1);
});

test('‖x‖₁ ≤ √n·‖x‖₂ is rounded upwards', () => {
  const chance = new Chance(1);
  const some = Array.from({ length: 100 }, () => [3, 1 + chance.next()] as const);
  // The nearest product of the last one with √6, though that is rounded upwards, is below the exact one.
  for (const [imageSize, l1] of [...some, [3, 1], [6, 1 + 2594 * 2 ** -12]] as const) {
    const { u, v } = example(true);
    know(u, { lipschitz: 4, norm: affine(0, 0), errors: [affine(0, 0)] }, [
      { source: u.base, errors: [affine(0, 0)], offset: 0 },
    ]);
    know(v, { lipschitz: 10, norm: affine(90, 90) }, [{ source: u.base, errors: [affine(0, 0, l1)], offset: 0 }]);
    sharpen(siteOf('Identity', { ...walkOf([]), imageSize }), v.base, false);
    const found = dyadic(v.base.measure.norm.l2);
    const truth = mul(dyadic(imageSize), mul(dyadic(l1), dyadic(l1)));
    assert.ok(!less(mul(found, found), truth), `${l1}`);
  }
});

test('of a norm the one is taken that is smaller for an image of ones', () => {
  const root = Math.sqrt(24);
  for (const [constant, l2, better] of [
    [7 + 12.01 * root, 0, true],
    [6 + 12 * root, 0, false],
    [0, 13.4, true],
    [0, 13.2, false],
  ] as const) {
    const { v } = example(true);
    know(v, { lipschitz: 10, norm: affine(constant, l2), errors: [affine(0, 0)] }, sinceOf(v.base.measure));
    sharpen(newSite(), v.base, false);
    assert.equal(v.base.measure.norm.l2 !== l2, better, `${constant}, ${l2}`);
  }
});

test('of a tensor after one that is no source only L is known', () => {
  const { v } = example(true, false);
  // Since the image, of which the way is a path of its own, nothing is known either.
  const since = [{ source: tensor(SHAPE).base, errors: [affine(0, 0)], offset: 0 }];
  know(v, { lipschitz: 10, norm: affine(90, 90), errors: [affine(50, 50)] }, since);
  sharpen(newSite(), v.base, false);
  near(v.base.measure.lipschitz, 6, 'L');
  assert.deepEqual(sinceOf(v.base.measure), since);
  assert.deepEqual(v.base.measure.norm, affine(90, 90));
  assert.deepEqual(v.base.measure.errors, [affine(50, 50)]);
});

test('a view before the way stretches it', () => {
  const u = know(tensor(SHAPE), { lipschitz: 4, norm: affine(1, 8) });
  markSource(u.base);
  const twice = viewOf(u.base, [1, 4], { first: Int32Array.of(0, 0, 1, 1), pair: null });
  const wide = [1, 4];
  const v = after(
    wide,
    { kind: 'sum', signs: [1, -1] },
    after(wide, scaleStep(2, wide), twice),
    after(wide, scaleStep(0.5, wide), twice),
  );
  know(v, { lipschitz: 99, norm: affine(99, 99), errors: [affine(9, 9)] }, [
    { source: u.base, errors: [affine(0, 0)], offset: 0 },
  ]);
  sharpen(newSite(), v.base, false);
  near(v.base.measure.lipschitz, 1.5 * 4 * Math.SQRT2, 'L');
  near(v.base.measure.norm.l2, 1.5 * 8 * Math.SQRT2, 'norm');
});

/** x ↦ x·2 − x·½ of a tensor, n times one after the other. */
function halves(u: Data, n: number): Data {
  let x = u;
  for (let i = 0; i < n; i++) {
    x = after(
      SHAPE,
      { kind: 'sum', signs: [1, -1] },
      after(SHAPE, scaleStep(2, SHAPE), x),
      after(SHAPE, scaleStep(0.5, SHAPE), x),
    );
    know(x, { lipschitz: 1e9, norm: affine(0, 1e9) });
  }
  return x;
}

test('ways are followed over 24 tensors that all of it passes, and of two hundred nodes', () => {
  const found = (n: number): number => {
    const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1) });
    const v = halves(u, n);
    sharpen(newSite(), v.base, false);
    return v.base.measure.lipschitz;
  };
  near(found(1), 1.5, '1');
  near(found(24), 1.5 ** 24, '24', 1e-6);
  assert.equal(found(25), 1e9);
});

test('a tensor that one linear operator reads is left to that operator, unless it ends a block', () => {
  const { v } = example(true);
  sharpen(newSite(), v.base, true);
  assert.equal(v.base.measure.lipschitz, 10);
  // It is tried again when it is read by others.
  sharpen(newSite(), v.base, false);
  near(v.base.measure.lipschitz, 6, 'L');
  // And then no more.
  v.base.measure = { ...v.base.measure, lipschitz: 50 };
  const site = newSite();
  sharpen(site, v.base, false);
  assert.equal(v.base.measure.lipschitz, 50);
  assert.equal(site.walk.work, 0);
});

test('nothing is tried after eight thousand million multiply-adds', () => {
  const of = (work: number): number => {
    const { v } = example(true);
    const site = newSite();
    site.walk.work = work;
    sharpen(site, v.base, false);
    return v.base.measure.lipschitz;
  };
  near(of(8e9), 6, 'just enough');
  assert.equal(of(8e9 + 1), 10);
});

test('where next to nothing can be gained of L and of the norm, nothing is done but an estimate', () => {
  const u = know(tensor(SHAPE), { lipschitz: 4, norm: affine(0, 2) });
  markSource(u.base);
  const found = (lipschitz: number, l2: number): readonly [number, number] => {
    const parts = [after(SHAPE, scaleStep(2, SHAPE), u), after(SHAPE, scaleStep(0.5, SHAPE), u)];
    const v = after(SHAPE, { kind: 'sum', signs: [1, -1] }, ...parts);
    know(v, { lipschitz, norm: affine(0, l2) }, [{ source: u.base, errors: [affine(0, 0)], offset: 0 }]);
    sharpen(newSite(), v.base, false);
    return [v.base.measure.lipschitz, v.base.measure.norm.l2];
  };
  const [little, more] = [1 + 2 ** -13, 1 + 2 ** -11];
  assert.deepEqual(found(6 * little, 3 * little), [6 * little, 3 * little]);
  near(found(6 * more, 3)[0], 6, 'L');
  near(found(6, 3 * more)[1], 3, 'norm');
});
