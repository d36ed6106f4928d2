/** Upper bounds of ‖W‖₂, ‖|W|‖₂ and the column norms of a matrix of constants. None rests on power iteration alone. */

import { addUp, divUp, gamma64, mulUp, powerOfTwoScale, sqrtUp, UNDERFLOW_64, up } from './rounding.ts';
import { gram, largestEigenvalueUpper } from './symmetric.ts';

/** A dense matrix, rows × cols, row-major, in float64 (float32 weights fit exactly). */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly values: Float64Array;
}

export function transpose(a: Matrix): Matrix {
  const values = new Float64Array(a.values.length);
  for (let i = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++) values[j * a.rows + i] = a.values[i * a.cols + j]!;
  return { rows: a.cols, cols: a.rows, values };
}

export function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}

/** Multiply-adds for all norms of a matrix: the Gram matrix, some factorisations and powers, and Lemma 6's rounds. */
export function normsCost(rows: number, cols: number): number {
  const small = Math.min(rows, cols);
  return small * small * (Math.max(rows, cols) / 2 + 2 * small + 200) + 60 * rows * cols;
}

/**
 * An upper bound of ‖W‖₂ = √λ_max(G), where G is the smaller of WWᵀ and WᵀW: ‖W‖₂² ≤ λ_max(Ĝ) + γ_n·‖W‖²_F, where n is
 * the length of the dot products in Ĝ (Lemmas 3 to 5).
 */
export function spectralNormUpper(matrix: Matrix): number {
  const magnitude = largestMagnitude(matrix.values);
  if (magnitude === 0) return 0;
  const scale = powerOfTwoScale(magnitude);
  const wide = matrix.rows <= matrix.cols ? matrix : transpose(matrix);
  const values = wide.values.map((w) => w * scale);
  const g = gram(values, wide.rows, wide.cols);
  let frobenius = 0;
  for (let i = 0; i < wide.rows; i++) frobenius += g[i * wide.rows + i]!;
  // Ĝ's diagonal is itself rounded: ‖W‖²_F ≤ Σ ĝᵢᵢ·(1 + γ_{cols+rows}) up to second order, which doubling covers.
  const gamma = gamma64(2 * (wide.cols + wide.rows));
  const rounding = addUp(mulUp(gamma, mulUp(frobenius, up(1 + gamma))), mulUp(values.length, UNDERFLOW_64));
  return divUp(sqrtUp(addUp(largestEigenvalueUpper(g, wide.rows), rounding)), scale);
}

/** Rounds of the iteration that improves the weights p of Lemma 6. */
const PERRON_ROUNDS = 30;

/**
 * An upper bound of ‖B‖₂ for the non-negative matrix B = |W|: for every p > 0,
 * ‖B‖₂² = ρ(BᵀB) ≤ maxⱼ (BᵀBp)ⱼ/pⱼ (Collatz and Wielandt; Lemma 6). Some rounds of p ← BᵀBp make it tight.
 */
export function absoluteNormUpper(matrix: Matrix): number {
  const { rows, cols } = matrix;
  const magnitude = largestMagnitude(matrix.values);
  if (magnitude === 0) return 0;
  const scale = powerOfTwoScale(magnitude);
  const b = matrix.values.map((w) => Math.abs(w) * scale);
  let p = new Float64Array(cols).fill(1);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < PERRON_ROUNDS; round++) {
    const image = new Float64Array(rows);
    for (let i = 0; i < rows; i++) {
      let s = 0;
      for (let j = 0; j < cols; j++) s += b[i * cols + j]! * p[j]!;
      image[i] = s;
    }
    const next = new Float64Array(cols);
    for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) next[j]! += b[i * cols + j]! * image[i]!;
    let ratio = 0;
    let largest = 0;
    for (let j = 0; j < cols; j++) {
      ratio = Math.max(ratio, divUp(addUp(next[j]!, (rows + cols) * UNDERFLOW_64), p[j]!));
      largest = Math.max(largest, next[j]!);
    }
    const bound = mulUp(ratio, up(1 + gamma64(rows + cols + 2)));
    const done = bound > best * (1 - 2 ** -12);
    best = Math.min(best, bound);
    if (done) break;
    // A floor keeps p positive if W has empty columns.
    p = next.map((value) => Math.max(value / largest, 2 ** -20));
  }
  return divUp(sqrtUp(best), scale);
}

/** An upper bound of maxⱼ ‖W·eⱼ‖₂, the largest column norm: ‖|W|·|v|‖₂ ≤ this·‖v‖₁ (Lemma 9). */
export function columnNormUpper(matrix: Matrix): number {
  const squares = new Float64Array(matrix.cols);
  const magnitude = largestMagnitude(matrix.values);
  if (magnitude === 0) return 0;
  const scale = powerOfTwoScale(magnitude);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.cols; j++) {
      const value = matrix.values[i * matrix.cols + j]! * scale;
      squares[j]! += value * value;
    }
  }
  const largest = mulUp(largestMagnitude(squares), up(1 + gamma64(matrix.rows + 2)));
  return divUp(sqrtUp(addUp(largest, matrix.rows * UNDERFLOW_64)), scale);
}

/** ‖v‖₂ of a list of constants, rounded up. */
export function vectorNormUpper(values: ArrayLike<number>): number {
  return columnNormUpper({ rows: values.length, cols: 1, values: Float64Array.from(values) });
}

/** ‖v‖₁ of a list of constants, rounded up. */
export function vectorSumUpper(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total = addUp(total, Math.abs(values[i]!));
  return total;
}
