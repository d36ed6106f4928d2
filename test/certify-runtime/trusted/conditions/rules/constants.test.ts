/** Integers computed from shapes: exact values, and each condition of each operator violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folds } from '../../../../../src/certify-runtime/trusted/walk/constants.ts';
import type { Value } from '../../../../../src/certify-runtime/trusted/walk/site.ts';
import { computed, type Data, newChain } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { float32, fold, int32, int64, integers, refusal, siteOf, tensorOf, walkOf } from '../site.ts';

const ONE = { constant: 0, l2: 1, l1: 0 };
const data = (shape: readonly number[]): Value =>
  computed(shape, { lipschitz: 1, norm: ONE, l1Norm: null, errors: [ONE], chain: newChain(ONE) });

/** [2N, 4, 6] as integers. */
const shape = (): Value => fold('Shape', [data([2, 4, 6])]);
const scalar = (value: number): Value => int64([value], []);

function rankOf(value: Value): number {
  assert.equal(value.kind, 'shape');
  return (value as Extract<Value, { kind: 'shape' }>).rank;
}

test('Shape: of a tensor with k rows for each sample, of a constant; not of a shape', () => {
  assert.deepEqual(integers(shape()), ['2N', 4, 6]);
  assert.deepEqual(integers(fold('Shape', [float32([1, 2, 3, 4, 5, 6], [2, 3])])), [2, 3]);
  assert.deepEqual(integers(fold('Shape', [data([2, 4, 6])], { start: 1, end: 2 })), [4]);
  assert.deepEqual(integers(fold('Shape', [data([2, 4, 6])], { start: -1 })), [6]);
  refusal(() => fold('Shape', [shape()]), /shape of a shape/);
  const squares: Value = { kind: 'squares', roots: data([1, 2]) as Data, terms: 0, hidden: 0, peak: ONE };
  refusal(() => fold('Shape', [squares]), /shape of a shape or of a square/);
});

test('Cast: between integers that hold the values, and a constant to its own type', () => {
  assert.deepEqual(integers(fold('Cast', [shape()], { to: 7 })), ['2N', 4, 6]);
  assert.deepEqual(integers(fold('Cast', [shape()], { to: 6 })), ['2N', 4, 6]);
  assert.deepEqual(integers(fold('Cast', [int32([3])], { to: 7 })), [3]);
  assert.deepEqual([...tensorOf(fold('Cast', [float32([1.5])], { to: 1 })).data], [1.5]);
  assert.equal(tensorOf(fold('Cast', [int64([3])], { to: 7 })).type, 'int64');
  refusal(() => fold('Cast', [shape()], { to: 1 }), /only casts between integers/);
  refusal(() => fold('Cast', [shape()]), /only casts between integers/);
  refusal(() => fold('Cast', [float32([1.5])], { to: 7 }), /int64 or int32/);
  for (const [value, held] of [
    [2n ** 31n - 1n, true],
    [2n ** 31n, false],
    [-(2n ** 31n), true],
    [-(2n ** 31n) - 1n, false],
  ] as const) {
    const cast = (): Value => fold('Cast', [int64([value])], { to: 6 });
    if (held) assert.deepEqual(integers(cast()), [Number(value)]);
    else refusal(cast, /is no int32/);
  }
});

test('Cast: float32 to float64, which is exact, and no other type', () => {
  const { type, data: values } = tensorOf(fold('Cast', [float32([0.1, -3])], { to: 11 }));
  assert.deepEqual([type, values], ['float64', Float64Array.of(Math.fround(0.1), -3)]);
  for (const value of [int64([3]), int32([3]), shape()])
    refusal(() => fold('Cast', [value], { to: 11 }), /only casts between integers/);
  refusal(() => fold('Cast', [float32([1.5])], { to: 10 }), /only casts between integers/);
});

test('an int32 holds as many rows as there are pixels in an image, no more', () => {
  // A walk's image has 24 pixels here.
  const rows = (k: number): Value => fold('Shape', [data([k, 2])]);
  assert.deepEqual(integers(fold('Cast', [rows(24)], { to: 6 })), ['24N', 2]);
  refusal(() => fold('Cast', [rows(25)], { to: 6 }), /25 times the batch size/);
});

