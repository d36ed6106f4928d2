/** One form after another is the product of their matrices, or none; which must be found is said. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { composed } from '../../../../../src/certify-runtime/trusted/segments/compose.ts';
import { diagonal, type Form, IDENTITY, ZERO } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { matrixOf, measured, picks, someBlocks, someFactors, spreadFactors, sums, times } from '../linear.ts';
import {
  blockIndex,
  blocksOf,
  centring,
  elements,
  type Following,
  holds,
  kernelOf,
  type Layout,
  seeds,
  sizeAfter,
  sizeBefore,
} from './some.ts';

const PRODUCTS: Readonly<Record<string, (chance: Chance) => Following>> = {
  'two scales': (chance) => {
    const inputs = chance.between(2, 5);
    const of = () => someFactors(chance, chance.is(0.5) ? 1 : inputs);
    const [a, b] = [of(), of()];
    return { inputs, a, b, found: true };
  },
  'a scale of each channel, then a Conv': (chance) => {
    const b = kernelOf(chance);
    const { inputChannels, input } = b.geometry;
    const inputs = sizeBefore(b);
    const a = spreadFactors(
      chance,
      inputs,
      inputChannels,
      (e) => Math.floor(e / (input[0] * input[1])) % inputChannels,
    );
    return { inputs, a, b, found: true };
  },
  'one scale, then a Conv': (chance) => {
    const b = kernelOf(chance);
    return { inputs: sizeBefore(b), a: someFactors(chance, 1), b, found: true };
  },
  'any scale, then a Conv': (chance) => {
    const b = kernelOf(chance);
    return { inputs: sizeBefore(b), a: someFactors(chance, sizeBefore(b)), b };
  },
  'a Conv, then a scale of each channel': (chance) => {
    const a = kernelOf(chance);
    const { outputChannels, output } = a.geometry;
    const of = (e: number): number => Math.floor(e / (output[0] * output[1])) % outputChannels;
    return { inputs: sizeBefore(a), a, b: spreadFactors(chance, sizeAfter(a), outputChannels, of), found: true };
  },
  'a Conv, then one scale': (chance) => {
    const a = kernelOf(chance);
    return { inputs: sizeBefore(a), a, b: someFactors(chance, 1), found: true };
  },
  'a Conv, then any scale': (chance) => {
    const a = kernelOf(chance);
    return { inputs: sizeBefore(a), a, b: someFactors(chance, sizeAfter(a)) };
  },
  'a scale of each column, then blocks': (chance) => {
    const { inputs, blocks: b } = blocksOf(chance);
    const count = b.matrices.length * b.matrices[0]!.cols;
    return { inputs, a: spreadFactors(chance, inputs, count, blockIndex(b, 'cols')), b, found: true };
  },
  'any scale, then blocks': (chance) => {
    const { inputs, blocks: b } = blocksOf(chance);
    return { inputs, a: someFactors(chance, chance.is(0.3) ? 1 : inputs), b };
  },
  'blocks, then a scale of each row': (chance) => {
    const { inputs, blocks: a } = blocksOf(chance);
    const { rows, cols } = a.matrices[0]!;
    const outputs = (inputs / cols) * rows;
    return {
      inputs,
      a,
      b: spreadFactors(chance, outputs, a.matrices.length * rows, blockIndex(a, 'rows')),
      found: true,
    };
  },
  'blocks, then any scale': (chance) => {
    const { inputs, blocks: a } = blocksOf(chance);
    const { rows, cols } = a.matrices[0]!;
    return { inputs, a, b: someFactors(chance, chance.is(0.3) ? 1 : (inputs / cols) * rows) };
  },
  'blocks after blocks of the same axis': (chance) => {
    const { inputs, dims, blocks: a } = blocksOf(chance);
    const [outer, count, before, , after] = dims;
    const b = someBlocks(chance, [outer, count, before, a.matrices[0]!.rows, after], chance.between(1, 3));
    return { inputs, a, b, found: true };
  },
  'one matrix for all, whatever is before': (chance) => {
    const [outer, before, after, rows] = [2, 2, chance.between(1, 2), chance.between(1, 3)] as const;
    const a = someBlocks(chance, [outer, 1, before, 2, after], rows);
    return {
      inputs: outer * before * 2 * after,
      a,
      b: someBlocks(chance, [1, 1, outer * before, rows, after], 2),
      found: true,
    };
  },
  'blocks after blocks of another layout': (chance) => {
    const { inputs, blocks: a } = blocksOf(chance);
    const { rows, cols } = a.matrices[0]!;
    const outputs = (inputs / cols) * rows;
    const divisors = elements(outputs + 1).filter((d) => d > 0 && outputs % d === 0);
    const dims = [1, 1, 1, 1, 1];
    let left = outputs;
    for (let i = 1; i < 5; i++) {
      dims[i] = chance.pick(divisors.filter((d) => left % d === 0));
      left /= dims[i]!;
    }
    dims[0] = left;
    return { inputs, a, b: someBlocks(chance, dims as unknown as Layout, chance.between(1, 3)) };
  },
  'means, at every place of their group': (chance) => {
    const [groups, size] = [chance.between(1, 3), chance.between(1, 4)];
    const into = chance.order(groups * size).map((e) => e % groups);
    return { inputs: into.length, a: sums(into, groups, 1 / 3), b: picks(into, groups), found: true };
  },
  'sums, at other places, or of unequal groups': (chance) => {
    const groups = chance.between(1, 3);
    const into = [...elements(groups), ...elements(chance.between(0, 3)).map(() => chance.below(groups))];
    const places = chance.is(0.5)
      ? into
      : [...into, 0].slice(chance.below(2)).map((g) => (chance.is(0.8) ? g : chance.below(groups)));
    return { inputs: into.length, a: sums(into, groups, 1 / 3), b: picks(places, groups) };
  },
  'a sum of everything, then one scale': (chance) => ({
    ...{ inputs: 4, a: sums([0, 1, 1, 0], 2, 0.5), b: someFactors(chance, 1), found: true },
  }),
  'one scale, then a sum': (chance) => ({
    ...{ inputs: 4, a: someFactors(chance, 1), b: sums([0, 1, 1, 0], 2, 0.5), found: true },
  }),
  'any scale, then a sum': (chance) => ({ inputs: 4, a: someFactors(chance, 4), b: sums([0, 1, 1, 0], 2, 0.5) }),
  'a sum, then any scale': (chance) => ({ inputs: 4, a: sums([0, 1, 1, 0], 2, 0.5), b: someFactors(chance, 2) }),
  'one scale, then a view': (chance) => ({ inputs: 3, a: someFactors(chance, 1), b: picks([2, -1, 0, 0], 3) }),
  'centred, and one scale': (chance) => {
    const a = centring([0, 1, 1, 0], chance.between(1, 3), chance.between(-3, 3));
    const b = someFactors(chance, 1);
    return chance.is(0.5) ? { inputs: 4, a, b, found: true } : { inputs: 4, a: b, b: a, found: true };
  },
  'centred, and any scale': (chance) => {
    const a = centring([0, 1, 1, 0], chance.between(1, 3), chance.between(-3, 3));
    const b = someFactors(chance, 4);
    return chance.is(0.5) ? { inputs: 4, a, b } : { inputs: 4, a: b, b: a };
  },
  'nothing at all, or all of it': (chance) => {
    const own = kernelOf(chance);
    const [zero, one] = [chance.pick([ZERO, ZERO]), IDENTITY];
    const inputs = sizeBefore(own);
    if (chance.is(0.3)) return { inputs, a: zero, b: measured(IDENTITY, 1), found: true };
    return chance.is(0.5) ? { inputs, a: own, b: one, found: true } : { inputs, a: one, b: own, found: true };
  },
  'a scale by 1 of each element': (chance) => {
    const own = kernelOf(chance);
    const all = (n: number): Form => measured(diagonal(new Float64Array(n).fill(1)), n);
    if (chance.is(0.5)) return { inputs: sizeBefore(own), a: own, b: all(sizeAfter(own)), found: true };
    return { inputs: sizeBefore(own), a: all(sizeBefore(own)), b: own, found: true };
  },
};

for (const [name, make] of Object.entries(PRODUCTS)) {
  test(`product: ${name}`, () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { inputs, a, b, found } = make(new Chance(seed));
        const whole = composed(b, a);
        if (found !== undefined) assert.equal(whole !== null, found);
        if (whole === null) return;
        const first = matrixOf(a, inputs);
        holds(whole, times(matrixOf(b, first.length), first), inputs);
      }),
      { numRuns: 40 },
    );
  });
}
