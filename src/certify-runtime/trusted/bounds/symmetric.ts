/** Upper bounds of the largest eigenvalue of a symmetric float64 matrix, proven by Gershgorin or by Cholesky. */

import { addUp, divUp, gamma64, mulUp, powerOfTwoScale, UNDERFLOW_64, up } from './rounding.ts';

/**
 * Ĝ = A·Aᵀ in float64. It is exactly symmetric, and its error is |Ĝ − AAᵀ|ᵢⱼ ≤ γ_cols·‖aᵢ‖‖aⱼ‖, so ‖Ĝ − AAᵀ‖₂ ≤
 * γ_cols·‖A‖²_F (Lemma 3). A is rows × cols, row-major.
 */
export function gram(a: Float64Array, rows: number, cols: number): Float64Array {
  const g = new Float64Array(rows * rows);
  addProduct(g, a, a, rows, cols, true);
  mirror(g, rows);
  return g;
}

/** G ← G + A·Bᵀ, or its lower triangle only. It takes rows in pairs, so that each value read feeds two products. */
export function addProduct(
  g: Float64Array,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  cols: number,
  lower = false,
): void {
  for (let i = 0; i < rows; i += 2) {
    const i0 = i * cols;
    const i1 = i + 1 < rows ? i0 + cols : i0;
    for (let j = 0; j < (lower ? i + 1 : rows); j += 2) {
      const j0 = j * cols;
      const j1 = j + 1 < rows ? j0 + cols : j0;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let k = 0; k < cols; k++) {
        const p = a[i0 + k]!;
        const q = a[i1 + k]!;
        const r = b[j0 + k]!;
        const s = b[j1 + k]!;
        s00 += p * r;
        s01 += p * s;
        s10 += q * r;
        s11 += q * s;
      }
      g[i * rows + j]! += s00;
      if (j1 !== j0) g[i * rows + j + 1]! += s01;
      if (i1 !== i0) g[(i + 1) * rows + j]! += s10;
      if (i1 !== i0 && j1 !== j0) g[(i + 1) * rows + j + 1]! += s11;
    }
  }
}

/** Copies the lower triangle to the upper one, which makes G exactly symmetric. */
export function mirror(g: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) g[j * n + i] = g[i * n + j]!;
}

/** maxᵢ Σⱼ|gᵢⱼ| ≥ ‖G‖₂ (Gershgorin), rounded up. */
export function gershgorin(g: Float64Array, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let j = 0; j < n; j++) row += Math.abs(g[i * n + j]!);
    largest = Math.max(largest, row);
  }
  return mulUp(largest, up(1 + gamma64(n)));
}

/**
 * Whether the float64 Cholesky factorisation of τI − G runs to its end; if so, then τI − G ⪰ −γ/(1−γ)·tr(τI − G)·I with
 * γ = γ_{n+3} (Lemma 4; Higham 2002, theorem 10.3; Rump 2006). `factor` is a work space of n × n numbers.
 */
function cholesky(g: Float64Array, n: number, tau: number, factor: Float64Array): boolean {
  for (let i = 0; i < n; i++) {
    const ri = i * n;
    for (let j = 0; j < i; j++) {
      const rj = j * n;
      let s0 = 0;
      let s1 = 0;
      let k = 0;
      for (; k + 1 < j; k += 2) {
        s0 += factor[ri + k]! * factor[rj + k]!;
        s1 += factor[ri + k + 1]! * factor[rj + k + 1]!;
      }
      if (k < j) s0 += factor[ri + k]! * factor[rj + k]!;
      factor[ri + j] = (-g[ri + j]! - (s0 + s1)) / factor[rj + j]!;
    }
    let s = 0;
    for (let k = 0; k < i; k++) s += factor[ri + k]! * factor[ri + k]!;
    const pivot = tau - g[ri + i]! - s;
    if (!(pivot > 0)) return false;
    factor[ri + i] = Math.sqrt(pivot);
  }
  return true;
}

/** Whether it is proven that λ_max(G) ≤ τ, for a matrix G of entries about 1. `factor` is a work space of n × n numbers. */
export function isAtMost(g: Float64Array, n: number, tau: number, factor: Float64Array): boolean {
  if (gershgorin(g, n) <= tau) return true;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += Math.abs(g[i * n + i]!);
  const slack = addUp(choleskySlack(n, tau, trace), mulUp(n * n, UNDERFLOW_64));
  const below = tau * (1 - 2 ** -52) - slack;
  return below > 0 && cholesky(g, n, below, factor);
}