test('int64 is left where a product leaves it, not before', () => {
  const product = (a: bigint, b: bigint): Value => fold('Mul', [int64([a]), int64([b])]);
  assert.deepEqual(integers(product(2n ** 31n, 2n ** 31n)), [2 ** 62]);
  assert.deepEqual(integers(product(-(2n ** 32n), 2n ** 31n)), [-(2 ** 63)]);
  refusal(() => product(2n ** 32n, 2n ** 31n), /is no int64/);
  refusal(() => product(-(2n ** 32n) - 1n, 2n ** 31n), /is no int64/);
  const rows = fold('Shape', [data([2])]);
  assert.deepEqual(integers(fold('Mul', [rows, int64([2n ** 30n])])), [`${2n ** 31n}N`]);
  refusal(() => fold('Mul', [rows, int64([2n ** 31n])]), /times the batch size/);
  refusal(() => fold('Mul', [rows, int64([-1])]), /times the batch size/);
});

test('Gather: from the front and from the back, a scalar for a scalar index', () => {
  const { length } = integers(shape());
  assert.equal(length, 3);
  assert.deepEqual(integers(fold('Gather', [shape(), int64([2, 0, -1, -3])])), [6, '2N', 6, '2N']);
  const one = fold('Gather', [shape(), scalar(1)], { axis: 0 });
  assert.deepEqual([integers(one), rankOf(one)], [[4], 0]);
  assert.equal(rankOf(fold('Gather', [shape(), int64([1])])), 1);
  refusal(() => fold('Gather', [shape(), int64([3])]), /index 3/);
  refusal(() => fold('Gather', [shape(), int64([-4])]), /index -4/);
  refusal(() => fold('Gather', [shape(), int64([0])], { axis: 1 }), /only axis 0/);
  refusal(() => fold('Gather', [shape(), int64([0], [1, 1])]), /shape \[1,1\]/);
  refusal(() => fold('Gather', [one, int64([0])]), /must be a list/);
});

test('Slice: a plain range of a list', () => {
  const slice = (...inputs: Value[]): Value => fold('Slice', [shape(), ...inputs]);
  assert.deepEqual(integers(slice(int64([1]), int64([2]))), [4]);
  assert.deepEqual(integers(slice(int64([-2]), int64([2n ** 63n - 1n]), int64([0]), int64([1]))), [4, 6]);
  assert.deepEqual(integers(slice(int64([1]))), [4, 6]);
  refusal(() => slice(), /only a plain range/);
  refusal(() => slice(int64([1]), int64([2]), int64([1])), /only a plain range/);
  refusal(() => slice(int64([1]), int64([2]), int64([0]), int64([2])), /only a plain range/);
  refusal(() => slice(int64([1, 0]), int64([2])), /2 entries/);
  refusal(() => slice(int64([1]), int64([2, 3])), /2 entries/);
  refusal(() => fold('Slice', [scalar(1), int64([0]), int64([1])]), /must be a list/);
});

test('Concat: lists of one type along their only axis', () => {
  assert.deepEqual(integers(fold('Concat', [shape(), int64([7])], { axis: 0 })), ['2N', 4, 6, 7]);
  assert.deepEqual(integers(fold('Concat', [int64([7]), shape()], { axis: -1 })), [7, '2N', 4, 6]);
  refusal(() => fold('Concat', [shape(), int64([7])], { axis: 1 }), /only lists/);
  refusal(() => fold('Concat', [shape(), int64([7])]), /only lists/);
  refusal(() => fold('Concat', [shape(), scalar(7)], { axis: 0 }), /list/);
  refusal(() => fold('Concat', [scalar(7), shape()], { axis: 0 }), /list/);
  refusal(() => fold('Concat', [shape(), int32([7])], { axis: 0 }), /different types/);
});

