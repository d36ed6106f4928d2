/** Rearrangements: which element goes where, what is a sort and what only looks like one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinViews } from '../../../../../src/certify-runtime/trusted/walk/join.ts';
import {
  multiplicityOf,
  pickIndex,
  rebased,
  transposeIndex,
} from '../../../../../src/certify-runtime/trusted/walk/rearrange.ts';
import {
  computed,
  type Data,
  holdsPadding,
  measureOf,
  newChain,
  nonexpansive,
  viewOf,
} from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import {
  compose,
  materialise,
  multiplicity,
  pairUp,
  type View,
} from '../../../../../src/certify-runtime/trusted/walk/view.ts';
import { awkward } from '../graphs.ts';
import { proveFlat, siteOf, walkOf } from '../site.ts';

const view = (first: readonly number[], pair: readonly number[] | null = null): View => ({
  first: Int32Array.from(first),
  pair: pair === null ? null : Int32Array.from(pair),
});

const lists = ({ first, pair }: View): [number[], number[] | null] => [[...first], pair === null ? null : [...pair]];

test('indices of parts and of transposed tensors', () => {
  assert.deepEqual([...pickIndex([2, 3], [null, [2, -1, 0]])], [2, -1, 0, 5, -1, 3]);
  assert.deepEqual([...pickIndex([2, 3], [[-1, 1]])], [-1, -1, -1, 3, 4, 5]);
  assert.deepEqual(
    [
      ...pickIndex(
        [2, 2],
        [
          [-1, 0],
          [1, -1],
        ],
      ),
    ],
    [-1, -1, 1, -1],
  );
  assert.deepEqual([...pickIndex([], [])], [0]);
  assert.deepEqual([...transposeIndex([2, 3, 2], [2, 0, 1])], [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  assert.deepEqual(lists(materialise(null, 3)), [[0, 1, 2], null]);
  const given = view([1, 1]);
  assert.equal(materialise(given, 3), given);
});

test('a part of a part: zeros stay zeros, pairs stay pairs', () => {
  assert.deepEqual(lists(compose(null, Int32Array.of(2, -1))), [[2, -1], null]);
  assert.deepEqual(lists(compose(view([5, 6, -1]), Int32Array.of(2, -1, 0, 1))), [[-1, -1, 5, 6], null]);
  assert.deepEqual(lists(compose(view([5, 6], [7, -1]), Int32Array.of(1, -1, 0))), [
    [6, -1, 5],
    [-1, -1, 7],
  ]);
});

test('max and min of two elements: the order of indices tells which; one element is itself', () => {
  assert.deepEqual(lists(pairUp(view([0, 3, 2]), view([1, 1, 2]), 'Max')!), [
    [0, 1, 2],
    [1, 3, -1],
  ]);
  assert.deepEqual(lists(pairUp(view([0, 3, 2]), view([1, 1, 2]), 'Min')!), [
    [1, 3, 2],
    [0, 1, -1],
  ]);
  assert.equal(pairUp(view([0, -1]), view([1, 1]), 'Max'), null);
  assert.equal(pairUp(view([0, 1]), view([1, -1]), 'Max'), null);
  assert.equal(pairUp(view([0], [1]), view([2]), 'Max'), null);
  assert.equal(pairUp(view([2]), view([0], [1]), 'Max'), null);
  assert.notEqual(pairUp(view([0]), view([1]), 'Min'), null);
  assert.notEqual(pairUp(view([1]), view([0]), 'Min'), null);
});

test('how often an element is used: a max and a min of one pair count once together', () => {
  const uses = (first: readonly number[], pair: readonly number[] | null, size = 4): number =>
    multiplicity(view(first, pair), size);
  assert.equal(uses([0, 1, 2], null), 1);
  assert.equal(uses([0, 1, 0, 0], null), 3);
  assert.equal(uses([-1, -1, -1], null), 0);
  assert.equal(uses([0, 1, 2], [-1, -1, -1]), 1);
  assert.equal(uses([0, 1], [1, 0]), 1);
  assert.equal(uses([0, 0], [1, 1]), 2);
  assert.equal(uses([1, 1, 1], [0, 0, 0]), 3);
  assert.equal(uses([0, 0, 1], [1, 1, 0]), 2);
  assert.equal(uses([0, 1, 1], [1, 0, 0]), 2);
  assert.equal(uses([0, 0], [1, -1]), 2);
  assert.equal(uses([0, 1], [1, -1]), 2);
  assert.equal(uses([0, 2], [1, 1]), 2);
  assert.equal(uses([0, 3], [3, 0]), 1);
  assert.equal(uses([0, 2], [1, 3]), 1);
  assert.equal(uses([0, -1], [1, -1]), 1);
  assert.equal(uses([0, 2, 3], [3, 1, 2]), 2);
  assert.equal(uses([-1, -1], [-1, -1]), 0);
  assert.equal(multiplicityOf(Int32Array.of(1, 1), 2), 2);
});

const FORM = { constant: 0.3, l2: 0.7, l1: 0 };

function tensor(shape: readonly number[]): Data {
  return computed(shape, { lipschitz: 1, norm: FORM, l1Norm: FORM, errors: [FORM], chain: newChain(FORM) });
}

test('views side by side: pairs of one part, and none of the others', () => {
  const { base } = tensor([1, 6]);
  const plain = viewOf(base, [1, 2, 2], view([0, 1, 2, 3]));
  const paired = viewOf(base, [1, 2, 1], view([0, 3], [5, -1]));
  assert.deepEqual(lists(joinViews([plain, paired], 2)), [
    [0, 1, 0, 2, 3, 3],
    [-1, -1, 5, -1, -1, -1],
  ]);
  assert.deepEqual(lists(joinViews([plain, plain], 2)), [[0, 1, 0, 1, 2, 3, 2, 3], null]);
  assert.deepEqual(lists(joinViews([plain, viewOf(base, [1, 2, 2], null)], 1))[0], [0, 1, 2, 3, 0, 1, 2, 3]);
});

test('a tensor with pairs becomes a base of its own, once; any other one stays what it is', () => {
  const site = siteOf('Split', walkOf([]));
  const { base } = tensor([1, 4]);
  const plain = viewOf(base, [1, 2], view([0, 1]));
  assert.equal(rebased(site, plain), plain);
  const whole = tensor([1, 4]);
  assert.equal(rebased(site, whole), whole);
  const pairs = viewOf(base, [1, 2], view([0, 2], [1, 3]));
  assert.notEqual(rebased(site, pairs).base, base);
  assert.equal(rebased(site, pairs).view, null);
  assert.equal(rebased(site, pairs).base, rebased(site, pairs).base);
  // Another proof does not see it.
  assert.notEqual(rebased(siteOf('Split', walkOf([])), pairs).base, rebased(site, pairs).base);
  // A pool after it must know of a Pad's zeros.
  assert.equal(holdsPadding(rebased(site, pairs)), false);
  assert.equal(holdsPadding(rebased(site, viewOf(base, [1, 2], view([0, -1], [1, -1])))), true);
});

test('a view that uses an element t times: √t in ℓ2, t in ℓ1', () => {
  const data = viewOf(tensor([1, 2]).base, [1, 3], view([1, 1, 1]));
  const { lipschitz, norm, l1Norm: sum, errors, chain } = measureOf(data);
  const close = (actual: number, exact: number): void => assert.ok(actual > exact && actual < exact * (1 + 1e-15));
  for (const actual of [lipschitz, norm.l2 / 0.7, errors[0]!.l2 / 0.7, chain.reach.l2 / 0.7, chain.peak.l2 / 0.7])
    assert.ok(Math.abs(actual - Math.sqrt(3)) < 1e-15);
  close(lipschitz, Math.sqrt(3));
  assert.ok(sum!.constant >= 0.9 && sum!.constant < 0.9 + 1e-15);
  const own = tensor([1, 2]);
  assert.equal(measureOf(own), own.base.measure);
});

test('max and min may flush their operands, a plain view may not', () => {
  const { base } = tensor([1, 2]);
  const errorOf = (v: View): number => measureOf(viewOf(base, [1, 2], v)).errors[0]!.constant;
  assert.equal(errorOf(view([0, 1])), 0.3);
  const zero = { constant: 0, l2: 0, l1: 0 };
  const exact = computed([1, 2], { lipschitz: 1, norm: zero, l1Norm: zero, errors: [zero], chain: newChain(zero) });
  const flushed = measureOf(viewOf(exact.base, [1, 2], view([0, 1], [1, 0])));
  const expected = 2 * 2 ** -126 * Math.SQRT2;
  for (const value of [flushed.norm.constant, flushed.errors[0]!.constant])
    assert.ok(value >= expected && value < expected * (1 + 1e-15));
});

test('what is nonexpansive adds what it makes of zero, and two flushes for each value', () => {
  const [constant, l2] = awkward(2, 3).map(Math.abs) as [number, number];
  const start = { constant, l2, l1: 0 };
  const measure = { lipschitz: 2, norm: start, l1Norm: start, errors: [start, start], chain: newChain(start) };
  const zero = { constant: 0, l2: 0, l1: 0 };
  const none = { ...measure, norm: zero, l1Norm: zero, errors: [zero] };
  const after = nonexpansive(none, 9, 5, 7);
  assert.equal(after.lipschitz, 2);
  assert.ok(after.norm.constant > 5 && after.norm.constant < 5 + 1e-14);
  assert.ok(after.l1Norm!.constant > 7 && after.l1Norm!.constant < 7 + 1e-14);
  assert.ok(after.errors[0]!.constant >= 6 * 2 ** -126 && after.errors[0]!.constant < 6.001 * 2 ** -126);
  const quiet = nonexpansive(none, 9);
  assert.ok(quiet.l1Norm!.constant >= 18 * 2 ** -126 && quiet.l1Norm!.constant < 18.001 * 2 ** -126);
  assert.equal(nonexpansive({ ...measure, l1Norm: null }, 9).l1Norm, null);
  assert.equal(nonexpansive(measure, 9).errors.length, 2);
});

test('the max of a max and one of its own: no view, and no sort', () => {
  const { lipschitz } = proveFlat(['N', 4], (b) => {
    const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 1, num_outputs: 2 }) as [string, string];
    return b.node('Max', [b.node('Max', [x, y]), x]);
  });
  assert.ok(lipschitz >= Math.SQRT2 && lipschitz < 1.4143, `${lipschitz}`);
});
