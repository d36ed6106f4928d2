/** The supremum over all frequencies, against the values on a grid: never below, and at most 2⁻⁹ above (Lemma 7d). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsBound } from '../../../src/certify-runtime/trusted/bounds/conv-cells.ts';
import { frequencyCost } from '../../../src/certify-runtime/trusted/bounds/conv-frequency.ts';
import { absoluteSum, type GramKernel, gramKernel } from '../../../src/certify-runtime/trusted/bounds/conv-gram.ts';
import { tapsOfGroup } from '../../../src/certify-runtime/trusted/bounds/conv-taps.ts';
import { absoluteNormUpper } from '../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import { ROOT_ERROR, rootsOfUnity } from '../../../src/certify-runtime/trusted/bounds/roots-of-unity.ts';
import { down } from '../../../src/certify-runtime/trusted/bounds/rounding.ts';
import { gershgorin } from '../../../src/certify-runtime/trusted/bounds/symmetric.ts';
import { largestSingularValue } from '../../support/numbers/svd.ts';
import { Chance } from '../../support/reference/chance.ts';

type Pair = readonly [number, number];

function bound(weights: Float64Array, channels: number, kernel: Pair, work: number): number {
  const taps = tapsOfGroup(
    weights,
    {
      ...{ inputChannels: channels, outputChannels: channels, groups: 1, kernel },
      ...{ stride: [1, 1], dilation: [1, 1], padBegin: [0, 0], input: [32, 32], output: [32, 32] },
    } as Parameters<typeof tapsOfGroup>[1],
    0,
  );
  const absolute = absoluteNormUpper(absoluteSum(taps));
  return Math.sqrt(cellsBound(gramKernel(taps, absolute), kernel, absolute, work).bound);
}

/** The largest singular value of Σ W_t·e^{iω·t} on a grid, as a real matrix of twice the size. */
function onGrid(weights: Float64Array, c: number, [k1, k2]: Pair, points: number): number {
  let largest = 0;
  for (let j1 = 0; j1 < (k1 === 1 ? 1 : points); j1++) {
    for (let j2 = 0; j2 < (k2 === 1 ? 1 : points); j2++) {
      const matrix = new Float64Array(4 * c * c);
      for (let e = 0; e < weights.length; e++) {
        const [row, col, t] = [Math.floor(e / (c * k1 * k2)), Math.floor(e / (k1 * k2)) % c, e % (k1 * k2)];
        const angle = (2 * Math.PI * (j1 * Math.floor(t / k2) + j2 * (t % k2))) / points;
        const [re, im] = [weights[e]! * Math.cos(angle), weights[e]! * Math.sin(angle)];
        matrix[row * 2 * c + col]! += re;
        matrix[(c + row) * 2 * c + c + col]! += re;
        matrix[row * 2 * c + c + col]! -= im;
        matrix[(c + row) * 2 * c + col]! += im;
      }
      largest = Math.max(largest, largestSingularValue(matrix, 2 * c, 2 * c));
    }
  }
  return largest;
}

test('random kernels: above every value on a grid, and close to the largest', () => {
  const chance = new Chance(5);
  for (const [c, kernel] of [
    [1, [3, 3]],
    [2, [3, 3]],
    [3, [1, 4]],
    [2, [5, 1]],
    [3, [2, 3]],
    [4, [1, 1]],
  ] as const) {
    const weights = Float64Array.from({ length: c * c * kernel[0] * kernel[1] }, () => 0.3 * chance.normal());
    const proven = bound(weights, c, kernel, 1e10);
    const seen = onGrid(weights, c, kernel, 96);
    assert.ok(proven >= seen * (1 - 1e-12), `${proven} < ${seen}`);
    // Between the points of the grid the value may be larger by a factor of 1/cos(n·π/96)².
    assert.ok(proven <= (seen * 1.001) / Math.cos((4 * Math.PI) / 96) ** 2, `${proven} is far above ${seen}`);
  }
});

test('known suprema: at a frequency of the grid, between its points, and everywhere', () => {
  assert.ok(Math.abs(bound(Float64Array.of(1, -1), 1, [1, 2], 1e9) - 2) < 1e-3);
  // 1 + 2cos(ω) + i·0, and |1 + e^{iω} − e^{2iω}|², whose largest value 5 is at cos ω = 0.
  assert.ok(Math.abs(bound(Float64Array.of(1, 1, 1), 1, [1, 3], 1e9) - 3) < 1e-3);
  assert.ok(Math.abs(bound(Float64Array.of(1, 1, -1), 1, [1, 3], 1e9) - Math.sqrt(5)) < 1e-3);
  assert.ok(bound(Float64Array.of(0, 1, 0, 0), 1, [2, 2], 1e9) < 1.001);
});

test('too little work gives no bound instead of a false one', () => {
  const weights = Float64Array.from({ length: 36 }, (_, i) => Math.sin(i));
  assert.equal(bound(weights, 2, [3, 3], 1e4), Number.POSITIVE_INFINITY);
});

/** The kernel of one tap among `extent`: Ĝ is 1 at every frequency. All shifts but the first are zero. */
function flat([k1, k2]: Pair, error = 0): GramKernel {
  const shifts = Array.from({ length: k1 }, (_, s1) =>
    Array.from({ length: s1 === 0 ? k2 : 2 * k2 - 1 }, (_, i): Pair => [s1, s1 === 0 ? i : i + 1 - k2]),
  ).flat();
  const matrixOf = (_: Pair, i: number) => Float64Array.of(i === 0 ? 1 : 0);
  return {
    ...{ size: 1, absolute: Float64Array.of(1), error },
    shifts: shifts.map((sigma, i) => ({ sigma, matrix: matrixOf(sigma, i) })),
  };
}

