/** Sums and matrices behind the norms: exact where all numbers are small integers, in every shape. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseGrid } from '../../../../src/certify-runtime/trusted/bounds/conv-frequency.ts';
import { absoluteSum, gramKernel } from '../../../../src/certify-runtime/trusted/bounds/conv-gram.ts';
import { convNorms } from '../../../../src/certify-runtime/trusted/bounds/conv-norm.ts';
import {
  adjointTaps,
  type ConvGeometry,
  denseMatrix,
  denseSize,
  type Taps,
  tapsOfGroup,
  tapsSize,
} from '../../../../src/certify-runtime/trusted/bounds/conv-taps.ts';
import {
  columnNormUpper,
  largestMagnitude,
  transpose,
  vectorNormUpper,
  vectorSumUpper,
} from '../../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import { rootsOfUnity } from '../../../../src/certify-runtime/trusted/bounds/roots-of-unity.ts';
import {
  gershgorin,
  gram,
  isAtMost,
  largestEigenvalueUpper,
} from '../../../../src/certify-runtime/trusted/bounds/symmetric.ts';
import { awkward } from './graphs.ts';
import { refusal, siteOf, walkOf } from './site.ts';

const integers = (n: number, seed: number): Float64Array => Float64Array.from(awkward(n, seed, 9), Math.round);

const SIZES = [1, 2, 3, 4, 5];

test('A·Aᵀ of every shape', () => {
  for (const rows of SIZES) {
    for (const cols of SIZES) {
      const a = integers(rows * cols, 10 * rows + cols);
      const exact = Array.from({ length: rows * rows }, (_, e) => {
        const [i, j] = [Math.floor(e / rows), e % rows];
        return Array.from({ length: cols }, (_, k) => a[i * cols + k]! * a[j * cols + k]!).reduce((s, v) => s + v, 0);
      });
      assert.deepEqual(
        [...gram(a, rows, cols)],
        exact.map((v) => v + 0),
        `${rows}×${cols}`,
      );
    }
  }
});

test('largest magnitudes, sums, norms of columns', () => {
  assert.equal(largestMagnitude([1, -3, 2]), 3);
  assert.equal(largestMagnitude([]), 0);
  assert.equal(vectorSumUpper([0, 0]), 0);
  const sum = vectorSumUpper([1, -2, 3]);
  assert.ok(sum > 6 && sum < 6 + 1e-14);
  assert.ok(vectorSumUpper([1, 2 ** -60]) > 1);
  const column = columnNormUpper({ rows: 2, cols: 3, values: Float64Array.of(1, 3, 2, 0, 4, 2) });
  assert.ok(column > 5 && column < 5 + 1e-14);
  assert.deepEqual(
    [...transpose({ rows: 2, cols: 3, values: Float64Array.of(1, 2, 3, 4, 5, 6) }).values],
    [1, 4, 2, 5, 3, 6],
  );
  assert.ok(vectorNormUpper([2 ** -149]) > 2 ** -149);
});

test('Gershgorin: the largest sum of magnitudes in a row', () => {
  const bound = gershgorin(Float64Array.of(1, -2, 0, -2, 3, 4, 0, 4, -1), 3);
  assert.ok(bound > 9 && bound < 9 + 1e-13);
});

test('a guess of the eigenvector that is none is left as it was', () => {
  const start = Float64Array.of(1, 1);
  const bound = largestEigenvalueUpper(Float64Array.of(1, -1, -1, 1), 2, { start });
  assert.ok(bound >= 2 && bound < 2 + 1e-13);
  assert.deepEqual([...start], [1, 1]);
});

test('λ ≤ τ is proven by row sums, or by a factorisation with room for its own rounding', () => {
  const proven = (tau: number, ...g: readonly number[]): boolean =>
    isAtMost(Float64Array.from(g), Math.sqrt(g.length), tau, new Float64Array(g.length));
  // 1 itself is no τ for which a factorisation succeeds; the row sum is enough to the last unit.
  const row = gershgorin(Float64Array.of(1, 0, 0, 1), 2);
  assert.deepEqual([proven(row, 1, 0, 0, 1), proven(1, 1, 0, 0, 1)], [true, false]);
  // (1 + √5)/2 is less than the row sum of 2.
  assert.deepEqual([proven(1.6181, 1, 1, 1, 0), proven(1.618, 1, 1, 1, 0)], [true, false]);
  // The rounding is in proportion to the magnitudes on the diagonal: 5.6e-16·1e8, whatever the sum of its entries.
  assert.deepEqual([proven(1 + 7e-8, 1, 0, 0, -1e8), proven(1 + 3e-8, 1, 0, 0, -1e8)], [true, false]);
  // What is lost to underflow is 2⁻¹⁰⁰⁰ for each of the n² entries.
  const tiny = [0, 0.1, 0.1, -8].map((v) => v * 2 ** -1000);
  assert.deepEqual([proven(4.01 * 2 ** -1000, ...tiny), proven(3.9 * 2 ** -1000, ...tiny)], [true, false]);
  // Of a negative matrix nothing is proven with less than that.
  assert.deepEqual([proven(1e-14, -1, 0, 0, -1), proven(1e-17, -1, 0, 0, -1)], [true, false]);
});

const geometry = (change: Partial<ConvGeometry> = {}): ConvGeometry => ({
  ...{ inputChannels: 2, outputChannels: 3, groups: 1, kernel: [2, 3], stride: [1, 1], dilation: [1, 1] },
  ...{ padBegin: [0, 1], input: [4, 5], output: [3, 4] },
  ...change,
});

function weightsOf({ outputChannels, inputChannels, groups, kernel }: ConvGeometry): Float32Array {
  return Float32Array.from(integers((outputChannels * inputChannels * kernel[0] * kernel[1]) / groups, 7));
}

/** Σ of squares of all entries: every weight in its place once, none lost. */
const squares = (values: ArrayLike<number>): number => Array.from(values).reduce((s, v) => s + v * v, 0);

