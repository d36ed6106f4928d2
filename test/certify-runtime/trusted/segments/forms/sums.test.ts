/** The sum of two forms is that of their matrices, or none; which must be found is said. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { added } from '../../../../../src/certify-runtime/trusted/segments/add.ts';
import { type Blocks, type Form, ZERO } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { geometryOf, matrixOf, picks, plus, someBlocks, someFactors, someKernel, spreadFactors } from '../linear.ts';
import {
  blockIndex,
  blocksOf,
  centring,
  type Following,
  holds,
  kernelOf,
  type Layout,
  layout,
  product,
  seeds,
  sizeAfter,
  sizeBefore,
} from './some.ts';

/** Two maps between the same tensors. */
const SUMS: Readonly<Record<string, (chance: Chance) => Following>> = {
  'two scales': (chance) => {
    const inputs = chance.between(2, 5);
    const of = () => someFactors(chance, chance.is(0.5) ? 1 : inputs);
    return { inputs, a: of(), b: of(), found: true };
  },
  'a Conv and any scale': (chance) => {
    const g = geometryOf({
      inputChannels: 2,
      outputChannels: 2,
      groups: 1,
      kernel: [1, 1],
      stride: [1, 1],
      dilation: [1, 1],
      padBegin: [0, 0],
      padEnd: [0, 0],
      input: [1, 2],
    });
    return { inputs: 4, a: someKernel(chance, 1, g), b: someFactors(chance, 4) };
  },
  'blocks of one layout': (chance) => {
    const { inputs, dims, blocks: a } = blocksOf(chance);
    return { inputs, a, b: someBlocks(chance, dims, a.matrices[0]!.rows), found: true };
  },
  'a scale, and a Conv that changes the shape': (chance) => {
    const g = geometryOf({ kernel: [1, 3], padEnd: [4, 0], input: [4, 4] });
    return { inputs: 16, a: someKernel(chance, 1, g), b: someFactors(chance, 1), found: false };
  },
  'blocks of other layouts': (chance) => {
    const dims: readonly Layout[] = [
      [1, 1, 1, 2, 4],
      [1, 1, 1, 4, 2],
      [1, 1, 2, 2, 2],
      [1, 2, 1, 2, 2],
      [1, 2, 2, 2, 1],
      [2, 1, 1, 2, 2],
      [2, 2, 1, 2, 1],
      [1, 2, 1, 4, 1],
      [1, 1, 1, 8, 1],
    ];
    const of = (): Blocks => {
      const own = chance.pick(dims);
      return someBlocks(chance, own, own[3]);
    };
    return { inputs: 8, a: of(), b: of() };
  },
  'one matrix for all, whatever is before': (chance) => ({
    ...{ inputs: 8, a: someBlocks(chance, [1, 1, 2, 2, 2], 2), b: someBlocks(chance, [2, 1, 1, 2, 2], 2), found: true },
  }),
  'blocks and a scale of each column': (chance) => {
    const dims = layout(chance);
    const a = someBlocks(chance, dims, dims[3]);
    const inputs = product(dims);
    const b = chance.is(0.3)
      ? someFactors(chance, 1)
      : spreadFactors(chance, inputs, dims[1] * dims[3], blockIndex(a, 'cols'));
    return chance.is(0.5) ? { inputs, a, b, found: true } : { inputs, a: b, b: a, found: true };
  },
  'blocks and any scale': (chance) => {
    const dims = layout(chance);
    return { inputs: product(dims), a: someBlocks(chance, dims, dims[3]), b: someFactors(chance, product(dims)) };
  },
  'centred, and one scale': (chance) => ({
    ...{ inputs: 4, a: centring([0, 1, 0, 1], 2, 1), b: someFactors(chance, 1), found: true },
  }),
  'centred, and any scale': (chance) => ({ inputs: 4, a: someFactors(chance, 4), b: centring([0, 1, 0, 1], 2, 1) }),
  'centred twice': (chance) => {
    const into = [0, 0, 1, 1];
    const a = centring(into, chance.between(1, 3), chance.between(-3, 3));
    const b = centring(into, chance.between(1, 3), chance.between(-3, 3)) as Extract<Form, { kind: 'centring' }>;
    return { inputs: 4, a, b: { ...b, into: (a as typeof b).into }, found: true };
  },
  'centred in other groups': (chance) => ({
    ...{ inputs: 4, a: centring([0, 0, 1, 1], 1, chance.between(1, 3)), b: centring([0, 1, 0, 1], 1, 2) },
  }),
  'a view and another': () => ({ inputs: 3, a: picks([0, 2, 1], 3), b: picks([1, 1, 0], 3) }),
  'a view and one scale': (chance) => ({ inputs: 3, a: picks([0, 2, 1], 3), b: someFactors(chance, 1) }),
  'a Conv and a product': (chance) => {
    const a = someKernel(
      chance,
      1,
      geometryOf({
        inputChannels: 2,
        outputChannels: 2,
        groups: 1,
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padBegin: [0, 0],
        padEnd: [0, 0],
        input: [1, 1],
      }),
    );
    const b = someBlocks(chance, [1, 1, 1, 2, 1], 2);
    return chance.is(0.5) ? { inputs: 2, a, b } : { inputs: 2, a: b, b: a };
  },
  'nothing, and something': (chance) => {
    const own = chance.pick([kernelOf(chance), picks([0, 2, 1], 3)]);
    const inputs = own.kind === 'picks' ? 3 : sizeBefore(own);
    if (own.kind === 'kernel' && sizeAfter(own) !== inputs)
      return { inputs: 2, a: ZERO, b: someFactors(chance, 2), found: true };
    return chance.is(0.5)
      ? { inputs, a: own, b: ZERO, found: true }
      : { inputs, a: ZERO, b: own, found: own.kind !== 'picks' };
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
