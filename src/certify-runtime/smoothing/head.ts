/** The linear head under Gaussian noise on the latent: its logits, and the part of W that the noise can reach. */

import type { LinearHead } from '../trusted/bounds/bound.ts';
import { InputError } from '../trusted/errors.ts';

/** @throws InputError if the head has fewer than two classes, or weights or logits do not have its size */
export function checkHead(head: LinearHead, logits: ArrayLike<number>): void {
  const { classes, latentSize, weights } = head;
  if (classes < 2 || logits.length !== classes || weights.length !== classes * latentSize) {
    throw new InputError(
      `expected two classes or more, a logit for each and ${latentSize} weights for each; got a head of ${classes} ` +
        `classes, ${logits.length} logits and ${weights.length} weights`,
      { classes, latentSize, logits: logits.length, weights: weights.length },
    );
  }
}

/**
 * y = Wz + b in float64, and a bound of |computed − exact| for every logit:
 * (d + 2) 2⁻⁵² max_j (Σ_i |W_ji z_i| + |b_j|), twice the classical γ_{d+1} bound.
 *
 * @param latent z as the deployed encoder gives it, length d
 * @throws InputError if the length is not d or something is not finite
 */
export function headLogits(head: LinearHead, latent: ArrayLike<number>): { logits: Float64Array; error: number } {
  const { classes, latentSize: d, weights, bias } = head;
  if (latent.length !== d) {
    throw new InputError(`the head takes ${d} latents, got ${latent.length}`, { expected: d, found: latent.length });
  }
  const logits = new Float64Array(classes);
  let largest = 0;
  for (let j = 0; j < classes; j++) {
    let sum = bias[j]!;
    let size = Math.abs(sum);
    for (let i = 0; i < d; i++) {
      const product = weights[j * d + i]! * latent[i]!;
      sum += product;
      size += Math.abs(product);
    }
    if (!Number.isFinite(size)) throw new InputError(`logit ${j} is not finite`, { logit: j });
    logits[j] = sum;
    largest = Math.max(largest, size);
  }
  return { logits, error: (d + 2) * 2 ** -52 * largest };
}

/** D, (K × d): rows w_j − w_reference; the row of the reference is 0. */
export function rowDifferences(head: LinearHead, reference: number): Float64Array {
  const { classes, latentSize: d, weights } = head;
  const D = new Float64Array(classes * d);
  for (let j = 0; j < classes; j++) {
    for (let i = 0; i < d; i++) D[j * d + i] = weights[j * d + i]! - weights[reference * d + i]!;
  }
  return D;
}

/** ‖row j‖₂ for every row of a matrix of `rows` × `columns`. */
export function rowNorms(matrix: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, j) => {
    let sum = 0;
    for (let i = j * columns; i < (j + 1) * columns; i++) sum += matrix[i]! ** 2;
    return Math.sqrt(sum);
  });
}

/**
 * A, lower triangular (rows × rows), with A Aᵀ = D Dᵀ: then Aξ, ξ ~ N(0, I), is distributed as Dη, η ~ N(0, I).
 *
 * A is the triangular factor of D = AQᵀ by modified Gram–Schmidt. It is exact for rows changed by a few u of their
 * norm, for any rank (Björck & Paige 1992); Cholesky of DDᵀ would lose half the digits and break down on equal rows.
 */
export function triangularFactor(D: Float64Array, rows: number, columns: number): Float64Array {
  const A = new Float64Array(rows * rows);
  const Q = Float64Array.from(D);
  for (let j = 0; j < rows; j++) {
    const v = Q.subarray(j * columns, (j + 1) * columns);
    for (let i = 0; i < j; i++) {
      const q = Q.subarray(i * columns, (i + 1) * columns);
      let dot = 0;
      for (let t = 0; t < columns; t++) dot += q[t]! * v[t]!;
      for (let t = 0; t < columns; t++) v[t]! -= dot * q[t]!;
      A[j * rows + i] = dot;
    }
    const norm = rowNorms(v as Float64Array, 1, columns)[0]!;
    A[j * rows + j] = norm;
    if (norm > 0) for (let t = 0; t < columns; t++) v[t]! /= norm;
  }
  return A;
}
