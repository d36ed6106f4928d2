/** What moves values without changing them: where each element goes, and each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuleResult } from '../../../../../src/certify-runtime/trusted/walk/rule.ts';
import type { Value } from '../../../../../src/certify-runtime/trusted/walk/site.ts';
import type { Data } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { one, tensor } from '../moved.ts';
import { apply, float32, int64, type Make, onlyIf, refusal, siteOf, walkOf } from '../site.ts';

test('Transpose: a permutation that leaves the batch in its place', () => {
  assert.deepEqual(one('Transpose', [1, 2, 3], [], { perm: [0, 2, 1] }), [
    [1, 3, 2],
    [0, 3, 1, 4, 2, 5],
  ]);
  assert.deepEqual(one('Transpose', [2], []), [[2], [0, 1]]);
  for (const perm of [
    [0, 2],
    [0, 1, 1],
    [0, 1, 3],
    [0, 1, -1],
    [0, 1, 2, 3],
    [0, 1, 1, 2],
  ])
    refusal(() => one('Transpose', [1, 2, 3], [], { perm }), /no permutation/);
  refusal(() => one('Transpose', [1, 1, 3], [], { perm: [1, 0, 2] }), /moves the batch/);
  refusal(() => one('Transpose', [1, 2, 3], []), /moves the batch/);
});

test('Slice: positions as ONNX has them', () => {
  const slice = (start: number, end: number | bigint, step?: number): number[] =>
    one('Slice', [1, 5], [int64([start]), int64([end]), int64([1]), ...(step === undefined ? [] : [int64([step])])])[1];
  assert.deepEqual(slice(1, 4), [1, 2, 3]);
  assert.deepEqual(slice(0, 2n ** 63n - 1n), [0, 1, 2, 3, 4]);
  assert.deepEqual(slice(-2, 5), [3, 4]);
  assert.deepEqual(slice(-9, -3), [0, 1]);
  assert.deepEqual(slice(0, 5, 2), [0, 2, 4]);
  assert.deepEqual(slice(4, -9, -2), [4, 2, 0]);
  assert.deepEqual(slice(9, 0, -1), [4, 3, 2, 1]);
  assert.deepEqual(slice(-1, -6, -1), [4, 3, 2, 1, 0]);
  assert.deepEqual(slice(-5, -(2 ** 40), -1), [0]);
  assert.deepEqual(slice(3, 1, -1), [3, 2]);
  refusal(() => slice(1, 4, 0), /step of 0/);
  refusal(() => slice(3, 3), /nothing is left/);
  refusal(() => slice(5, 9), /nothing is left/);
  refusal(() => slice(1, 3, -1), /nothing is left/);
  refusal(() => slice(-6, -9, -1), /before an axis/);
  assert.deepEqual(slice(-6, 2, 1), [0, 1]);
});

test('Slice: as many starts, ends, axes and steps, each axis once and never the batch', () => {
  const slice = (...inputs: Value[]): unknown => one('Slice', [1, 4, 5], inputs);
  assert.deepEqual(slice(int64([1, 0]), int64([3, 1]), int64([1, -1]), int64([1, 1])), [
    [1, 2, 1],
    [5, 10],
  ]);
  refusal(() => slice(), /input 1 is missing/);
  refusal(() => slice(int64([1])), /input 2 is missing/);
  refusal(() => slice(int64([1, 1]), int64([3]), int64([1, 2])), /starts and ends/);
  refusal(() => slice(int64([1]), int64([3])), /axis 0 is the batch/);
  refusal(() => slice(int64([1]), int64([3]), int64([0])), /axis 0 is the batch/);
  refusal(() => slice(int64([1]), int64([3]), int64([1, 2])), /axes and steps/);
  refusal(() => slice(int64([1]), int64([3]), int64([1]), int64([1, 1])), /axes and steps/);
  refusal(() => slice(int64([1, 1]), int64([3, 3]), int64([1, 1])), /given twice/);
  refusal(() => slice(int64([1, 1]), int64([3, 3]), int64([1, -2])), /given twice/);
});

test('Gather: positions of one axis, in the shape of the indices', () => {
  assert.deepEqual(one('Gather', [1, 3], [int64([2, 0, -3, 2])], { axis: 1 }), [
    [1, 4],
    [2, 0, 0, 2],
  ]);
  assert.deepEqual(one('Gather', [1, 2, 3], [int64([1], [])], { axis: 2 })[0], [1, 2]);
  assert.deepEqual(one('Gather', [1, 3, 2], [int64([0, 1, 2, 0], [2, 2])], { axis: 1 })[0], [1, 2, 2, 2]);
  refusal(() => one('Gather', [1, 3], [int64([3])], { axis: 1 }), /not in an axis/);
  refusal(() => one('Gather', [1, 3], [int64([0, 3])], { axis: 1 }), /not in an axis/);
  refusal(() => one('Gather', [1, 3], [int64([-4])], { axis: 1 }), /not in an axis/);
  refusal(() => one('Gather', [1, 3], [int64([], [0])], { axis: 1 }), /not in an axis/);
  refusal(() => one('Gather', [1, 3], [int64([0])], { axis: 0 }), /axis 0 is the batch/);
  refusal(() => one('Gather', [1, 3], [int64([0])]), /axis 0 is the batch/);
  refusal(() => one('Gather', [1, 3], [int64([0], Array(8).fill(1))], { axis: 1 }), /is too large/);
});

test('Pad: zeros around each axis but the batch', () => {
  const pad = (pads: readonly number[], ...rest: Value[]): [readonly number[], number[]] =>
    one('Pad', [1, 3], [int64(pads), ...rest]);
  assert.deepEqual(pad([0, 1, 0, 2]), [
    [1, 6],
    [-1, 0, 1, 2, -1, -1],
  ]);
  assert.deepEqual(pad([0, 0, 0, 0]), [
    [1, 3],
    [0, 1, 2],
  ]);
  assert.deepEqual(one('Pad', [1, 2, 2], [int64([0, 0, 1, 0, 0, 0]), float32([0], [])]), [
    [1, 2, 3],
    [-1, 0, 1, -1, 2, 3],
  ]);
  refusal(() => pad([0, 1, 0]), /do not fit/);
  refusal(() => pad([0, 1, 0, 1, 0]), /do not fit/);
  refusal(() => one('Pad', [1, 3], []), /input 1 is missing/);
  refusal(() => pad([0, 1, 0, 1], float32([0], []), int64([0, 1])), /axes have no rule/);
  refusal(() => pad([0, -1, 0, 2]), /negative/);
  refusal(() => pad([0, 2, 0, -1]), /negative/);
  refusal(() => pad([1, 0, 0, 0]), /axis 0 is the batch/);
  refusal(() => pad([0, 0, 1, 0]), /axis 0 is the batch/);
  for (const pads of [
    [0, 2 ** 33, 0, 0],
    [0, 0, 0, 2 ** 33],
  ])
    refusal(() => pad(pads), /limit of the verifier/);
  refusal(() => one('Pad', [1, 3], [int64([0, 1, 0, 1])], { mode: 'wrap' }), /mode wrap/);
  refusal(() => pad([0, 1, 0, 1], float32([0, 0])), /one element/);
  // Padded with anything but zero it is no rearrangement.
  assert.equal(pad([0, 1, 0, 2], float32([0.5], []))[1][0], 0);
});

test('Squeeze and Unsqueeze: axes of 1, none of them the batch', () => {
  assert.deepEqual(one('Squeeze', [1, 1, 3, 1], [int64([1, -1])])[0], [1, 3]);
  refusal(() => one('Squeeze', [1, 1, 3], []), /without axes/);
  refusal(() => one('Squeeze', [1, 1, 3], [int64([2])]), /not all 1/);
  refusal(() => one('Squeeze', [1, 1, 3], [int64([1, 2])]), /not all 1/);
  refusal(() => one('Squeeze', [1, 1, 3], [int64([0])]), /axis 0 is the batch/);
  refusal(() => one('Squeeze', [1, 1, 3], [int64([3])]), /not one of 3/);
  assert.deepEqual(one('Unsqueeze', [1, 3], [int64([1, -1])])[0], [1, 1, 3, 1]);
  refusal(() => one('Unsqueeze', [1, 3], []), /axes are missing/);
  refusal(() => one('Unsqueeze', [1, 3], [int64([1, 1])]), /repeat/);
  refusal(() => one('Unsqueeze', [1, 3], [int64([1, -3])]), /repeat/);
  refusal(() => one('Unsqueeze', [1, 3], [int64([0])]), /axis 0 is the batch/);
  refusal(() => one('Unsqueeze', [1, 3], [int64([3])]), /not one of 3/);
});

test('Pad: zeros, the last element, or a mirror at it', () => {
  const padded = (dim: number, before: number, after: number, mode?: string): number[] =>
    one('Pad', [1, dim], [int64([0, before, 0, after])], mode === undefined ? {} : { mode })[1];
  for (const mode of [undefined, 'constant']) assert.deepEqual(padded(3, 2, 2, mode), [-1, -1, 0, 1, 2, -1, -1]);
  assert.deepEqual(padded(3, 2, 3, 'edge'), [0, 0, 0, 1, 2, 2, 2, 2]);
  assert.deepEqual(padded(1, 1, 2, 'edge'), [0, 0, 0, 0]);
  assert.deepEqual(padded(4, 2, 3, 'reflect'), [2, 1, 0, 1, 2, 3, 2, 1, 0]);
  assert.deepEqual(padded(3, 2, 2, 'reflect'), [2, 1, 0, 1, 2, 1, 0]);
  refusal(() => padded(3, 3, 0, 'reflect'), /reflect an axis of 3 more than once/);
  refusal(() => padded(3, 0, 3, 'reflect'), /reflect an axis of 3 more than once/);
});

test('Pad: the bound of its layer counts the copies of an element, and no value is taken but for zeros', () => {
  const padOf = (before: number, mode: string): RuleResult => {
    const inputs = [tensor([1, 2]), int64([0, before, 0, 0]), float32([0.5], [])];
    return allRules.get('Pad')!.apply(siteOf('Pad', walkOf(inputs), { mode }));
  };
  // The nearest float64 of √3 is below it.
  assert.ok(padOf(2, 'edge').upper > Math.sqrt(3) && padOf(2, 'edge').upper < 1.7321);
  assert.equal(padOf(2, 'constant').upper, 1);
  assert.notEqual((padOf(2, 'edge').outputs[0] as Data).view, null);
  assert.equal((padOf(2, 'constant').outputs[0] as Data).view, null);
});

test('Dropout and Cast change nothing, or are refused', () => {
  const bool = (data: number[], type = 'bool'): Value => ({
    kind: 'constant',
    tensor: { name: 'c', type: type as 'bool', dims: [data.length], data: Uint8Array.from(data) },
  });
  const dropout = (...inputs: Value[]): unknown => one('Dropout', [1, 3], inputs);
  assert.deepEqual(dropout(), [
    [1, 3],
    [0, 1, 2],
  ]);
  assert.deepEqual(dropout(float32([0.5], []), bool([0])), [
    [1, 3],
    [0, 1, 2],
  ]);
  refusal(() => dropout(float32([0.5], []), bool([1])), /training_mode/);
  refusal(() => dropout(float32([0.5], []), bool([0, 0])), /training_mode/);
  refusal(() => dropout(float32([0.5], []), bool([0], 'uint8')), /training_mode/);
  assert.deepEqual(one('Cast', [1, 3], [], { to: 1 }), [
    [1, 3],
    [0, 1, 2],
  ]);
  refusal(() => one('Cast', [1, 3], [], { to: 10 }), /float32 or float64/);
  refusal(() => one('Cast', [1, 3], []), /float32/);
});

test('Concat: one rank, and the same dimensions but on its axis', () => {
  const image: Make = (b) => b.node('Concat', ['image', 'image'], { axis: 1 });
  const other =
    (shape: number[]): Make =>
    (b) =>
      b.node('Concat', ['image', b.node('Reshape', ['image', b.ints(shape)])], { axis: 1 });
  onlyIf(['N', 4, 6], image, [
    [/do not fit on axis 1/, other([0, 6, 4])],
    [/do not fit on axis 1/, other([0, 24])],
    [/do not fit on axis 1/, other([0, 4, 6, 1])],
    [
      /do not fit on axis 1/,
      (b) => b.node('Concat', [b.node('Reshape', ['image', b.ints([0, 24])]), 'image'], { axis: 1 }),
    ],
    [/axis 0 is the batch/, (b) => b.node('Concat', ['image', 'image'], { axis: 0 })],
    [/axis NaN/, (b) => b.node('Concat', ['image', 'image'])],
    [
      /do not fit on axis 1/,
      (b) => b.node('Concat', ['image', b.node('Reshape', ['image', b.ints([-1, 2, 6])])], { axis: 1 }),
    ],
  ]);
  onlyIf(
    ['N', 4, 6],
    (b) => b.node('Concat', ['image', b.node('Reshape', ['image', b.ints([0, 4, 6])])], { axis: 1 }),
    [],
  );
});

test('Concat of parts of different sizes, of one tensor or of several', () => {
  const both =
    (relu: boolean): Make =>
    (b) =>
      b.node(
        'Concat',
        [b.node('Slice', ['image', b.ints([1]), b.ints([3]), b.ints([1])]), relu ? b.node('Relu', ['image']) : 'image'],
        {
          axis: 1,
        },
      );
  onlyIf(['N', 4, 6], both(true), []);
  onlyIf(['N', 4, 6], both(false), []);
});

test('whatever is too large is refused by the rule itself', () => {
  const large = tensor([1, 2 ** 22]);
  refusal(() => apply('Concat', [large, tensor([1, 2 ** 22]), tensor([1, 1])], { axis: 1 }), /is too large/);
  const wide = tensor([1, 1, 2 ** 24]);
  refusal(() => apply('Flatten', [wide]), /is too large/);
  refusal(() => apply('Gather', [wide, int64([0])], { axis: 1 }), /is too large/);
  refusal(() => apply('ReduceMax', [wide, int64([1])]), /is too large/);
  refusal(() => apply('AveragePool', [wide], { kernel_shape: [1] }), /is too large/);
  refusal(() => apply('Conv', [tensor([1, 1, 2 ** 22]), float32([1, 1, 1], [3, 1, 1])]), /is too large/);
  refusal(() => apply('Max', [float32([1])]), /no input that depends on the image/);
});
