/** The sum of two Convs, or of one and a scale, is that of their matrices, or none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { added } from '../../../../../src/certify-runtime/trusted/segments/add.ts';
import { type Kernel, ZERO } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { geometryOf, matrixOf, plus, someFactors, someGeometry, someKernel, spreadFactors } from '../linear.ts';
import { type Following, holds, kernelOf, seeds, sizeAfter, sizeBefore } from './some.ts';

/** Two maps between the same tensors. */
const SUMS: Readonly<Record<string, (chance: Chance) => Following>> = {
  'two Convs of one geometry': (chance) => {
    const a = kernelOf(chance);
    const b = someKernel(chance, a.rows, { ...a.geometry, kernel: [...a.geometry.kernel] });
    return { inputs: sizeBefore(a), a, b, found: true };
  },
  'two Convs that differ in one number': (chance) => {
    // Other paddings, dilations and strides, but the same numbers of inputs, outputs and weights.
    const change = {
      inputChannels: 2,
      outputChannels: 2,
      groups: 1,
      kernel: [2, 2],
      dilation: [1, 1],
      stride: [1, 1],
      padBegin: [1, 1],
      input: [3, 3],
      padEnd: [0, 0],
    } as const;
    const others: readonly Partial<Parameters<typeof geometryOf>[0]>[] = [
      { padBegin: [0, 1], padEnd: [1, 0] },
      { padBegin: [1, 0], padEnd: [0, 1] },
      { dilation: [2, 1], padEnd: [1, 0] },
      { dilation: [1, 2], padEnd: [0, 1] },
      { stride: [2, 1], padBegin: [2, 1], padEnd: [2, 0] },
      { stride: [1, 2], padBegin: [1, 2], padEnd: [0, 2] },
      { kernel: [1, 2], padBegin: [0, 1] },
      { kernel: [2, 1], padBegin: [1, 0] },
      { kernel: [4, 1], padBegin: [2, 0], padEnd: [1, 0] },
      { groups: 2 },
    ];
    const a = someKernel(chance, 1, geometryOf(change));
    const b = someKernel(chance, 1, geometryOf({ ...change, ...chance.pick(others) }));
    const [first, second] = chance.is(0.5) ? [a, b] : [b, a];
    return { inputs: 18, a: first, b: second, found: false };
  },
  'Convs of as many rows times channels': (chance) => {
    const of = (rows: number, inputChannels: number): Kernel =>
      someKernel(
        chance,
        rows,
        someGeometry(chance, inputChannels, [2, 3], {
          groups: 1,
          outputChannels: inputChannels,
          kernel: [1, 1],
          stride: [1, 1],
          padBegin: [0, 0],
          padEnd: [0, 0],
        }),
      );
    return { inputs: 12, a: of(1, 2), b: of(2, 1), found: false };
  },
  'Convs of as many places': (chance) => {
    const of = (input: readonly [number, number]): Kernel =>
      someKernel(
        chance,
        1,
        someGeometry(chance, 1, input, {
          groups: 1,
          outputChannels: 1,
          kernel: [1, 1],
          stride: [1, 1],
          padBegin: [0, 0],
          padEnd: [0, 0],
        }),
      );
    return {
      inputs: 12,
      a: of(
        chance.pick([
          [2, 6],
          [4, 3],
        ] as const),
      ),
      b: of(
        chance.pick([
          [3, 4],
          [6, 2],
        ] as const),
      ),
      found: false,
    };
  },
  'a circular Conv and one that is not': (chance) => {
    const g = geometryOf({
      inputChannels: 1,
      outputChannels: 1,
      groups: 1,
      kernel: [2, 3],
      stride: [1, 1],
      dilation: [1, 1],
      padBegin: [1, 1],
      padEnd: [0, 1],
      input: [3, 4],
    });
    const wraps = chance.is(0.5);
    return { inputs: 12, a: someKernel(chance, 1, g, wraps), b: someKernel(chance, 1, g, !wraps), found: false };
  },
  'a Conv and a scale of each channel': (chance) => {
    const groups = chance.pick([1, 2]);
    const dilation = [chance.between(1, 2), chance.between(1, 2)] as const;
    const kernel = [chance.between(1, 3), chance.between(1, 3)] as const;
    const at = [chance.below(kernel[0]), chance.below(kernel[1])] as const;
    const pad = ([0, 1] as const).map((x) => [at[x] * dilation[x], (kernel[x] - 1 - at[x]) * dilation[x]] as const);
    const wraps = chance.is(0.3) && dilation[0] === 1 && dilation[1] === 1;
    const g = geometryOf({
      ...{
        inputChannels: 2 * groups,
        outputChannels: 2 * groups,
        groups,
        kernel,
        stride: [1, 1],
        dilation,
        input: [3, 4],
      },
      ...{ padBegin: [pad[0]![0], pad[1]![0]], padEnd: [pad[0]![1], pad[1]![1]] },
    });
    const a = someKernel(chance, chance.between(1, 2), g, wraps);
    const inputs = sizeBefore(a);
    const b = chance.is(0.3)
      ? someFactors(chance, 1)
      : spreadFactors(chance, inputs, g.inputChannels, (e) => Math.floor(e / 12) % g.inputChannels);
    return chance.is(0.5) ? { inputs, a, b, found: true } : { inputs, a: b, b: a, found: true };
  },
  'a Conv without a tap at its own place, or of another size': (chance) => {
    const same = {
      inputChannels: 2,
      outputChannels: 2,
      groups: 1,
      kernel: [2, 2],
      stride: [1, 1],
      dilation: [1, 1],
      padBegin: [0, 0],
      padEnd: [1, 1],
      input: [4, 4],
    } as const;
    const others: readonly Partial<Parameters<typeof geometryOf>[0]>[] = [
      { padBegin: [2, 0], padEnd: [-1, 1] },
      { padBegin: [0, 2], padEnd: [1, -1] },
      { dilation: [2, 1], padBegin: [1, 0] },
      { dilation: [1, 2], padBegin: [0, 1] },
      { padBegin: [3, 0], padEnd: [-2, 1] },
      { padBegin: [0, 3], padEnd: [1, -2] },
      { stride: [2, 1], padEnd: [5, 1] },
      { stride: [1, 2], padEnd: [1, 5] },
      { inputChannels: 1, outputChannels: 4, stride: [2, 2], padEnd: [0, 0] },
      { inputChannels: 8, outputChannels: 2, padEnd: [5, 5] },
    ];
    const a = someKernel(chance, 1, geometryOf({ ...same, ...chance.pick(others) }));
    if (sizeBefore(a) !== sizeAfter(a))
      return { inputs: 32, a: someFactors(chance, 32), b: someFactors(chance, 1), found: true };
    return { inputs: sizeBefore(a), a, b: someFactors(chance, 1), found: false };
  },
};

for (const [name, make] of Object.entries(SUMS)) {
  test(`sum and difference: ${name}`, () => {
    fc.assert(
      fc.property(seeds, fc.boolean(), (seed, negative) => {
        const { inputs, a, b, found } = make(new Chance(seed));
        const sign = negative ? -1 : 1;
        const whole = added(a, b, sign);
        if (found !== undefined && sign === 1 && a !== ZERO) assert.equal(whole !== null, found);
        if (whole !== null) holds(whole, plus(matrixOf(a, inputs), matrixOf(b, inputs), sign), inputs);
      }),
      { numRuns: 40 },
    );
  });
}
