/** Blocks with one hidden layer, found in the graph of steps (Lemma 21), and maps too large for a matrix. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { normsCost } from '../../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import { sharpen } from '../../../../src/certify-runtime/trusted/segments/sharpen.ts';
import {
  type Data,
  type Measure,
  markSource,
  newChain,
  type Since,
  viewOf,
  withSince,
} from '../../../../src/certify-runtime/trusted/walk/state.ts';
import type { Step } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { siteOf, walkOf } from '../conditions/site.ts';
import { after, geometryOf, matrix, tensor } from './linear.ts';

const newSite = () => siteOf('Identity', walkOf([]));

const affine = (constant: number, l2: number, l1 = 0): AffineBound => ({ constant, l2, l1 });

const scaleStep = (factor: number, shape: readonly number[]): Step => ({
  ...{ kind: 'scale', factors: [factor], dims: [], shape, absolute: Math.abs(factor) },
});

const near = (found: number, truth: number, name: string, slack = 1e-9): void =>
  assert.ok(found >= truth && found <= truth * (1 + slack) + 1e-300, `${name}: ${found}, not ${truth}`);

/** Gives the tensor a measure with a chain that has just begun, or not. */
function know(data: Data, change: Partial<Measure>, since: readonly Since[] = [], fresh = true): Data {
  const norm = change.norm ?? affine(0, 0);
  const chain = fresh ? newChain(norm) : { ...newChain(norm), reach: affine(9, 9) };
  data.base.measure = withSince({ ...data.base.measure, ...change, norm, chain }, since);
  return data;
}

const SHAPE = [1, 2];

/** v = u + G·σ(W·u), of which the rules found L = 9. */
function block(
  g: readonly number[],
  w: readonly number[],
  slopes: readonly [number, number],
  around: (u: Data) => readonly [Data, number] | null,
) {
  const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1), errors: [affine(0, 0)] });
  markSource(u.base);
  const product = (values: readonly number[]): Step => ({
    ...{ kind: 'matrix', matrices: [matrix(2, 2, values)], before: 1, after: 1, factor: 1, absolute: 4 },
  });
  const hidden = after(SHAPE, { kind: 'pointwise', low: slopes[0], high: slopes[1] }, after(SHAPE, product(w), u));
  const out = after(SHAPE, product(g), hidden);
  const other = around(u);
  const v = other === null ? out : after(SHAPE, { kind: 'sum', signs: [other[1], 1] }, other[0], out);
  know(v, { lipschitz: 9, norm: affine(9, 9), errors: [affine(9, 9)] }, [
    { source: u.base, errors: [affine(0, 0)], offset: 0 },
  ]);
  return v;
}

test('a block with one hidden layer', () => {
  const one = [1, 0, 0, 1];
  const minus = [-2, 0, 0, -2];
  const l = (v: Data, passed = false): number => {
    sharpen(newSite(), v.base, passed);
    return v.base.measure.lipschitz;
  };
  const itself = (u: Data) => [u, 1] as const;
  near(l(block(minus, one, [0, 1], itself)), 1, 'residual');
  near(l(block(minus, one, [0, 1], itself), true), 1, 'residual, read by one operator');
  near(l(block(minus, one, [-1, 1], itself)), 3, 'slopes from −1');
  near(l(block(minus, one, [0, 1], (u) => [u, -1])), 3, 'the other sign');
  near(l(block(one, one, [0, 1], () => null)), 1, 'a product of layers');
  near(l(block(minus, one, [0, 1], (u) => [after(SHAPE, scaleStep(0.5, SHAPE), u), 1])), 1.5 + 2 ** -48, 'half around');
  // What goes around may be off by all that its scales may be.
  const often = (u: Data): Data => {
    let x = u;
    for (let i = 0; i < 100; i++) x = after(SHAPE, scaleStep(1, SHAPE), x);
    return x;
  };
  near(l(block(minus, one, [0, 1], (u) => [often(u), 1])), 1 + 100 * 2 ** -48, 'scaled a hundred times');
  // What goes around is scaled apart, moved, or an activation itself.
  const apart: Step = { kind: 'scale', factors: [1, 1.5], dims: [2], shape: SHAPE, absolute: 1.5 };
  assert.equal(l(block(minus, one, [0, 1], (u) => [after(SHAPE, apart, u), 1])), 9);
  assert.equal(
    l(block(minus, one, [0, 1], (u) => [viewOf(u.base, SHAPE, { first: Int32Array.of(1, 0), pair: null }), 1])),
    9,
  );
  assert.equal(l(block(minus, one, [0, 1], (u) => [after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, u), 1])), 9);
  // An activation with nothing after it is no block.
  const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1) });
  const last = know(after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, after(SHAPE, scaleStep(0.5, SHAPE), u)), {
    lipschitz: 9,
    norm: affine(9, 9),
  });
  assert.equal(l(last), 9);
  const site = newSite();
  sharpen(site, after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, last).base, false);
  assert.equal(site.walk.work, 0);
});

