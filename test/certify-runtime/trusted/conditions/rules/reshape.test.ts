/** Reshape, Flatten and Split: samples stay apart, parts divide their axis, and each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_VIEWS_TOTAL } from '../../../../../src/certify-runtime/trusted/bounds/budget.ts';
import type { Value } from '../../../../../src/certify-runtime/trusted/walk/site.ts';
import { type Data, viewOf } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { rulesAlone } from '../../../../support/networks/all-rules.ts';
import type { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { moved, one, tensor } from '../moved.ts';
import { fold, int32, int64, refusal, siteOf, walkOf } from '../site.ts';

type Attributes = Parameters<GraphBuilder['node']>[2];

test('Flatten: never before the batch', () => {
  assert.deepEqual(one('Flatten', [2, 3, 4], [])[0], [2, 12]);
  assert.deepEqual(one('Flatten', [2, 3, 4], [], { axis: 2 })[0], [6, 4]);
  assert.deepEqual(one('Flatten', [2, 3, 4], [], { axis: -1 })[0], [6, 4]);
  assert.deepEqual(one('Flatten', [2, 3, 4], [], { axis: 3 })[0], [24, 1]);
  for (const axis of [0, -3, 4, -4]) refusal(() => one('Flatten', [2, 3, 4], [], { axis }), /mix the samples/);
});

test('Reshape: the rows stay a multiple of the batch', () => {
  const to = (target: Value, attributes = {}): readonly number[] => one('Reshape', [1, 4, 6], [target], attributes)[0];
  assert.deepEqual(to(int64([0, -1])), [1, 24]);
  assert.deepEqual(to(int64([-1, 8])), [3, 8]);
  assert.deepEqual(to(int64([0, 8, 3])), [1, 8, 3]);
  assert.deepEqual(to(int32([0, 0, 6])), [1, 4, 6]);
  assert.deepEqual(to(int64([-1, 12])), [2, 12]);
  refusal(() => to(int64([1, 24])), /batch is free/);
  refusal(() => to(int64([-1, -1])), /two dimensions of -1/);
  refusal(() => to(int64([0, -2, -12])), /not positive/);
  refusal(() => to(int64([0, 4, 6, 0])), /not there/);
  refusal(() => to(int64([0, 25])), /mixed/);
  refusal(() => to(int64([0, 5, -1])), /mixed/);
  refusal(() => to(int64([-1, 48])), /mixed/);
  refusal(() => to(int64([0, 23])), /mixed/);
  refusal(() => to(int64([])), /no batch dimension/);
  refusal(() => to(int64([0, -1]), { allowzero: 1 }), /allowzero/);
  const shape = fold('Shape', [tensor([1, 4, 6])]);
  assert.deepEqual(to(shape), [1, 4, 6]);
  refusal(() => to(fold('Gather', [shape, int64([1, 0, 2])])), /batch is free/);
  refusal(() => to(fold('Concat', [int64([0]), shape], { axis: 0 })), /dimension 1 of its target/);
  refusal(() => to(fold('Gather', [shape, int64([0], [])])), /list of integers/);
  const rows = fold('Slice', [shape, int64([0]), int64([1])]);
  const doubled = fold('Mul', [rows, int64([2])]);
  assert.deepEqual(to(fold('Concat', [doubled, int64([2, 6])], { axis: 0 })), [2, 2, 6]);
  refusal(() => to(fold('Concat', [doubled, int64([4, 6])], { axis: 0 })), /mixed/);
});

test('Split: sizes that divide the axis, one for each output', () => {
  const split = (outputs: number, inputs: readonly Value[], attributes: Attributes = { axis: 1 }): number[][] =>
    moved('Split', [1, 7], inputs, attributes, { outputs }).map(([, index]) => index);
  assert.deepEqual(split(3, [int64([4, 1, 2])]), [[0, 1, 2, 3], [4], [5, 6]]);
  assert.deepEqual(split(2, [int64([1, 6])], { axis: -1 }), [[0], [1, 2, 3, 4, 5, 6]]);
  assert.deepEqual(split(3, [], { axis: 1, num_outputs: 3 }), [[0, 1, 2], [3, 4, 5], [6]]);
  assert.deepEqual(split(7, []).length, 7);
  assert.deepEqual(split(1, [], { axis: 1, num_outputs: 1 }), [[0, 1, 2, 3, 4, 5, 6]]);
  refusal(() => split(2, [int64([4, 1, 2])]), /3 sizes for 2 outputs/);
  refusal(() => split(3, [int64([4, 3, 0])]), /do not divide/);
  refusal(() => split(3, [int64([4, 4, -1])]), /do not divide/);
  refusal(() => split(2, [int64([4, 4])]), /do not divide/);
  refusal(() => split(2, [int64([4, 2])]), /do not divide/);
  refusal(() => split(8, []), /8 parts/);
  refusal(() => split(1, [], { axis: 1, num_outputs: 0 }), /0 parts/);
  refusal(() => split(2, [], { axis: 1, num_outputs: 3 }), /3 sizes for 2 outputs/);
  // Five parts of seven: two, two, two, one, and nothing.
  refusal(() => split(5, []), /do not divide/);
  refusal(() => split(2, [int64([4, 3])], { axis: 0 }), /axis 0 is the batch/);
});

test('every rearrangement is counted: the index that is made for it, and the view', () => {
  const whole = tensor([1, 2, 12]);
  const view = (of: Data, first: number): Data =>
    viewOf(of.base, [1, 1, 12], { first: Int32Array.from({ length: 12 }, (_, e) => first + e), pair: null });
  const [a, b] = [view(whole, 0), view(whole, 12)];
  const axis = { axis: 1 };
  const cases: readonly (readonly [
    op: string,
    inputs: readonly Value[],
    elements: number,
    attributes?: Attributes,
    outputs?: number,
  ])[] = [
    ['Transpose', [whole], 2 * 24, { perm: [0, 2, 1] }],
    ['Slice', [whole, int64([1]), int64([9]), int64([2])], 2 * 16],
    ['Gather', [whole, int64([0, 0, 1])], 2 * 36, axis],
    ['Pad', [whole, int64([0, 0, 1, 0, 0, 0])], 2 * 26],
    ['Split', [whole], 2 * 24, axis, 2],
    ['Add', [tensor([1, 2, 1]), whole], 2 * 24],
    ['Sum', [tensor([1, 1, 12]), tensor([1, 2, 1])], 4 * 24],
    // Parts of one tensor are joined by a view, which has no index of its own.
    ['Concat', [a, b], 24, axis],
    ['Max', [a, b], 12],
    ['ReduceMax', [whole, int64([1])], 24 + 2 * 12],
    // Those of two tensors only to see what they have in common.
    ['Concat', [a, tensor([1, 1, 12]), b], 24, axis],
    ['Concat', [a, tensor([1, 1, 12])], 0, axis],
    ['Max', [a, tensor([1, 1, 12])], 0],
  ];
  for (const [op, inputs, elements, attributes, outputs] of cases) {
    const walk = walkOf(inputs);
    rulesAlone.get(op)!.apply(siteOf(op, walk, attributes, outputs));
    assert.equal(walk.viewElements, elements, op);
    const full = { ...walkOf(inputs), viewElements: MAX_VIEWS_TOTAL - elements + 1 };
    if (elements > 0)
      refusal(() => rulesAlone.get(op)!.apply(siteOf(op, full, attributes, outputs)), /the view is too large \(limit/);
  }
});
