/** A lower bound of a matrix's largest singular value that is nearly it: ‖A·v‖/‖v‖ for a v found by squaring AᵀA. */

import type { Jacobian } from './jacobian.ts';

/** AᵀA is squared so often: v then is as after 2⁷ steps of power iteration. */
const SQUARINGS = 7;

export function spectralNormLower({ matrix, rows, cols }: Jacobian): number {
  let largest = 0;
  for (const entry of matrix) largest = Math.max(largest, Math.abs(entry));
  if (!(largest > 0)) return largest;
  if (largest === Number.POSITIVE_INFINITY) return largest;
  const a = matrix.map((entry) => entry / largest);
  let power = new Float64Array(cols * cols);
  for (let i = 0; i < cols; i++) {
    for (let j = i; j < cols; j++) {
      let sum = 0;
      for (let r = 0; r < rows; r++) sum += a[r * cols + i]! * a[r * cols + j]!;
      power[i * cols + j] = power[j * cols + i] = sum;
    }
  }
  for (let round = 0; round < SQUARINGS; round++) power = squared(power, cols);
  // The column with the largest diagonal entry has a part of the leading vector.
  let best = 0;
  for (let i = 1; i < cols; i++) if (power[i * cols + i]! > power[best * cols + best]!) best = i;
  const v = power.subarray(best * cols, (best + 1) * cols);
  let image = 0;
  let norm = 0;
  for (let c = 0; c < cols; c++) norm += v[c]! ** 2;
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let c = 0; c < cols; c++) sum += a[r * cols + c]! * v[c]!;
    image += sum * sum;
  }
  return largest * Math.sqrt(image / norm);
}

/** The square of a symmetric matrix, scaled to trace 1. */
function squared(a: Float64Array, n: number): Float64Array<ArrayBuffer> {
  const result = new Float64Array(n * n);
  let trace = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[i * n + k]! * a[j * n + k]!;
      result[i * n + j] = result[j * n + i] = sum;
      if (i === j) trace += sum;
    }
  }
  for (let i = 0; i < result.length; i++) result[i]! /= trace;
  return result;
}
