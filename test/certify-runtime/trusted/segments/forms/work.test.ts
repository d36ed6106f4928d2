/** What putting forms together and their norms cost, and that nothing is done for which too little work is left. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normsCost } from '../../../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import type { Path } from '../../../../../src/certify-runtime/trusted/segments/dense.ts';
import { type Form, IDENTITY } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { formNorm, formOf } from '../../../../../src/certify-runtime/trusted/segments/forms.ts';
import { nodeOf, nodesBetween } from '../../../../../src/certify-runtime/trusted/segments/node.ts';
import { type Data, viewOf } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import type { Step } from '../../../../../src/certify-runtime/trusted/walk/steps.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { siteOf, walkOf } from '../../conditions/site.ts';
import { after, geometryOf, matrix, someBlocks, someKernel, tensor } from '../linear.ts';

const MAX_WORK = 4e10;

function siteWith(left = MAX_WORK) {
  const site = siteOf('Identity', walkOf([]));
  site.walk.work = MAX_WORK - left;
  return site;
}

const pathOf = (last: Data, leaf: Data): Path => {
  const [v, from] = [nodeOf(last.base), nodeOf(leaf.base)];
  return { leaf: from, last: v, nodes: nodesBetween(v, from)! };
};

const SHAPE = [1, 1, 3, 4];
const scale: Step = { kind: 'scale', factors: [2], dims: [], shape: SHAPE, absolute: 2 };
const conv: Step = {
  kind: 'conv',
  weights: Float32Array.of(1, 2),
  geometry: geometryOf({ kernel: [1, 2], padEnd: [0, 1] }),
  rows: 1,
  absolute: 3,
};
const product = (rows: number, cols: number): Step => ({
  ...{
    kind: 'matrix',
    matrices: [matrix(rows, cols, Array(rows * cols).fill(1))],
    before: 1,
    after: 1,
    factor: 1,
    absolute: 4,
  },
});

test('a step costs its elements and its constants, as often as the form before it has constants to meet', () => {
  const x = tensor(SHAPE);
  const flat = tensor([1, 12]);
  const cases: readonly (readonly [Data, Data, costs: readonly number[]])[] = [
    [after(SHAPE, scale, x), x, [4 * 24]],
    [after(SHAPE, conv, x), x, [4 * 26]],
    [after(SHAPE, scale, after(SHAPE, conv, x)), x, [4 * 26, 4 * 24 * 2]],
    [after(SHAPE, { kind: 'sum', signs: [1, 1] }, x, after(SHAPE, conv, x)), x, [4 * 26, 4 * 24, 4 * 24 * 2]],
    [after([1, 3], product(3, 12), flat), flat, [4 * (15 + 36)]],
    [after([1, 2], product(2, 3), after([1, 3], product(3, 12), flat)), flat, [4 * (15 + 36), 4 * (5 + 6) * 12]],
  ];
  for (const [last, leaf, costs] of cases) {
    const site = siteWith();
    assert.notEqual(formOf(site, pathOf(last, leaf)), null);
    assert.equal(
      site.walk.work,
      costs.reduce((a, b) => a + b, 0),
    );
    // Each may cost an eighth of what is left.
    let least = 0;
    let spent = 0;
    for (const cost of costs) {
      least = Math.max(least, spent + 8 * cost);
      spent += cost;
    }
    assert.notEqual(formOf(siteWith(least), pathOf(last, leaf)), null);
    assert.equal(formOf(siteWith(least - 1), pathOf(last, leaf)), null);
  }
});

test('a norm may cost half of what is left', () => {
  const chance = new Chance(1);
  const blocks = someBlocks(chance, [1, 3, 1, 4, 1], 2);
  const kernel = someKernel(
    chance,
    1,
    geometryOf({ inputChannels: 4, outputChannels: 6, groups: 2, kernel: [2, 3], input: [9, 9] }),
  );
  const turned = someKernel(
    chance,
    1,
    geometryOf({ inputChannels: 6, outputChannels: 4, groups: 2, kernel: [2, 3], input: [9, 9] }),
  );
  // Two groups, six taps, matrices of 3 × 2, or of 2 × 3.
  for (const [form, cost] of [
    [blocks, 3 * normsCost(2, 4)],
    [kernel, 2 * 6 * 7 * 2 * 3 * 2],
    [turned, 2 * 6 * 7 * 2 * 2 * 3],
  ] as const) {
    const site = siteWith();
    assert.ok(formNorm(site, form) < Number.POSITIVE_INFINITY);
    assert.ok(site.walk.work >= cost);
    if (form === blocks) assert.equal(site.walk.work, cost);
    assert.ok(formNorm(siteWith(2 * cost), form) < Number.POSITIVE_INFINITY);
    assert.equal(formNorm(siteWith(2 * cost - 1), form), Number.POSITIVE_INFINITY);
  }
});

test('the form of a way: nothing where a part has none, zero where it does not begin', () => {
  const x = tensor(SHAPE);
  const moved = viewOf(x.base, SHAPE, { first: Int32Array.from({ length: 12 }, (_, e) => 11 - e), pair: null });
  const of = (last: Data): Form | null => formOf(siteWith(), pathOf(last, x));
  assert.equal(of(after(SHAPE, scale, moved)), null);
  assert.equal(of(after(SHAPE, { kind: 'sum', signs: [1, 1] }, x, after(SHAPE, scale, moved))), null);
  assert.equal(of(after(SHAPE, { kind: 'sum', signs: [1, 1] }, after(SHAPE, scale, moved), x)), null);
  assert.equal(of(after(SHAPE, scale, after(SHAPE, scale, moved))), null);
  assert.equal(of(x), IDENTITY);
  // Elements in their own places are the tensor itself, all of them; fewer are not.
  const same = (n: number): Data =>
    viewOf(x.base, [1, n], { first: Int32Array.from({ length: n }, (_, e) => e), pair: null });
  assert.equal(of(after(SHAPE, scale, same(12)))?.kind, 'diagonal');
  assert.equal(of(after([1, 6], { ...scale, shape: [1, 6] }, same(6))), null);
  // What begins elsewhere is 0 here.
  const other = tensor(SHAPE);
  const met = after(SHAPE, { kind: 'sum', signs: [1, -1] }, after(SHAPE, scale, x), after(SHAPE, scale, other));
  const nodes = [nodeOf(after(SHAPE, scale, x).base), nodeOf(met.base)];
  const sum = formOf(siteWith(), { leaf: nodeOf(met.base).operands[0]!, last: nodeOf(met.base), nodes });
  assert.deepEqual(sum?.kind === 'diagonal' && [...sum.factors], [1]);
  // The way to an activation ends before it.
  const hidden = after(SHAPE, { kind: 'pointwise', low: 0, high: 1 }, after(SHAPE, conv, x));
  assert.equal(of(hidden)?.kind, 'kernel');
});
