/** One Conv after another, or after a view, is the product of their matrices, or none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { composed } from '../../../../../src/certify-runtime/trusted/segments/compose.ts';
import type { Blocks } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { geometryOf, matrixOf, picks, someBlocks, someGeometry, someKernel, times } from '../linear.ts';
import { circle, elements, type Following, holds, kernelOf, type Layout, product, seeds, sizeBefore } from './some.ts';

const PRODUCTS: Readonly<Record<string, (chance: Chance) => Following>> = {
  'a Conv inside what another one gives': (chance) => {
    const rows = chance.between(1, 2);
    const input = [chance.between(3, 6), chance.between(3, 6)] as const;
    const first = someGeometry(chance, chance.between(1, 2), input, {
      groups: 1,
      outputChannels: chance.between(1, 4),
      dilation: [1, 1],
    });
    const second = someGeometry(chance, first.outputChannels, first.output, {
      padBegin: [0, 0],
      padEnd: [0, 0],
    });
    const a = someKernel(chance, rows, first);
    return { inputs: sizeBefore(a), a, b: someKernel(chance, rows, second), found: true };
  },
  'any Conv after any other': (chance) => {
    const a = kernelOf(chance);
    const { outputChannels, output } = a.geometry;
    return { inputs: sizeBefore(a), a, b: someKernel(chance, a.rows, someGeometry(chance, outputChannels, output)) };
  },
  'a Conv that may read beyond another one': (chance) => {
    const end = [chance.below(2), chance.below(2)] as const;
    const first = geometryOf({
      kernel: [2, 2],
      padBegin: [chance.below(2), 1],
      padEnd: [1, 0],
      input: [4, 4],
    });
    const change = { padBegin: [0, 0], padEnd: end, kernel: [1, 2], groups: 1 } as const;
    const a = someKernel(chance, 1, first);
    return { inputs: 16, a, b: someKernel(chance, 1, someGeometry(chance, 1, first.output, change)) };
  },
  'a Conv after one that is dilated, or in groups': (chance) => {
    const dilation = chance.pick([
      [1, 2],
      [2, 1],
      [1, 1],
    ] as const);
    const groups = dilation[0] * dilation[1] === 1 ? 2 : 1;
    const channels = { inputChannels: 2, outputChannels: 2, groups };
    const first = geometryOf({ ...channels, dilation, kernel: [2, 2], input: [4, 4] });
    const second = geometryOf({ inputChannels: 2, kernel: [1, 2], input: first.output });
    return { inputs: 32, a: someKernel(chance, 1, first), b: someKernel(chance, 1, second), found: false };
  },
  'a Conv after one of as many places': (chance) => {
    const first = geometryOf({
      input: chance.pick([
        [2, 6],
        [4, 3],
        [3, 4],
      ] as const),
    });
    const second = geometryOf({ kernel: [2, 2], input: [3, 4] });
    return { inputs: 12, a: someKernel(chance, 1, first), b: someKernel(chance, 1, second) };
  },
  'blocks of one axis after blocks of another': (chance) => {
    const layouts: readonly Layout[] = [
      ...[
        [1, 1, 1, 2, 4],
        [1, 1, 1, 4, 2],
        [1, 1, 2, 2, 2],
        [1, 2, 1, 2, 2],
        [1, 2, 2, 2, 1],
        [2, 1, 1, 2, 2],
      ],
      ...[
        [2, 2, 1, 2, 1],
        [1, 2, 1, 4, 1],
        [1, 1, 1, 8, 1],
        [2, 1, 1, 4, 1],
        [4, 2, 1, 1, 1],
        [1, 4, 1, 2, 1],
        [1, 4, 2, 1, 1],
        [2, 4, 1, 1, 1],
      ],
    ] as never;
    const of = (): Blocks => {
      const own = chance.pick(layouts);
      return someBlocks(chance, own, own[3]);
    };
    return { inputs: 8, a: of(), b: of() };
  },
  'a Conv after one of as many rows times places': (chance) => {
    const [before, behind] = chance.pick([
      [
        [3, 4],
        [3, 2],
      ],
      [
        [4, 3],
        [2, 3],
      ],
    ] as const);
    const [first, second] = [geometryOf({ input: before }), geometryOf({ kernel: [2, 2], input: behind })];
    return { inputs: 12, a: someKernel(chance, 1, first), b: someKernel(chance, 2, second) };
  },
  'a Conv after one of as many rows times channels': (chance) => {
    const a = someKernel(
      chance,
      2,
      someGeometry(chance, 1, [3, 3], {
        groups: 1,
        outputChannels: 1,
        padBegin: [0, 0],
        padEnd: [0, 0],
        dilation: [1, 1],
      }),
    );
    const b = someKernel(chance, 1, someGeometry(chance, 2, a.geometry.output, { padBegin: [0, 0], padEnd: [0, 0] }));
    return { inputs: sizeBefore(a), a, b, found: false };
  },
  'a circular Conv beside a plain one': (chance) => {
    const g = someGeometry(chance, 2, [3, 4], {
      groups: 1,
      outputChannels: 2,
      stride: [1, 1],
      dilation: [1, 1],
      kernel: [2, 2],
      padBegin: [1, 0],
      padEnd: [0, 1],
    });
    const one = { ...g, kernel: [1, 1] as const, padBegin: [0, 0] as const, output: g.input };
    const wraps = chance.is(0.5);
    const [a, b] = [someKernel(chance, 1, g, wraps), someKernel(chance, 1, one, !wraps)];
    return { inputs: sizeBefore(a), a, b, found: false };
  },
  'a Conv of a circle': (chance) => {
    const n = [chance.between(1, 4), chance.between(2, 4)];
    const kernel = [chance.between(1, 3), chance.between(1, 3)] as const;
    const dilation = [chance.between(1, 2), chance.between(1, 2)] as const;
    const input = ([0, 1] as const).map((x) => n[x]! + (kernel[x] - 1) * dilation[x]) as [number, number];
    const g = someGeometry(chance, chance.between(1, 2), input, {
      kernel,
      dilation,
      stride: [1, 1],
      padBegin: [0, 0],
      padEnd: [0, 0],
    });
    const b = someKernel(chance, chance.between(1, 2), g);
    const images = b.rows * g.inputChannels;
    const begin = n.map((size) => chance.below(size));
    const first = circle(images, n, begin, input);
    return { inputs: images * product(n), a: picks(first, images * product(n)), b, found: true };
  },
  'a Conv of what is no circle': (chance) => {
    const n = [chance.between(2, 3), chance.between(2, 3)];
    const [kernel, input] = [[2, 2] as const, [n[0]! + 1, n[1]! + 1] as const];
    const change = {
      kernel,
      dilation: [1, 1],
      stride: [1, 1],
      padBegin: [0, 0],
      padEnd: [0, 0],
      ...chance.pick([{}, { padEnd: [1, 0] }, { padBegin: [0, 1] }, { stride: [1, 2] }, { stride: [2, 1] }] as const),
    } as const;
    const b = someKernel(chance, 1, someGeometry(chance, chance.between(1, 2), input, change));
    const images = b.geometry.inputChannels;
    const inputs = images * product(n);
    const first = circle(
      images,
      n,
      n.map((size) => chance.below(size)),
      input,
    );
    const damaged = chance.below(first.length);
    if (chance.is(0.7)) first[damaged] = chance.is(0.5) ? -1 : (first[damaged]! + 1) % inputs;
    return { inputs, a: picks(first, inputs), b };
  },
  'other elements of a Conv': (chance) => {
    const b = kernelOf(chance);
    const inputs = chance.between(1, 9);
    return {
      inputs,
      a: picks(
        elements(sizeBefore(b)).map(() => chance.below(inputs + 1) - 1),
        inputs,
      ),
      b,
    };
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
