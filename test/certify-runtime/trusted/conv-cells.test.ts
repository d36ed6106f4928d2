/** The supremum over all frequencies, against the values on a grid: never below, and at most 2⁻⁹ above (Lemma 7d). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsBound } from '../../../src/certify-runtime/trusted/bounds/conv-cells.ts';
import { absoluteSum, gramKernel } from '../../../src/certify-runtime/trusted/bounds/conv-gram.ts';
import { tapsOfGroup } from '../../../src/certify-runtime/trusted/bounds/conv-taps.ts';
import { absoluteNormUpper } from '../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
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
