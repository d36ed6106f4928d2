/** Steps entry by entry: what their forms say, and what they cost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  eachEntry,
  entryCount,
  reducedIndex,
  roundings,
  spreadIndex,
} from '../../../../src/certify-runtime/trusted/segments/entries.ts';
import { ownForm } from '../../../../src/certify-runtime/trusted/segments/forms.ts';
import type { Node } from '../../../../src/certify-runtime/trusted/segments/node.ts';
import type { Step } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { apart, geometryOf, matrix, matrixOf, type Rows, someGeometry, someKernel, turned } from './linear.ts';

type Linear = Exclude<Step, { kind: 'sum' | 'pointwise' }>;

const integers = (chance: Chance, n: number): number[] => Array.from({ length: n }, () => chance.between(-3, 3));

/** Steps of every kind, the number of elements before, and the matrix by its definition, where ownForm does not give it. */
function someSteps(chance: Chance): readonly (readonly [step: Linear, inputs: number])[] {
  const kernel = someKernel(chance, chance.between(1, 2), someGeometry(chance, chance.between(1, 4), [3, 4]));
  const { weights, geometry, rows, absolute } = kernel;
  const inputs = rows * geometry.inputChannels * 12;
  const conv = { kind: 'conv', weights: Float32Array.from(weights), geometry, rows, absolute } as const;
  const [outer, count, before, cols, behind] = [
    2,
    chance.between(1, 2),
    chance.between(1, 2),
    chance.between(1, 3),
    chance.between(1, 2),
  ];
  const height = chance.between(1, 3);
  const matrices = Array.from({ length: count }, () => matrix(height, cols, integers(chance, height * cols)));
  const product = { kind: 'matrix', matrices, before, after: behind, factor: 3, absolute: 1 } as const;
  const shape = [1, chance.between(1, 3), chance.between(2, 3), 2];
  const size = shape.reduce((a, b) => a * b, 1);
  const dims = chance.pick([
    [],
    [1],
    [2],
    [shape[2]!, 1],
    [shape[1]!, 1, 1],
    [1, shape[1]!, 1, 2],
    shape.slice(1),
    shape,
  ]);
  const factors = integers(
    chance,
    dims.reduce((a, b) => a * b, 1),
  );
  const axes = chance.pick([[1], [3], [2, 3], [1, 2, 3], [1, 3]]);
  return [
    [conv, inputs],
    [product, outer * count * before * cols * behind],
    [{ kind: 'scale', factors, dims, shape, absolute: 3 }, size],
    [{ kind: 'reduce', shape, axes, weight: 0.5, absolute: 1 }, size],
  ];
}

function entries(step: NonNullable<Node['step']>, inputs: number, outputs: number, part = 0): Rows {
  const found = Array.from({ length: outputs }, () => Array<number>(inputs).fill(0));
  let count = 0;
  eachEntry(step, part, inputs, (row, col, value) => {
    found[row]![col]! += value;
    count++;
  });
  assert.ok(count <= entryCount(step, inputs), `${step.kind}: ${count} entries`);
  return found;
}

test('the entries of a step are those of its form', () => {
  const chance = new Chance(1);
  for (let run = 0; run < 60; run++) {
    for (const [step, inputs] of someSteps(chance)) {
      const form = matrixOf(ownForm(step, inputs), inputs);
      assert.equal(apart(entries(step, inputs, form.length), form), 0, step.kind);
      // Roundings of a row and of a column: as many as there are entries.
      for (const m of [form, turned(form)])
        assert.ok(Math.max(...m.map((row) => row.filter((v) => v !== 0).length)) + 33 <= roundings(step));
    }
  }
});

test('reduced and spread indices', () => {
  assert.deepEqual([...reducedIndex([2, 3, 2], [1])], [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3]);
  assert.deepEqual([...reducedIndex([2, 2], [])], [0, 1, 2, 3]);
  assert.deepEqual([...reducedIndex([2, 2], [0, 1])], [0, 0, 0, 0]);
  assert.deepEqual([...spreadIndex([], [2, 2])], [0, 0, 0, 0]);
  assert.deepEqual([...spreadIndex([2], [2, 2])], [0, 1, 0, 1]);
  assert.deepEqual([...spreadIndex([2, 1], [2, 2])], [0, 0, 1, 1]);
  assert.deepEqual([...spreadIndex([1, 2, 1], [3, 2, 2])], [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
});

test('what a step costs, and how many roundings it has', () => {
  const g = geometryOf({
    ...{ inputChannels: 2, outputChannels: 4, groups: 2, kernel: [1, 3], stride: [1, 1], dilation: [1, 1] },
    ...{ padBegin: [0, 0], padEnd: [0, 0], input: [3, 7] },
  });
  const conv = { kind: 'conv', weights: new Float32Array(12), geometry: g, rows: 5, absolute: 1 } as const;
  assert.equal(entryCount(conv, 210), 5 * 15 * 12);
  assert.equal(roundings(conv), 12 + 64);
  const product = {
    kind: 'matrix',
    matrices: [matrix(2, 3, Array(6).fill(1))],
    before: 1,
    after: 1,
    factor: 1,
    absolute: 1,
  } as const;
  assert.equal(entryCount(product, 12), 24);
  assert.equal(roundings(product), 5 + 64);
  assert.equal(entryCount({ kind: 'sum', signs: [1, 1] }, 7), 7);
  assert.equal(roundings({ kind: 'sum', signs: [1, 1] }), 64);
  assert.equal(roundings({ kind: 'reduce', shape: [1, 4, 5], axes: [2], weight: 1, absolute: 1 }), 5 + 64);
  assert.equal(roundings({ kind: 'reduce', shape: [1, 4, 5], axes: [1, 2], weight: 1, absolute: 1 }), 20 + 64);
  // An element that is used five times.
  assert.ok(roundings({ kind: 'picks', first: Int32Array.of(0, 0, 0, 0, 0), absolute: Math.sqrt(5) }) >= 5 + 64);
});

test('a sum has the sign of each part', () => {
  const step = { kind: 'sum', signs: [1, -1] } as const;
  assert.deepEqual(entries(step, 1, 1, 0), [[1]]);
  assert.deepEqual(entries(step, 1, 1, 1), [[-1]]);
});
