/** Norms of forms are rounded upwards, errors included; and what is explained by nothing, or moved, is taken for what it is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Form } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { diagonal } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { formNorm, formOf, frobenius, ownForm } from '../../../../../src/certify-runtime/trusted/segments/forms.ts';
import { nodeOf } from '../../../../../src/certify-runtime/trusted/segments/node.ts';
import { dyadic, EXACT } from '../../../../support/reference/dyadic.ts';
import { siteOf, walkOf } from '../../conditions/site.ts';
import { geometryOf, matrix, tensor } from '../linear.ts';

const site = () => siteOf('Identity', walkOf([]));

/** Numbers beside which a small one vanishes in a sum that is rounded to the nearest. */
const SMALL = 2 ** -60;

test('a norm is above the computed one by what the form may be off by, however little that is', () => {
  assert.equal(formNorm(site(), diagonal(Float64Array.of(-3, 1))), 3);
  assert.ok(formNorm(site(), diagonal(Float64Array.of(1), SMALL)) > 1);
});

/** A Conv of one channel with these taps in a row. */
function kernel(weights: readonly number[], error = 0): Form {
  const geometry = geometryOf({ kernel: [1, weights.length], input: [1, weights.length] });
  return { kind: 'kernel', weights: Float64Array.from(weights), geometry, rows: 1, wraps: false, error, absolute: 1 };
}

test('the cheap bound of a Conv is the sum of its taps, each a matrix of its own', () => {
  const taps = frobenius(kernel([3, -4, 12]));
  assert.ok(taps >= 19 && taps <= 19 * (1 + 1e-14), `${taps}`);
  const channels: Form = {
    ...{ kind: 'kernel', rows: 1, wraps: false, error: 0.5, absolute: 1 },
    weights: Float64Array.of(3, 1, 4, 0),
    geometry: geometryOf({ inputChannels: 2, kernel: [1, 2] }),
  };
  const two = frobenius(channels);
  assert.ok(two >= 6.5 && two <= 6.5 * (1 + 1e-14), `${two}`);
});

test('many little taps beside a large one are not lost', () => {
  const little = 2 ** -54;
  const exact = EXACT.add(dyadic(1), EXACT.mul(dyadic(64), dyadic(little)));
  assert.equal(1 + little, 1);
  assert.ok(!EXACT.less(dyadic(frobenius(kernel([1, ...Array<number>(64).fill(little)]))), exact));
});

test('what blocks may be off by is added to their cheap bound, rounded upwards', () => {
  const zero: Form = { kind: 'blocks', matrices: [matrix(1, 1, [0])], before: 1, after: 1, error: 0.25, absolute: 1 };
  assert.equal(frobenius(zero), 0.25);
  const one = frobenius({ ...zero, matrices: [matrix(1, 1, [1])], error: SMALL });
  assert.ok(one > 1 && one < 1 + 1e-14, `${one}`);
  assert.ok(frobenius({ ...zero, matrices: [matrix(1, 1, [1])], error: 2 ** 54 }) > 2 ** 54);
});

test('elements are in their own places only if all of them are', () => {
  const picks = (first: readonly number[]): Form =>
    ownForm({ kind: 'picks', first: Int32Array.from(first), absolute: 1 }, 3);
  assert.equal(picks([0, 1, 2]).kind, 'diagonal');
  for (const first of [
    [0, 2, 1],
    [0, 1, 1],
    [2, 1, 0],
  ])
    assert.equal(picks(first).kind, 'picks', `${first}`);
});

test('a tensor that nothing explains has no form', () => {
  const [leaf, last] = [tensor([1, 3]), tensor([1, 3])].map(({ base }) => nodeOf(base));
  assert.equal(formOf(site(), { leaf: leaf!, last: last!, nodes: [last!] }), null);
});
