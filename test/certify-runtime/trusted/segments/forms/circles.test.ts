/** Convs of circular views and of other Convs: exactly where they are one, and of no more than a limit. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composed } from '../../../../../src/certify-runtime/trusted/segments/compose.ts';
import type { Form, Kernel } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { geometryOf, matrixOf, picks, someKernel, times } from '../linear.ts';
import { circle, holds, product, someKernelOf } from './some.ts';

test('a Conv of a view is circular only if the view is a circle of the very size of what comes out', () => {
  const chance = new Chance(12);
  const square = { kernel: [2, 3], input: [3, 4] } as const;
  const plans: readonly (readonly [found: boolean, Parameters<typeof geometryOf>[0]])[] = [
    [true, square],
    [true, { ...square, dilation: [2, 1] }],
    [true, { ...square, groups: 2, inputChannels: 2, outputChannels: 4 }],
    ...[{ padBegin: [1, 0] }, { padBegin: [0, 1] }, { padEnd: [1, 0] }, { padEnd: [0, 1] }].map(
      (change) => [false, { ...square, ...change }] as never,
    ),
    ...[{ stride: [2, 1] }, { stride: [1, 2] }].map((change) => [false, { ...square, ...change }] as never),
    [false, { ...square, kernel: [1, 1], stride: [2, 1], input: [4, 2] }],
  ];
  for (const [found, plan] of plans) {
    const g = geometryOf(plan);
    const images = 2 * g.inputChannels;
    const size = images * product(g.output);
    for (let run = 0; run < 12; run++) {
      const b = someKernel(chance, 2, g);
      const begin = g.output.map((n) => chance.below(n));
      const first = circle(images, g.output, begin, g.input);
      const whole = composed(b, picks(first, size));
      assert.equal(whole !== null, found);
      if (whole !== null) holds(whole, times(matrixOf(b, first.length), matrixOf(picks(first, size), size)), size);
      // One place is another one, or zero; some are never read; the whole is circular already.
      const at = run === 0 ? 0 : chance.below(first.length);
      for (const other of [-1, (first[at]! + 1) % size, (first[at]! + size - 1) % size])
        if (other !== first[at]) assert.equal(composed(b, picks(first.with(at, other), size)), null);
      assert.equal(composed(b, picks(first, size + 1)), null);
      assert.equal(composed({ ...b, wraps: true }, picks(first, size)), null);
    }
  }
  // Zeros at the beginning, of an image of one row.
  const row = someKernel(chance, 1, geometryOf({ kernel: [1, 2], input: [1, 4] }));
  assert.equal(composed(row, picks([-1, 0, 1, 2], 3)), null);
  assert.notEqual(composed(row, picks([2, 0, 1, 2], 3)), null);
});

test('a Conv of a Conv: of the right size, and not of too large a size', () => {
  const chance = new Chance(13);
  const first = someKernel(chance, 1, geometryOf({ kernel: [2, 3], stride: [2, 1], input: [9, 9] }));
  const second = someKernel(
    chance,
    1,
    geometryOf({ kernel: [2, 1], dilation: [2, 1], stride: [1, 2], input: first.geometry.output }),
  );
  const whole = composed(second, first) as Kernel;
  assert.deepEqual([whole.geometry.kernel, whole.geometry.stride, whole.weights.length], [[6, 3], [2, 2], 18]);
  const outer = (outputs: number, inputs: number): Form | null =>
    composed(
      someKernelOf({ outputChannels: outputs, input: [1, 1] }),
      someKernelOf({ inputChannels: inputs, input: [1, 1] }),
    );
  assert.notEqual(outer(1024, 1024), null);
  assert.equal(outer(1024, 1025), null);
  // Many channels, of which each is read by a group of its own.
  const many = 2 ** 13;
  const wide = (taps: number): Form | null =>
    composed(
      someKernelOf({ inputChannels: many, outputChannels: many, groups: many, input: [1, 1] }),
      someKernelOf({ outputChannels: many, kernel: [1, taps], input: [1, taps] }),
    );
  assert.notEqual(wide(64), null);
  assert.equal(wide(65), null);
});