test('taps: every weight once, strides as channels, dilations only where they matter', () => {
  for (const [change, size] of [
    [{}, [3, 2, 2, 3]],
    [{ stride: [2, 1] }, [3, 4, 1, 3]],
    [{ stride: [2, 3] }, [3, 12, 1, 1]],
    [{ stride: [1, 2] }, [3, 4, 2, 2]],
    [{ dilation: [3, 2] }, [3, 2, 2, 3]],
    [{ stride: [2, 2], dilation: [2, 3] }, [3, 4, 2, 4]],
    [{ inputChannels: 4, outputChannels: 6, groups: 2 }, [3, 2, 2, 3]],
  ] as const) {
    const shape = geometry(change as Partial<ConvGeometry>);
    const weights = weightsOf(shape);
    assert.deepEqual(tapsSize(shape), size);
    const groups = Array.from({ length: shape.groups }, (_, group) => tapsOfGroup(weights, shape, group));
    for (const taps of groups) {
      assert.deepEqual([taps.rows, taps.cols, ...taps.extent], size);
      assert.equal(taps.matrices.length, taps.extent[0] * taps.extent[1]);
      const adjoint = adjointTaps(taps);
      assert.deepEqual([adjoint.rows, adjoint.cols, adjoint.extent], [taps.cols, taps.rows, taps.extent]);
      taps.matrices.forEach((matrix, i) => {
        const { values } = transpose({ rows: taps.rows, cols: taps.cols, values: matrix });
        assert.deepEqual(adjoint.matrices[taps.matrices.length - 1 - i], values);
      });
    }
    const stored = groups.flatMap(({ matrices }) => matrices.map(squares)).reduce((a, b) => a + b, 0);
    assert.equal(stored, squares(weights));
  }
});

test('the matrix of a whole convolution: each output a row, padding left out', () => {
  for (const change of [
    {},
    { stride: [2, 1], output: [2, 4] },
    { dilation: [2, 1], output: [2, 4] },
    { inputChannels: 4, outputChannels: 6, groups: 2 },
    { padBegin: [1, 0], output: [5, 3] },
  ] as Partial<ConvGeometry>[]) {
    const shape = geometry(change);
    const weights = weightsOf(shape);
    const { inputChannels, outputChannels, groups, kernel, stride, dilation, padBegin, input, output } = shape;
    const [ins, outs] = [inputChannels / groups, outputChannels / groups];
    for (let group = 0; group < groups; group++) {
      const { rows, cols, values } = denseMatrix(weights, shape, group);
      assert.deepEqual({ rows, cols }, denseSize(shape));
      const exact = new Float64Array(rows * cols);
      // Weight by weight, wherever it meets a pixel.
      for (let o = 0; o < outs; o++)
        for (let c = 0; c < ins; c++)
          for (let t1 = 0; t1 < kernel[0]; t1++)
            for (let t2 = 0; t2 < kernel[1]; t2++) {
              const w = weights[(((group * outs + o) * ins + c) * kernel[0] + t1) * kernel[1] + t2]!;
              for (let p1 = 0; p1 < output[0]; p1++)
                for (let p2 = 0; p2 < output[1]; p2++) {
                  const q1 = p1 * stride[0] + t1 * dilation[0] - padBegin[0];
                  const q2 = p2 * stride[1] + t2 * dilation[1] - padBegin[1];
                  if (q1 < 0 || q1 >= input[0] || q2 < 0 || q2 >= input[1]) continue;
                  exact[((o * output[0] + p1) * output[1] + p2) * cols + (c * input[0] + q1) * input[1] + q2] = w;
                }
            }
      assert.deepEqual(values, exact);
    }
  }
});