test('layers that have no form are taken as matrices', () => {
  // The hidden layer is a view of the tensor, times a matrix.
  const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1), errors: [affine(0, 0)] });
  const moved = viewOf(u.base, SHAPE, { first: Int32Array.of(1, 0), pair: null });
  const product: Step = {
    kind: 'matrix',
    matrices: [matrix(2, 2, [1, 0, 0, 1])],
    before: 1,
    after: 1,
    factor: 1,
    absolute: 2,
  };
  const hidden = after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, after(SHAPE, product, moved));
  const back: Step = { ...product, matrices: [matrix(2, 2, [0, -2, -2, 0])] };
  const v = after(SHAPE, { kind: 'sum', signs: [1, 1] }, u, after(SHAPE, back, hidden));
  know(v, { lipschitz: 9, norm: affine(9, 9), errors: [affine(9, 9)] });
  sharpen(newSite(), v.base, false);
  near(v.base.measure.lipschitz, 1 + 2e-13, 'moved');
  assert.ok(v.base.measure.lipschitz < 1 + 1e-9);
});

test('a large map is bounded as a form, and not as a matrix', () => {
  const shape = [1, 1, 48, 48];
  const g = geometryOf({ kernel: [3, 3], padBegin: [1, 1], padEnd: [1, 1], input: [48, 48] });
  const conv: Step = {
    kind: 'conv',
    weights: Float32Array.of(0, 0, 0, 0, 0.5, 0, 0, 0, 0),
    geometry: g,
    rows: 1,
    absolute: 0.5,
  };
  const u = know(tensor(shape), { lipschitz: 1, norm: affine(0, 1) });
  const v = know(after(shape, { kind: 'sum', signs: [1, -1] }, u, after(shape, conv, u)), {
    lipschitz: 9,
    norm: affine(9, 9),
  });
  const site = newSite();
  sharpen(site, v.base, false);
  assert.ok(v.base.measure.lipschitz >= 0.5 && v.base.measure.lipschitz < 0.5 + 1e-9);
  assert.ok(site.walk.work < 3e6, `${site.walk.work}`);
});

test('a series whose Conv has no adjoint here leaves everything as it is', () => {
  const shape = [1, 2, 30, 40];
  const same = { kernel: [3, 3], padBegin: [1, 1], padEnd: [1, 1], input: [30, 40] } as const;
  const g = geometryOf({ ...same, inputChannels: 2, outputChannels: 2, groups: 2 });
  const conv: Step = {
    kind: 'conv',
    weights: Float32Array.from({ length: 18 }, (_, i) => i / 99),
    geometry: g,
    rows: 1,
    absolute: 3,
  };
  const u = know(tensor(shape), { lipschitz: 1, norm: affine(0, 1) });
  const once = after(shape, conv, u);
  const v = after(shape, { kind: 'sum', signs: [1, 1] }, u, after(shape, conv, once));
  know(v, { lipschitz: 9, norm: affine(9, 9) });
  sharpen(newSite(), v.base, false);
  assert.equal(v.base.measure.lipschitz, 9);
});

test('the Taylor series of a skew Conv that is too large for a matrix', () => {
  const shape = [1, 1, 60, 60];
  const g = geometryOf({ kernel: [1, 3], padBegin: [0, 1], padEnd: [0, 1], input: [60, 60] });
  const conv: Step = { kind: 'conv', weights: Float32Array.of(-0.25, 0, 0.25), geometry: g, rows: 1, absolute: 0.5 };
  const u = know(tensor(shape), { lipschitz: 1, norm: affine(0, 1) });
  const half: Step = { kind: 'scale', factors: [0.5], dims: [], shape, absolute: 0.5 };
  const once = after(shape, conv, u);
  const v = after(shape, { kind: 'sum', signs: [1, 1, 1] }, u, once, after(shape, half, after(shape, conv, once)));
  know(v, { lipschitz: 9, norm: affine(9, 9) });
  sharpen(newSite(), v.base, false);
  // |1 + iλ − λ²/2| = √(1 + λ⁴/4) for λ up to ½.
  const truth = Math.sqrt(1 + 0.5 ** 4 / 4);
  assert.ok(v.base.measure.lipschitz >= 1 && v.base.measure.lipschitz < truth * 1.01, `${v.base.measure.lipschitz}`);
});

test('where next to nothing can be gained for some slopes, nothing is done', () => {
  const [one, minus] = [
    [1, 0, 0, 1],
    [-2, 0, 0, -2],
  ];
  // For slopes of 1 the norm is 1, and for those of −1 it is 3.
  const v = block(minus, one, [-1, 1], (u) => [u, 1]);
  const known = 3 * (1 + 2 ** -13);
  know(v, { lipschitz: known, norm: affine(0, known) });
  sharpen(newSite(), v.base, false);
  assert.equal(v.base.measure.lipschitz, known);
});

