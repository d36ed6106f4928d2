/** The wire format alone: what a message is cut into, what it is not, and the one spelling that is written. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OnnxFormatError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { encode, firstDifference, Message } from '../../../../src/certify-runtime/trusted/onnx/wire.ts';
import { bytes } from './onnx-files.ts';

const refused = (read: () => unknown, reason: RegExp): void =>
  assert.throws(read, (error: unknown) => error instanceof OnnxFormatError && reason.test(error.message));

const cut = (...content: number[]): Message => new Message(bytes(...content));

test('numbers of one to ten bytes', () => {
  for (const value of [0n, 1n, 127n, 128n, 129n, 255n, 2n ** 14n, 2n ** 62n, 2n ** 63n - 1n, -1n, -(2n ** 63n)])
    assert.deepEqual(new Message(encode({ 1: value })).ints(1), [value]);
  assert.deepEqual([...encode({ 1: 127n })], [8, 127]);
  assert.deepEqual([...encode({ 1: 128n })], [8, 128, 1]);
  assert.equal(encode({ 1: -1n }).length, 11);
  // 128 in two bytes, of which the first is 128 itself.
  assert.deepEqual(cut(8, 128, 1).ints(1), [128n]);
});

test('a number that is cut off, or has more than ten bytes', () => {
  refused(() => cut(8), /cut off or longer than 64 bits \(at byte 1\)/);
  refused(() => cut(8, 128), /cut off or longer than 64 bits \(at byte 2\)/);
  refused(() => cut(128), /cut off or longer than 64 bits \(at byte 1\)/);
  refused(() => cut(8, ...Array<number>(10).fill(128), 1), /longer than 64 bits/);
  // A message within another one ends before the bytes do.
  const within = cut(10, 1, 8, 8, 1);
  refused(() => within.parts(1), /cut off or longer than 64 bits \(at byte 3\)/);
});

test('fields of numbers, floats and bytes, none of them cut off', () => {
  assert.deepEqual(cut(10, 2, 7, 9).blobs(1), [bytes(7, 9)]);
  refused(() => cut(10, 2, 7), /a field is cut off/);
  refused(() => cut(13, 0, 0, 0), /a field is cut off/);
  assert.deepEqual(cut(13, 0, 0, 128, 63).floats(1), [1]);
  for (const wire of [1, 3, 4, 6, 7]) refused(() => cut(8 + wire, ...Array<number>(8).fill(0)), /of wire type/);
  // Bytes in a message within another one, which go beyond that one alone.
  refused(() => cut(10, 2, 10, 1, 16, 0).parts(1), /a field is cut off/);
});

test('a file has a million fields at most, in all its messages together', () => {
  const fields = (count: number): Uint8Array => new Uint8Array(2 * count).map((_, i) => (i % 2 === 0 ? 8 : 1));
  assert.equal(new Message(fields(1_000_000)).ints(1).length, 1_000_000);
  refused(() => new Message(fields(1_000_001)), /one too many/);
  const inside = (...counts: number[]) => new Message(encode({ 1: counts.map(fields) }));
  assert.equal(inside(499_999, 499_999).parts(1).length, 2);
  refused(() => inside(499_999, 500_000).parts(1), /one too many/);
});

test('what is no float32 is read as a NaN', () => {
  for (const length of [0, 3, 5, 8])
    assert.deepEqual(cut(10, length, ...Array<number>(length).fill(0)).floats(1), [Number.NaN]);
  assert.deepEqual(cut(8, 1).floats(1), [Number.NaN]);
});

test('a text with a NUL is refused, wherever it stands', () => {
  assert.deepEqual(cut(10, 2, 65, 66).texts(1), ['AB']);
  for (const text of [[0], [65, 0], [0, 65]]) refused(() => cut(10, text.length, ...text).texts(1), /NUL/);
});

test('what is undefined is left out', () => {
  assert.deepEqual([...encode({ 1: undefined, 2: 1n })], [16, 1]);
  assert.deepEqual([...encode({ 1: [undefined, 'A'] })], [10, 1, 65]);
});

test('the first difference of two files, their ends included', () => {
  assert.equal(firstDifference(bytes(1, 2), bytes(1, 2)), -1);
  assert.equal(firstDifference(bytes(), bytes()), -1);
  assert.equal(firstDifference(bytes(1, 2), bytes(1, 3)), 1);
  assert.equal(firstDifference(bytes(1), bytes(1, 0)), 1);
  assert.equal(firstDifference(bytes(1, 0), bytes(1)), 1);
});