/** Taps of integers. */
function tapsOf(extent: readonly [number, number], rows: number, cols: number): Taps {
  const matrices = Array.from({ length: extent[0] * extent[1] }, (_, i) => integers(rows * cols, 31 * i + rows));
  return { extent, rows, cols, matrices };
}

test('Gram kernels: Σ A·Aᵀ of every shift, and the sum of their magnitudes over both halves', () => {
  for (const extent of [
    [1, 1],
    [1, 3],
    [3, 1],
    [2, 2],
    [2, 3],
  ] as const) {
    for (const rows of SIZES) {
      const taps = tapsOf(extent, rows, 3);
      const { shifts, absolute, size } = gramKernel(taps, 0);
      assert.equal(size, rows);
      assert.equal(shifts.length, ((2 * extent[0] - 1) * (2 * extent[1] - 1) + 1) / 2);
      const total = new Float64Array(rows * rows);
      for (const { sigma, matrix } of shifts) {
        const exact = new Float64Array(rows * rows);
        for (let t1 = 0; t1 < extent[0]; t1++) {
          for (let t2 = 0; t2 < extent[1]; t2++) {
            const [u1, u2] = [t1 + sigma[0], t2 + sigma[1]];
            if (u1 < 0 || u1 >= extent[0] || u2 < 0 || u2 >= extent[1]) continue;
            const [a, b] = [taps.matrices[t1 * extent[1] + t2]!, taps.matrices[u1 * extent[1] + u2]!];
            for (let e = 0; e < rows * rows; e++)
              for (let k = 0; k < 3; k++) exact[e]! += a[Math.floor(e / rows) * 3 + k]! * b[(e % rows) * 3 + k]!;
          }
        }
        assert.deepEqual([...matrix], [...exact], `${extent}, ${sigma}`);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < rows; j++) {
            total[i * rows + j]! += Math.abs(exact[i * rows + j]!);
            if (sigma[0] !== 0 || sigma[1] !== 0) total[j * rows + i]! += Math.abs(exact[i * rows + j]!);
          }
        }
      }
      assert.deepEqual([...absolute], [...total]);
      const magnitudes = absoluteSum(taps);
      assert.equal(magnitudes.values.length, rows * 3);
      magnitudes.values.forEach((value, i) => {
        const exact = taps.matrices.reduce((s, matrix) => s + Math.abs(matrix[i]!), 0);
        assert.ok(value >= exact && value <= exact * (1 + 1e-13));
      });
    }
  }
});

test('grids: the finest that can be afforded, fine enough to divide by, none where there is none', () => {
  const grid = (extent: readonly [number, number], allowed: number): readonly number[] | null =>
    chooseGrid(extent, 2, allowed)?.grid ?? null;
  assert.deepEqual(grid([3, 3], 1e12), [32, 32]);
  assert.deepEqual(grid([2, 1], 1e12), [16, 1]);
  assert.deepEqual(grid([1, 4], 1e12), [1, 64]);
  const { cost } = chooseGrid([3, 3], 2, 1e12)!;
  assert.deepEqual(grid([3, 3], cost), [32, 32]);
  assert.deepEqual(grid([3, 3], cost - 1), [16, 16]);
  assert.equal(grid([3, 3], 0), null);
  // Roots of unity end at order 4096, and the remainder needs twice the order of the grid.
  assert.deepEqual(grid([1, 129], 1e15), [1, 2048]);
  assert.deepEqual(grid([1, 130], 1e15), [1, 2048]);
  assert.deepEqual(grid([129, 1], 1e15), [2048, 1]);
  assert.deepEqual(grid([1, 513], 1e15), [1, 2048]);
  assert.equal(grid([1, 514], 1e15), null);
  assert.equal(grid([514, 1], 1e15), null);
});

test('roots of unity: exact where they are, one table for each power of two', () => {
  assert.deepEqual(
    [rootsOfUnity(1).cos, rootsOfUnity(1).sin].map((t) => [...t]),
    [[1], [0]],
  );
  assert.deepEqual(
    [rootsOfUnity(2).cos, rootsOfUnity(2).sin].map((t) => [...t]),
    [
      [1, -1],
      [0, 0],
    ],
  );
  assert.deepEqual(
    [rootsOfUnity(4).cos, rootsOfUnity(4).sin].map((t) => [...t]),
    [
      [1, 0, -1, -0],
      [0, 1, 0, -1],
    ],
  );
});

test('a convolution of too many taps is refused before they exist', () => {
  const shape = geometry({ kernel: [1, 2], stride: [2, 2], dilation: [1, 2 ** 20] });
  refusal(
    () =>
      convNorms(siteOf('Conv', walkOf([])), new Float32Array(12), {
        ...shape,
        outputChannels: 300,
        inputChannels: 300,
      }),
    /limit of the verifier/,
  );
});
