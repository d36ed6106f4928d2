/** The Gram bound of ‖W‖₂ against singular values by Jacobi rotations: never below, and tight. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  absoluteNormUpper,
  columnNormUpper,
  type Matrix,
  spectralNormUpper,
  vectorNormUpper,
} from '../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import { cpuSeconds } from '../../support/command/cpu-time.ts';
import { Random } from '../../support/numbers/random.ts';
import { largestSingularValue } from '../../support/numbers/svd.ts';

/** The oracle's own rounding. */
const SVD_ERROR = 1e-13;

function matrix(rows: number, cols: number, values: ArrayLike<number>): Matrix {
  return { rows, cols, values: Float64Array.from(Float32Array.from(values)) };
}

function check(m: Matrix, tightness: number): void {
  const sigma = largestSingularValue(m.values, m.rows, m.cols);
  const bound = spectralNormUpper(m);
  assert.ok(bound >= sigma * (1 - SVD_ERROR), `${m.rows}×${m.cols}: ${bound} < ${sigma}`);
  assert.ok(bound <= sigma * tightness, `${m.rows}×${m.cols}: ${bound} > ${sigma}·${tightness}`);
  const absolute = m.values.map(Math.abs);
  const perron = largestSingularValue(absolute, m.rows, m.cols);
  const upper = absoluteNormUpper(m);
  assert.ok(upper >= perron * (1 - SVD_ERROR) && upper <= perron * 1.05, `|W|: ${upper} for ${perron}`);
  const column = Math.max(
    ...Array.from({ length: m.cols }, (_, j) =>
      Math.hypot(...Array.from({ length: m.rows }, (_, i) => m.values[i * m.cols + j]!)),
    ),
  );
  const columnUpper = columnNormUpper(m);
  assert.ok(columnUpper >= column * (1 - SVD_ERROR) && columnUpper <= column * (1 + 1e-12));
}

test('random matrices of every shape and scale: within 0.1 %', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 24 }),
      fc.constantFrom(1e-37, 1e-20, 1, 1e5, 1e30),
      fc.integer({ min: 1, max: 1e9 }),
      (rows, cols, scale, seed) => check(matrix(rows, cols, new Random(seed).normals(rows * cols, scale)), 1.001),
    ),
    { numRuns: 150 },
  );
});

test('orthogonal matrices: within 1e-4', () => {
  for (const [rows, cols] of [
    [32, 32],
    [16, 100],
    [100, 16],
    [64, 64],
  ] as const) {
    const random = new Random(rows * 7 + cols);
    const [m, n] = [Math.min(rows, cols), Math.max(rows, cols)];
    const values = random.orthonormalRows(m, n);
    const stored =
      rows <= cols
        ? values
        : Array.from({ length: rows * cols }, (_, i) => values[(i % cols) * n + Math.floor(i / cols)]!);
    check(matrix(rows, cols, stored), 1 + 1e-4);
  }
});

test('hard ones: rank one, repeated and close singular values, zeros, huge range, equal entries', () => {
  const random = new Random(5);
  const [u, v] = [random.normals(20), random.normals(30)];
  check(
    matrix(
      20,
      30,
      u.flatMap((a) => v.map((b) => a * b)),
    ),
    1.001,
  );
  check(matrix(3, 3, [1, 0, 0, 0, 1, 0, 0, 0, 0.999999]), 1.001);
  check(matrix(2, 2, [1, 1, 0, 1]), 1.001);
  check(matrix(2, 3, [1e-38, 0, 3, 2e-40, 1e-45, 1e-30]), 1.001);
  check(matrix(3, 2, [1e38, 1e-38, 1e20, 0, 0, 1]), 1.001);
  check(matrix(40, 40, Array(1600).fill(0.1)), 1.001);
  // Ill-conditioned (Hilbert), where a triangular factorisation has the least room.
  check(
    matrix(
      20,
      20,
      Array.from({ length: 400 }, (_, i) => 1 / (1 + (i % 20) + Math.floor(i / 20))),
    ),
    1.001,
  );
  assert.equal(spectralNormUpper(matrix(3, 4, Array(12).fill(0))), 0);
  assert.equal(absoluteNormUpper(matrix(3, 4, Array(12).fill(0))), 0);
  assert.ok(spectralNormUpper(matrix(1, 1, [2 ** -149])) >= 2 ** -149);
});

test('a bound, not an estimate: the power iteration’s slowest case', () => {
  // The start is almost orthogonal to the largest direction, and the second value is close.
  const n = 30;
  const diagonal = Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 - 1e-5 * (i / (n + 1)) : 0));
  diagonal[0] = 1.00001;
  check(matrix(n, n, diagonal), 1.001);
});

test('a 128 × 2352 layer takes well under a second', () => {
  const random = new Random(3);
  const m = matrix(128, 2352, random.normals(128 * 2352));
  assert.ok(cpuSeconds(() => spectralNormUpper(m)) < 1);
  assert.ok(cpuSeconds(() => absoluteNormUpper(m)) < 1);
});

test('vector norms are rounded up', () => {
  assert.ok(vectorNormUpper([3, 4]) >= 5 && vectorNormUpper([3, 4]) < 5 + 1e-13);
  assert.ok(vectorNormUpper([1e38, 1e38]) >= Math.SQRT2 * 1e38);
  assert.equal(vectorNormUpper([0, 0]), 0);
});