test('Unsqueeze and Squeeze of one integer', () => {
  const one = fold('Gather', [shape(), scalar(1)]);
  for (const axis of [0, -1]) {
    const list = fold('Unsqueeze', [one, int64([axis])]);
    assert.deepEqual([integers(list), rankOf(list)], [[4], 1]);
    const back = fold('Squeeze', [list, int64([axis])]);
    assert.deepEqual([integers(back), rankOf(back)], [[4], 0]);
    refusal(() => fold('Squeeze', [list], { axes: [axis] }), /axes are missing/);
  }
  refusal(() => fold('Unsqueeze', [one]), /axes are missing/);
  refusal(() => fold('Unsqueeze', [one, int64([1])]), /axes \[1\]/);
  refusal(() => fold('Unsqueeze', [one, int64([0, 0])]), /axes \[0,0\]/);
  refusal(() => fold('Unsqueeze', [one, int64([])]), /axes/);
  refusal(() => fold('Unsqueeze', [shape(), int64([0])]), /rank 1/);
  refusal(() => fold('Squeeze', [one, int64([0])]), /rank 0/);
  refusal(() => fold('Squeeze', [shape(), int64([0])]), /scalar|one integer/);
});

test('Unsqueeze and Squeeze of a constant', () => {
  const c = float32([1, 2, 3, 4, 5, 6], [2, 1, 3]);
  const dims = (op: string, axes: readonly number[]): readonly number[] => tensorOf(fold(op, [c, int64(axes)])).dims;
  assert.deepEqual(dims('Unsqueeze', [0, 4]), [1, 2, 1, 3, 1]);
  assert.deepEqual(dims('Unsqueeze', [-1]), [2, 1, 3, 1]);
  assert.deepEqual(dims('Unsqueeze', [-4]), [1, 2, 1, 3]);
  assert.deepEqual(dims('Squeeze', [1]), [2, 3]);
  assert.deepEqual(dims('Squeeze', [-2]), [2, 3]);
  refusal(() => dims('Squeeze', [0]), /not all 1/);
  refusal(() => dims('Squeeze', [1, 0]), /not all 1/);
  refusal(() => dims('Squeeze', [3]), /do not fit/);
  refusal(() => dims('Squeeze', [1, 3]), /do not fit/);
  refusal(() => dims('Unsqueeze', [0, 5]), /do not fit/);
  refusal(() => dims('Squeeze', [-4]), /do not fit/);
  refusal(() => dims('Squeeze', [1, -2]), /do not fit/);
  refusal(() => dims('Unsqueeze', [4]), /do not fit/);
  refusal(() => dims('Unsqueeze', [-5]), /do not fit/);
  refusal(() => dims('Unsqueeze', [0, -5]), /do not fit/);
  refusal(() => fold('Squeeze', [c]), /axes are missing/);
});

test('Reshape of a constant', () => {
  const c = float32([1, 2, 3, 4, 5, 6], [2, 3]);
  const dims = (target: readonly number[], attributes?: Record<string, number>): readonly number[] =>
    tensorOf(fold('Reshape', [c, int64(target)], attributes)).dims;
  assert.deepEqual(dims([3, 2]), [3, 2]);
  assert.deepEqual(dims([0, -1]), [2, 3]);
  assert.deepEqual(dims([-1]), [6]);
  assert.deepEqual(dims([-1, 1, 3], { allowzero: 0 }), [2, 1, 3]);
  refusal(() => dims([4, 2]), /does not fit/);
  refusal(() => dims([-1, 4]), /does not fit/);
  refusal(() => dims([-2, -3]), /does not fit/);
  refusal(() => dims([2, 3, 0]), /does not fit/);
  refusal(() => dims([-1, -1, 6]), /does not fit/);
  refusal(() => dims([3, 2], { allowzero: 1 }), /does not fit/);
  refusal(() => fold('Reshape', [float32([], [0]), int64([0])]), /does not fit/);
});

