/** What sharpening spends where it forms matrices, and what it does without them where they would be too large. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normsCost } from '../../../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import { sharpen } from '../../../../../src/certify-runtime/trusted/segments/sharpen.ts';
import { type Data, newChain, viewOf } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import type { Step } from '../../../../../src/certify-runtime/trusted/walk/steps.ts';
import { siteOf, walkOf } from '../../conditions/site.ts';
import { after, matrix, tensor } from '../linear.ts';

const newSite = () => siteOf('Identity', walkOf([]));

/** Gives the tensor a bound of L and of its norm. */
function know(data: Data, bound: number): Data {
  const norm = { constant: 0, l2: bound, l1: 0 };
  data.base.measure = { ...data.base.measure, lipschitz: bound, norm, chain: newChain(norm) };
  return data;
}

const product = (rows: number, cols: number, values: readonly number[]): Step => ({
  ...{ kind: 'matrix', matrices: [matrix(rows, cols, values)], before: 1, after: 1, factor: 1, absolute: 9 },
});
const relu: Step = { kind: 'pointwise', low: 0, high: 1 };
const sum: Step = { kind: 'sum', signs: [1, 1] };

const near = (found: number, truth: number): void =>
  assert.ok(found >= truth && found <= truth * (1 + 1e-9), `${found}, not ${truth}`);

test('a matrix is formed along its shorter side, and that is what it costs', () => {
  const u = know(tensor([1, 2]), 1);
  const moved = viewOf(u.base, [1, 3], { first: Int32Array.of(1, 0, 1), pair: null });
  const v = know(after([1, 4], product(4, 3, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]), moved), 99);
  const site = newSite();
  sharpen(site, v.base, false);
  // The columns are (0, 2, 0, 0) and (1, 0, 3, 0).
  near(v.base.measure.lipschitz, Math.sqrt(10));
  // Reading it as a form and as a series, ten rounds of an estimate there and back, two columns, and the norms of 4 × 2.
  const way = 3 * 4 + 2;
  const form = 4 * (3 + 2) + 4 * (4 + 3 + 12);
  assert.equal(site.walk.work, form + 2 + 2 * 10 * way + 2 * way + normsCost(4, 2));
});

test('what the matrices of a block cost is counted', () => {
  const [identity, turned] = [product(2, 2, [1, 0, 0, 1]), product(2, 2, [0, -2, -2, 0])];
  const u = know(tensor([1, 2]), 1);
  const moved = viewOf(u.base, [1, 2], { first: Int32Array.of(1, 0), pair: null });
  const hidden = after([1, 2], relu, after([1, 2], identity, moved));
  const v = know(after([1, 2], sum, u, after([1, 2], turned, hidden)), 9);
  const site = newSite();
  sharpen(site, v.base, true);
  near(v.base.measure.lipschitz, 1);
  // The way has 16 entries: one element moved, three products and activations, and a sum of two.
  const estimates = 3 * 2 * 10 * (2 + 4 + 2 + 4 + 4);
  // What goes around, and either layer, is read as a form, in which the moved elements have no product with a matrix.
  const moving = 4 * (2 + 2);
  const applying = 4 * (2 + 2 + 4);
  const around = moving + applying + applying + 2 * moving;
  const inward = moving + applying;
  const outward = moving + applying + applying + moving + 2 * moving;
  const matrices = 2 * (2 + 4 + 2) + normsCost(2, 2) + 2 * (2 + 4 + 4 + 4) + normsCost(2, 2);
  assert.equal(site.walk.work, estimates + around + inward + outward + matrices + normsCost(2, 2));
});

test('a block of products along an axis is bounded as such where its matrices would be too large', () => {
  const shape = [1, 1200, 2];
  const along = (values: readonly number[]): Step => ({ ...product(2, 2, values), before: 1200 }) as Step;
  const u = know(tensor(shape), 1);
  const hidden = after(shape, relu, after(shape, along([1, 0, 0, 1]), u));
  const v = know(after(shape, sum, u, after(shape, along([-2, 0, 0, -2]), hidden)), 9);
  const site = newSite();
  sharpen(site, v.base, true);
  near(v.base.measure.lipschitz, 1);
  assert.ok(site.walk.work < 1e7, `${site.walk.work}`);
});