/** What `cellsBound` does with the work for `most` frequencies, and how many it looked at. All errors are the kernel's. */
function withTests(kernel: GramKernel, extent: Pair, most: number): { readonly bound: number; readonly used: number } {
  const each = frequencyCost(kernel.size, kernel.shifts.length) / 2;
  const { bound, work } = cellsBound(kernel, extent, 0, (most + 0.5) * each);
  return { bound, used: Math.round(work / each) };
}

test('a flat kernel: both slacks, each with half of the frequencies that are left, to the last one', () => {
  // The 12 cells and 3·64 points of the estimate, and at least 12 cells more.
  assert.deepEqual(withTests(flat([2, 2]), [2, 2], 215), { bound: Number.POSITIVE_INFINITY, used: 0 });
  assert.deepEqual(withTests(flat([2, 2]), [2, 2], 216), { bound: Number.POSITIVE_INFINITY, used: 214 });
  // A slack of 2⁻¹² needs 6 divisions, 12·(1 + 4 + … + 4⁶) = 65532 cells; one of 2⁻⁹ needs 5 and 16380 cells.
  for (const [most, slack, used] of [
    [204 + 2 * 65532, 2 ** -12, 204 + 65532],
    [204 + 2 * 65532 - 1, 2 ** -9, 204 + 65532 + 16380],
    [204 + 2 * 32760 + 1, 2 ** -9, 204 + 32761 + 16380],
    [204 + 2 * 32760, Number.POSITIVE_INFINITY, 204 + 32761 + 16380],
  ] as const) {
    const found = withTests(flat([2, 2]), [2, 2], most);
    assert.equal(found.used, used, `of ${most}`);
    assert.ok(slack === found.bound || Math.abs(found.bound - 1 - slack) < 1e-15, `${found.bound}`);
  }
});

test('a cell is ruled out to the last unit: nothing of the cosine’s, the product’s and the kernel’s error is left out', () => {
  const { cos } = rootsOfUnity(4096);
  const limit = gershgorin(Float64Array.of(1, 0, 0, 1), 2);
  for (const division of [4, 5, 6]) {
    const cosine = down(cos[512 / 2 ** division]! - ROOT_ERROR);
    const part = down((1 + cosine) / 2);
    // With an error of this size τ·cos² − error is 1, so that a cell of this division is just ruled out, or just not.
    const middle = ((1 + 2 ** -12) * part - 1) / (1 - part);
    const found = new Set<boolean>();
    for (let i = -150; i <= 150; i++) {
      const error = middle + (i * 2 ** -54) / (1 - part);
      const { bound, used } = withTests(flat([1, 2], error), [1, 2], 1e6);
      assert.ok(Math.abs(bound - (1 + 2 ** -12 + error)) < 1e-14);
      const isRuledOut = limit <= down(down(bound * part) - error);
      found.add(isRuledOut);
      assert.equal(used, 4 + 192 + 4 * (2 ** (division + (isRuledOut ? 1 : 2)) - 1), `${division}, ${i}`);
    }
    assert.equal(found.size, 2);
  }
});

test('cells are divided down to one frequency on each axis, and degrees beyond the table have no cells', () => {
  // No cos² but that of 0 is large enough for such an error: 10 divisions of one cell for each slack, from 512 to 1.
  assert.deepEqual(withTests(flat([1, 2], 1e4), [1, 2], 1e6), { bound: Number.POSITIVE_INFINITY, used: 196 + 2 * 10 });
  // With less, a division of the last cells of two frequencies is enough: each of the four has 2¹⁰ − 1 parts.
  for (const extent of [[1, 2] as const, [2, 1] as const]) {
    const beginning = extent[0] === 1 ? 4 : 3;
    assert.equal(withTests(flat(extent, 300), extent, 1e5).used, beginning + 192 + beginning * 1023);
  }
  // An axis that cannot be divided stays as wide as it is: after 10 divisions 2·1 + 1·1 frequencies are too many.
  for (const [extent, cells] of [
    [[3, 2], 20],
    [[2, 3], 24],
  ] as const) {
    const rest = Math.floor((1e4 - cells - 192 - 10) / 2) + 1;
    const used = cells + 192 + 10 + rest;
    assert.deepEqual(withTests(flat(extent, 70), extent, 1e4), { bound: Number.POSITIVE_INFINITY, used });
  }
  // 4·128 cells are an eighth of the table; for a degree of 129 there would be twice as many.
  for (const [long, tested] of [
    [129, true],
    [130, false],
  ] as const) {
    for (const extent of [[1, long] as const, [long, 1] as const]) {
      const { bound, used } = withTests(flat(extent), extent, 2 * 1024 + 192);
      assert.deepEqual([bound, used > 0], [Number.POSITIVE_INFINITY, tested]);
    }
  }
});

test('the estimate climbs to single frequencies of the table, on either axis', () => {
  const { cos } = rootsOfUnity(4096);
  for (const j of [1025, 1023, 1026, 1011]) {
    // Ĝ = 2 + 4c·cos ω − cos 2ω is largest where cos ω = c: 3 + 2c².
    const c = cos[j]!;
    for (const sigma of [(s: number): Pair => [0, s], (s: number): Pair => [s, 0]]) {
      const shifts = [2, 2 * c, -0.5].map((g, s) => ({ sigma: sigma(s), matrix: Float64Array.of(g) }));
      const extent: Pair = [1 + sigma(2)[0], 1 + sigma(2)[1]];
      const { bound } = withTests({ ...flat([1, 1]), shifts }, extent, 1e6);
      assert.ok(Math.abs(bound / (1 + 2 ** -12) - 3 - 2 * c * c) < 1e-12, `${j}: ${bound}`);
    }
  }
});