test('Transpose of a constant', () => {
  const c = float32([1, 2, 3, 4, 5, 6], [1, 2, 3]);
  const moved = (perm?: readonly number[]): [readonly number[], number[]] => {
    const { dims, data: values } = tensorOf(fold('Transpose', [c], perm === undefined ? {} : { perm }));
    return [dims, Array.from(values as Float32Array)];
  };
  assert.deepEqual(moved(), [
    [3, 2, 1],
    [1, 4, 2, 5, 3, 6],
  ]);
  assert.deepEqual(moved([2, 0, 1]), [
    [3, 1, 2],
    [1, 4, 2, 5, 3, 6],
  ]);
  for (const perm of [
    [1, 0],
    [0, 1, 1],
    [0, 1, 3],
    [-1, 0, 1],
    [0, 1, 2, 3],
    [0, 1, 1, 2],
  ])
    refusal(() => moved(perm), /no permutation/);
  refusal(() => fold('Transpose', [int64([1, 2])]), /float32/);
});

test('Mul and Div, entry by entry', () => {
  const times = (a: Value, b: Value): Value => fold('Mul', [a, b]);
  const by = (a: Value, b: Value): Value => fold('Div', [a, b]);
  assert.deepEqual(integers(times(shape(), int64([3, -2, 5]))), ['6N', -8, 30]);
  assert.deepEqual(integers(times(int64([3]), shape())), ['6N', 12, 18]);
  assert.deepEqual(integers(by(shape(), int64([2]))), ['1N', 2, 3]);
  assert.deepEqual(integers(by(int64([12]), int64([2, 3, -4]))), [6, 4, -3]);
  assert.deepEqual(integers(times(int64([]), int64([2]))), []);
  assert.deepEqual(integers(times(int64([2]), int64([]))), []);
  assert.equal(rankOf(times(scalar(2), scalar(3))), 0);
  assert.equal(rankOf(times(scalar(2), int64([3]))), 1);
  assert.equal(rankOf(times(int64([2]), scalar(3))), 1);
  refusal(() => times(shape(), int64([2, 3])), /different lengths/);
  refusal(() => times(int64([2, 3]), shape()), /different lengths/);
  refusal(() => times(int64([]), int64([2, 3])), /different lengths/);
  refusal(() => times(int64([2, 3]), int64([])), /different lengths/);
  refusal(() => times(int64([2]), int32([3])), /different types/);
  refusal(() => times(shape(), shape()), /multiple of the batch size/);
  refusal(() => by(shape(), int64([4])), /not an integer/);
  refusal(() => by(int64([7]), int64([2])), /not an integer/);
  refusal(() => by(int64([7]), int64([0])), /divides by 0/);
  const rows = fold('Slice', [shape(), int64([0]), int64([1])]);
  refusal(() => by(int64([4]), rows), /by the batch size/);
  refusal(() => by(rows, int64([3])), /not an integer/);
  refusal(() => times(float32([2]), int64([2])), /int64 or int32/);
});

test('what takes integers takes no others', () => {
  refusal(() => fold('Concat', [shape(), float32([1])], { axis: 0 }), /int64 or int32/);
  refusal(() => fold('Mul', [int64([1, 2], [1, 2]), int64([1])]), /shape \[1,2\]/);
  refusal(() => fold('Gather', [shape(), int64([1, 2], [1])]), /wrong number/);
  refusal(() => fold('Gather', [int64([1, 2]), shape()]), /batch size/);
  refusal(() => fold('Reshape', [float32([1]), shape()]), /batch size/);
});

test('copies of constants are counted to the last element, and a list has so many integers', () => {
  const inputs = [float32([1, 2, 3, 4, 5, 6], [2, 3])];
  for (const [op, attributes] of [
    ['Cast', { to: 11 }],
    ['Transpose', { perm: [1, 0] }],
  ] as const) {
    const full = { ...walkOf(inputs), copied: 2 ** 27 - 6 };
    folds.get(op)!(siteOf(op, full, attributes));
    assert.equal(full.copied, 2 ** 27, op);
    const over = { ...walkOf(inputs), copied: 2 ** 27 - 5 };
    refusal(() => folds.get(op)!(siteOf(op, over, attributes)), /the proof is too large/);
  }
  const half = int64(Array(2 ** 13).fill(1));
  assert.equal(integers(fold('Concat', [half, half], { axis: 0 })).length, 2 ** 14);
  refusal(() => fold('Concat', [half, half, int64([1])], { axis: 0 }), /more than 16384 integers/);
});
