/** What each rule adds to what happened since a source: ‖F(0)‖ and the errors of F, for the F that it makes longer. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../../src/certify-runtime/trusted/bounds/bound.ts';
import type { Value } from '../../../../../src/certify-runtime/trusted/walk/site.ts';
import {
  computed,
  type Data,
  measureOf,
  newChain,
  type Since,
  sinceOf,
  viewOf,
  withSince,
} from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import type { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { tensor } from '../moved.ts';
import { apply, float32, int64 } from '../site.ts';

type Attributes = Parameters<GraphBuilder['node']>[2];

const ZERO: AffineBound = { constant: 0, l2: 0, l1: 0 };
const SHAPE = [1, 1, 2, 2];
const SOURCE = tensor(SHAPE).base;

/** A tensor that is F of the source, with this ‖F(0)‖ and this error of F. */
function after(offset: number, error = 0, shape: readonly number[] = SHAPE): Data {
  const measure = { lipschitz: 1, norm: ZERO, l1Norm: ZERO, errors: [ZERO], chain: newChain(ZERO) };
  withSince(measure, [{ source: SOURCE, errors: [{ ...ZERO, constant: error }], offset }]);
  return computed(shape, measure);
}

function sinceAfter(op: string, inputs: readonly Value[], attributes: Attributes = {}): Since {
  const since = sinceOf(measureOf(apply(op, inputs, attributes)[0] as Data));
  assert.deepEqual(
    since.map(({ source }) => source),
    [SOURCE],
  );
  return since[0]!;
}

/** An operator, the factor that it has, and ‖F(0)‖ of itself. */
const CASES: readonly (readonly [op: string, more: readonly Value[], factor: number, own: number, Attributes?])[] = [
  ['Add', [float32([3, 0, 0, 4], [2, 2])], 1, 5],
  ['Sub', [float32([3, 0, 0, 4], [2, 2])], 1, 5],
  ['Add', [float32([3])], 1, 6],
  ['Mul', [float32([-3, 2])], 3, 0],
  ['Div', [float32([0.25])], 4, 0],
  ['Neg', [], 1, 0],
  ['MatMul', [float32([0, 3, 3, 0], [2, 2])], 3, 0],
  ['Conv', [float32([2], [1, 1, 1, 1]), float32([3])], 2, 6],
  ['Relu', [], 1, 0],
  ['LeakyRelu', [], 1.5, 0, { alpha: { float: 1.5 } }],
  ['Clip', [float32([2], []), float32([9], [])], 1, 4],
  ['Max', [float32([2])], 1, 4],
  ['ReduceSum', [int64([2, 3])], 2, 0],
  ['ReduceMean', [int64([2, 3])], 0.5, 0],
  ['MaxPool', [], 2, 0, { kernel_shape: [2, 2], pads: [1, 1, 1, 1] }],
  ['ReduceMax', [int64([2, 3])], 1, 0],
  ['TopK', [int64([2])], 1, 0],
];

test('‖F(0)‖ grows by the factor of the operator, and by what it makes of 0', () => {
  for (const [op, more, factor, own, attributes] of CASES) {
    for (const offset of [0, 5]) {
      const found = sinceAfter(op, [after(offset), ...more], attributes).offset;
      const expected = factor * offset + own;
      assert.ok(found >= expected * (1 - 1e-15) && found <= expected * (1 + 1e-12), `${op}: ${found} for ${expected}`);
    }
  }
});

test('the error of F grows by the factor of the operator, and what a rounding adds is small', () => {
  for (const [op, more, factor, own, attributes] of CASES) {
    const found = sinceAfter(op, [after(0, 7), ...more], attributes).errors[0]!.constant;
    const expected = factor * 7;
    assert.ok(found >= expected * (1 - 1e-15) && found <= expected + 1e-5 * (1 + own), `${op}: ${found}`);
  }
});

test('what two tensors have since one source is added up', () => {
  for (const op of ['Add', 'Sub', 'Sum']) {
    const { offset, errors } = sinceAfter(op, [after(5, 2), after(7, 3)]);
    assert.ok(offset >= 12 && offset <= 12.0001, `${op}: ${offset}`);
    assert.ok(errors[0]!.constant >= 5 && errors[0]!.constant <= 5.0001, `${op}: ${errors[0]!.constant}`);
  }
});

test('a sum of offsets is rounded up, however small one of them is', () => {
  const tiny = 2 ** -60;
  const one = [1, 1, 1, 1];
  const small = float32([tiny], [1]);
  for (const [op, more] of [
    ['Add', [small]],
    ['Conv', [float32([1], [1, 1, 1, 1]), small]],
    ['Max', [small]],
  ] as const)
    assert.ok(sinceAfter(op, [after(1, 0, one), ...more]).offset > 1, op);
  assert.ok(sinceAfter('Add', [after(1, 0, one), after(tiny, 0, one)]).offset > 1);
});

test('so is a product of one with a factor', () => {
  // Three times this lies in the middle of two float64, of which the lower one is the nearest with an even last digit.
  const offset = 1 + 3 * 2 ** -52;
  assert.equal(3 * offset, 3 + 8 * 2 ** -52);
  assert.ok(sinceAfter('Mul', [after(offset), float32([3])]).offset > 3 + 8 * 2 ** -52);
});

test('a view that uses an element twice stretches what is known since the source', () => {
  const { base } = after(5, 2);
  const [since] = sinceOf(measureOf(viewOf(base, [1, 1, 2, 2], { first: Int32Array.of(0, 0, 1, 2), pair: null })));
  assert.ok(since!.offset >= 5 * Math.SQRT2 && since!.offset <= 5 * Math.SQRT2 * (1 + 1e-12));
  assert.ok(since!.errors[0]!.constant >= 2 * Math.SQRT2 && since!.errors[0]!.constant <= 2 * Math.SQRT2 * (1 + 1e-12));
});