/** What a factorisation of τI − G that succeeds leaves open: γ/(1 − γ)·tr(τI − G), with Σ|gᵢᵢ| as computed. */
function choleskySlack(n: number, tau: number, trace: number): number {
  const gamma = gamma64(n + 3);
  // tr(τI − G) ≤ nτ + Σ|gᵢᵢ|; the second γ covers the rounding of the sum itself.
  return mulUp(divUp(gamma, 1 - 2 * gamma), mulUp(addUp(mulUp(n, tau), trace), up(1 + gamma)));
}

/** How far above the estimate the proof is tried. The first margin that succeeds gives the bound. */
const MARGINS = [2 ** -24, 2 ** -16, 2 ** -12, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];

/** Estimates the largest eigenvalue from below and without proof; it is only the starting point of `cholesky`. */
export function estimate(g: Float64Array, n: number, vector: Float64Array, iterations: number): number {
  const image = new Float64Array(n);
  let value = 0;
  for (let iteration = 0; iteration < iterations; iteration++) {
    let square = 0;
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let j = 0; j < n; j++) s += g[i * n + j]! * vector[j]!;
      image[i] = s;
      square += s * s;
    }
    value = Math.sqrt(square);
    if (!(value > 0)) return 0;
    for (let i = 0; i < n; i++) vector[i] = image[i]! / value;
  }
  return value;
}

/** A starting vector that no structure of the matrix is likely to be orthogonal to. */
export function startVector(n: number): Float64Array {
  const vector = new Float64Array(n);
  let state = 1;
  let square = 0;
  for (let i = 0; i < n; i++) {
    state = (state * 48271) % 2147483647;
    vector[i] = state / 2147483647 + 0.1;
    square += vector[i]! * vector[i]!;
  }
  for (let i = 0; i < n; i++) vector[i] = vector[i]! / Math.sqrt(square);
  return vector;
}

/** The bisection ends when a τ that failed and one that succeeded are this close. */
const RESOLUTION = 2 ** -11;

/** Each bisection halves the distance; neighbours among MARGINS are at most 3 times apart. */
const MOST_STEPS = 16;

/** A τ from max(guess, least) up to `most`, close to the smallest for which the factorisation succeeds, or null. */
function provenShift(
  g: Float64Array,
  n: number,
  guess: number,
  least: number,
  most: number,
  factor: Float64Array,
): number | null {
  let failed = 0;
  for (const margin of MARGINS) {
    let tau = Math.max(guess * (1 + margin), least);
    if (tau >= most) return null;
    if (tau === failed) continue;
    if (!cholesky(g, n, tau, factor)) {
      failed = tau;
      continue;
    }
    for (let step = 0; step < MOST_STEPS && failed > 0 && tau - failed > RESOLUTION * tau; step++) {
      const middle = (failed + tau) / 2;
      if (cholesky(g, n, middle, factor)) tau = middle;
      else failed = middle;
    }
    return tau;
  }
  return null;
}

/**
 * An upper bound of λ_max(G) for a symmetric n × n matrix G: the smaller of Gershgorin's bound and a τ for which τI − G
 * is proven positive semidefinite up to rounding. `start` (optional) is a guess of the eigenvector and is improved in
 * place. A bound that is at most `atLeast` is small enough, and no better one is looked for.
 */
export function largestEigenvalueUpper(
  g: Float64Array,
  n: number,
  options: { start?: Float64Array; iterations?: number; atLeast?: number } = {},
): number {
  const rowSum = gershgorin(g, n);
  const atLeast = options.atLeast ?? 0;
  if (rowSum <= atLeast || rowSum === 0 || !Number.isFinite(rowSum)) return rowSum;
  const scale = powerOfTwoScale(rowSum);
  const scaled = g.map((value) => value * scale);
  const guess = estimate(scaled, n, options.start ?? startVector(n), options.iterations ?? 200);
  const factor = new Float64Array(n * n);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += Math.abs(scaled[i * n + i]!);
  const proven = provenShift(scaled, n, guess, atLeast * scale, rowSum * scale, factor);
  if (proven === null) return rowSum;
  const bound = addUp(addUp(proven, choleskySlack(n, proven, trace)), mulUp(n * n, UNDERFLOW_64));
  return Math.min(rowSum, divUp(bound, scale));
}