test('layers of a block that are a scale, or moved before the last product, are matrices', () => {
  const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1) });
  const hidden = after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, after(SHAPE, scaleStep(1, SHAPE), u));
  const scaled = after(SHAPE, { kind: 'sum', signs: [1, 1] }, u, after(SHAPE, scaleStep(-2, SHAPE), hidden));
  const minus: Step = {
    kind: 'matrix',
    matrices: [matrix(2, 2, [0, -2, -2, 0])],
    before: 1,
    after: 1,
    factor: 1,
    absolute: 2,
  };
  const product: Step = { ...minus, matrices: [matrix(2, 2, [1, 0, 0, 1])] };
  const other = after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, after(SHAPE, product, u));
  const turned = viewOf(other.base, SHAPE, { first: Int32Array.of(1, 0), pair: null });
  const moved = after(SHAPE, { kind: 'sum', signs: [1, 1] }, u, after(SHAPE, minus, turned));
  for (const v of [scaled, moved]) {
    know(v, { lipschitz: 9, norm: affine(9, 9) });
    sharpen(newSite(), v.base, false);
    assert.ok(v.base.measure.lipschitz >= 1 && v.base.measure.lipschitz < 1 + 1e-9, `${v.base.measure.lipschitz}`);
  }
});

test('a block of Convs that is too large for matrices', () => {
  const shape = [1, 1, 48, 48];
  const g = geometryOf({ kernel: [1, 2], padEnd: [0, 1], input: [48, 48] });
  const conv: Step = { kind: 'conv', weights: Float32Array.of(0.5, 0.5), geometry: g, rows: 1, absolute: 1 };
  const back: Step = { ...conv, weights: Float32Array.of(-0.5, -0.5), geometry: { ...g, padBegin: [0, 1] } };
  const u = know(tensor(shape), { lipschitz: 1, norm: affine(0, 1) });
  const hidden = after(shape, { kind: 'pointwise', low: 0, high: 1 }, after(shape, conv, u));
  const v = after(shape, { kind: 'sum', signs: [1, 1] }, u, after(shape, back, hidden));
  know(v, { lipschitz: 9, norm: affine(9, 9) });
  sharpen(newSite(), v.base, false);
  assert.ok(v.base.measure.lipschitz >= 1 && v.base.measure.lipschitz < 1 + 1e-9, `${v.base.measure.lipschitz}`);
});

test('a map that has no form is bounded as a matrix, and its work is counted', () => {
  const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1) });
  const moved = viewOf(u.base, [1, 3], { first: Int32Array.of(1, 0, 1), pair: null });
  const wide: Step = {
    kind: 'matrix',
    matrices: [matrix(1, 3, [1, 2, 3])],
    before: 1,
    after: 1,
    factor: 1,
    absolute: 4,
  };
  const v = know(after([1, 1], wide, moved), { lipschitz: 99, norm: affine(99, 99) });
  const site = newSite();
  sharpen(site, v.base, false);
  near(v.base.measure.lipschitz, Math.sqrt(16 + 4), 'L');
  // Reading it as a form and as a series, ten rounds of an estimate there and back, one row, and the norms of 1 × 2.
  const form = 4 * (3 + 2) + 4 * (1 + 3 + 3);
  assert.equal(site.walk.work, form + 2 + 2 * 10 * 5 + 5 + normsCost(1, 2));
});

test('one step alone is left to its rule, and so is a way of too many', () => {
  const u = know(tensor(SHAPE), { lipschitz: 1, norm: affine(0, 1) });
  const once = know(after(SHAPE, scaleStep(2, SHAPE), u), { lipschitz: 9, norm: affine(9, 9) });
  let long = u;
  for (let i = 0; i < 250; i++) long = after(SHAPE, scaleStep(1, SHAPE), long);
  const met = know(after(SHAPE, { kind: 'sum', signs: [1, 1] }, u, long), { lipschitz: 9, norm: affine(9, 9) });
  for (const v of [once, met]) {
    const site = newSite();
    sharpen(site, v.base, false);
    assert.equal(v.base.measure.lipschitz, 9);
    assert.equal(site.walk.work, 0);
  }
});

test('no matrix is formed that takes too much work', () => {
  const shape = [1, 1, 30, 40];
  const g = geometryOf({ kernel: [3, 3], padBegin: [1, 1], padEnd: [1, 1], input: [30, 40] });
  const weights = Float32Array.from({ length: 9 }, (_, i) => i / 99);
  const u = know(tensor(shape), { lipschitz: 1, norm: affine(0, 1) });
  const v = after(
    shape,
    { kind: 'sum', signs: [1, 1] },
    u,
    after(shape, { kind: 'conv', weights, geometry: g, rows: 1, absolute: 1 }, u),
  );
  know(v, { lipschitz: 9, norm: affine(9, 9) });
  const site = newSite();
  sharpen(site, v.base, false);
  assert.ok(v.base.measure.lipschitz < 1.5 && site.walk.work < 1e9, `${site.walk.work}`);
});
