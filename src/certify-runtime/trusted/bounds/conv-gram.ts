/** The Gram kernel of a convolution, and the bound of its norm that is tight for an orthogonal kernel. Lemma 7. */

import type { Taps } from './conv-taps.ts';
import { absoluteNormUpper, type Matrix } from './matrix-norm.ts';
import { addUp, gamma64, mulUp, UNDERFLOW_64, up } from './rounding.ts';
import { addProduct, gershgorin, mirror } from './symmetric.ts';

/** G_σ = Σ_τ A_τ·A_{τ+σ}ᵀ for σ = 0 and the positive half of the shifts (the others are transposes). */
export interface GramKernel {
  readonly size: number;
  readonly shifts: readonly { readonly sigma: readonly [number, number]; readonly matrix: Float64Array }[];
  /** Σ_σ|G_σ| over all shifts, entry by entry; |Ĝ(ω)| is at most this. */
  readonly absolute: Float64Array;
  /** Bounds ‖computed Ĝ(ω) − exact Ĝ(ω)‖₂ for every ω. */
  readonly error: number;
}

/** The number of multiply-adds of `gramKernel`. */
export function gramKernelCost({ extent, rows, cols }: Taps): number {
  const taps = extent[0] * extent[1];
  return ((taps * (taps + 1)) / 2) * rows * rows * cols;
}

/** S = Σ_τ|A_τ|, the kernel of |A| at frequency 0, with entries rounded up. */
export function absoluteSum(taps: Taps): Matrix {
  const values = new Float64Array(taps.rows * taps.cols);
  for (const matrix of taps.matrices) for (let i = 0; i < values.length; i++) values[i]! += Math.abs(matrix[i]!);
  const outward = up(1 + gamma64(taps.matrices.length));
  return { rows: taps.rows, cols: taps.cols, values: values.map((value) => mulUp(value, outward)) };
}

/** The Gram kernel of `taps`, whose entries are scaled to about 1; `absoluteNorm` ≥ ‖S‖₂. */
export function gramKernel(taps: Taps, absoluteNorm: number): GramKernel {
  const { rows, cols, extent } = taps;
  const absolute = new Float64Array(rows * rows);
  const shifts: { sigma: readonly [number, number]; matrix: Float64Array }[] = [];
  for (let s1 = 0; s1 < extent[0]; s1++) {
    for (let s2 = s1 === 0 ? 0 : 1 - extent[1]; s2 < extent[1]; s2++) {
      const middle = s1 === 0 && s2 === 0;
      const matrix = new Float64Array(rows * rows);
      for (let t1 = 0; t1 + s1 < extent[0]; t1++) {
        for (let t2 = Math.max(0, -s2); t2 < extent[1] && t2 + s2 < extent[1]; t2++) {
          const left = taps.matrices[t1 * extent[1] + t2]!;
          const right = taps.matrices[(t1 + s1) * extent[1] + t2 + s2]!;
          addProduct(matrix, left, right, rows, cols, middle);
        }
      }
      if (middle) mirror(matrix, rows);
      addAbsolute(absolute, matrix, rows, !middle);
      shifts.push({ sigma: [s1, s2], matrix });
    }
  }
  const terms = cols * taps.matrices.length;
  const error = addUp(mulUp(gamma64(terms), mulUp(absoluteNorm, absoluteNorm)), mulUp(terms * rows, UNDERFLOW_64));
  return { size: rows, shifts, absolute, error };
}

function addAbsolute(absolute: Float64Array, matrix: Float64Array, rows: number, both: boolean): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++) {
      absolute[i * rows + j]! += Math.abs(matrix[i * rows + j]!);
      if (both) absolute[j * rows + i]! += Math.abs(matrix[i * rows + j]!);
    }
  }
}

/** sup_ω ‖Â(ω)‖₂² ≤ ‖Σ_σ|G_σ|‖₂ + error: 1 + what the residual weighs for an orthogonal kernel (G_σ ≈ δ_σ·I). */
export function gramKernelBound({ absolute, size, shifts, error }: GramKernel): number {
  const norm = Math.min(gershgorin(absolute, size), absoluteNormUpper({ rows: size, cols: size, values: absolute }));
  return addUp(mulUp(norm, up(1 + gamma64(2 * shifts.length))), error);
}
