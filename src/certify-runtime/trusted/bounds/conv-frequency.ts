/** Bounds sup_ω ‖Â(ω)‖₂² of a convolution on a grid of frequencies, with a proven remainder between them. Lemma 7. */

import type { GramKernel } from './conv-gram.ts';
import { LARGEST_ORDER, ROOT_ERROR, type RootsOfUnity, rootsOfUnity } from './roots-of-unity.ts';
import { addUp, divUp, down, gamma64, mulUp } from './rounding.ts';
import { largestEigenvalueUpper, startVector } from './symmetric.ts';

/** Points per degree of the trigonometric polynomial, best first: 1/cos(π/2d) = 1.005, 1.02, 1.08 for each axis. */
const DENSITIES = [16, 8, 4];

/** Grid sizes for the extent of a kernel: on each axis a power of two ≥ density·degree, or 1 if the degree is 0. */
function gridOf(extent: readonly [number, number], density: number): [number, number] {
  const order = (degree: number): number => {
    let n = 1;
    while (n < density * degree) n *= 2;
    return n;
  };
  return [order(extent[0] - 1), order(extent[1] - 1)];
}

/** What the calls for one frequency cost, however small the matrices. */
const FREQUENCY_OVERHEAD = 4000;

/** Multiply-adds for one frequency: two factorisations and some products of a real matrix of twice the size. */
export function frequencyCost(size: number, shifts: number): number {
  const m = 2 * size;
  return (m * m * m) / 3 + 8 * m * m + 4 * shifts * size * size + FREQUENCY_OVERHEAD;
}

/** The finest grid whose work is at most `allowed`, or null. */
export function chooseGrid(
  extent: readonly [number, number],
  size: number,
  allowed: number,
): { grid: [number, number]; cost: number } | null {
  const shifts = ((2 * extent[0] - 1) * (2 * extent[1] - 1) + 1) / 2;
  for (const density of DENSITIES) {
    const grid = gridOf(extent, density);
    const cost = ((grid[0] * grid[1]) / 2 + grid[1] + 1) * frequencyCost(size, shifts);
    // The remainder needs cos(π·degree/order), from a table of twice the order.
    if (2 * Math.max(...grid) <= LARGEST_ORDER && cost <= allowed) return { grid, cost };
  }
  return null;
}

/**
 * sup_ω λ_max(Ĝ(ω)) ≤ (max over the grid + errors)/∏ cos²(π(aᵢ−1)/(2Nᵢ)) (Riesz; Lemma 7b). Ĝ is Hermitian, so the real
 * symmetric [[P, −Q], [Q, P]] of twice the size has its eigenvalues. Ĝ(−ω) is its conjugate: half the grid is enough.
 */
export function frequencyBound(
  kernel: GramKernel,
  extent: readonly [number, number],
  grid: readonly [number, number],
  absoluteNorm: number,
): number {
  const [n1, n2] = grid;
  const roots1 = rootsOfUnity(n1);
  const roots2 = rootsOfUnity(n2);
  const size = 2 * kernel.size;
  const h = new Float64Array(size * size);
  const start = startVector(size);
  let largest = 0;
  for (let j1 = 0; j1 <= n1 / 2; j1++) {
    for (let j2 = 0; j2 < n2; j2++) {
      // On the two lines j1 = 0 and j1 = n1/2 (or N₁ = 1) half of the points are enough too: both ω and −ω lie on them.
      if ((2 * j1) % n1 === 0 && j2 > n2 / 2) continue;
      gramAt(h, kernel, [roots1, roots2], [j1, j2]);
      largest = Math.max(largest, largestEigenvalueUpper(h, size, { start, iterations: 6, atLeast: largest }));
    }
  }
  return divUp(addUp(largest, gramError(kernel, absoluteNorm)), remainder(extent, grid));
}

/** ‖computed Ĝ(ω) − exact Ĝ(ω)‖₂ at any frequency: the error of the kernel, and of the roots of unity. */
export function gramError(kernel: GramKernel, absoluteNorm: number): number {
  // |e^{iωσ} − computed| ≤ 4·ROOT_ERROR, plus one rounding per shift; both are multiplied by ‖Σ|G_σ|‖₂ ≤ ‖S‖₂².
  const roundings = addUp(4 * ROOT_ERROR, gamma64(8 * kernel.shifts.length));
  return addUp(kernel.error, mulUp(2 * roundings, mulUp(absoluteNorm, absoluteNorm)));
}

/** Writes Ĝ(ω) to h, as a real matrix of twice the size, at the roots j₁ and j₂. */
export function gramAt(
  h: Float64Array,
  kernel: GramKernel,
  [roots1, roots2]: readonly [RootsOfUnity, RootsOfUnity],
  [j1, j2]: readonly [number, number],
): void {
  const [n1, n2] = [roots1.cos.length, roots2.cos.length];
  h.fill(0);
  for (const { sigma, matrix } of kernel.shifts) {
    const k1 = (((sigma[0] * j1) % n1) + n1) % n1;
    const k2 = (((sigma[1] * j2) % n2) + n2) % n2;
    const c = roots1.cos[k1]! * roots2.cos[k2]! - roots1.sin[k1]! * roots2.sin[k2]!;
    const s = roots1.cos[k1]! * roots2.sin[k2]! + roots1.sin[k1]! * roots2.cos[k2]!;
    addShift(h, matrix, kernel.size, c, s, sigma[0] === 0 && sigma[1] === 0);
  }
  mirrorBlocks(h, kernel.size);
}

/** Adds G_σe^{iωσ} and its conjugate transpose: P = Re in the upper left block, Q = Im in the lower left one. */
function addShift(h: Float64Array, g: Float64Array, n: number, c: number, s: number, middle: boolean): void {
  const size = 2 * n;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const a = g[i * n + j]!;
      if (middle) {
        h[i * size + j]! += a;
        continue;
      }
      const b = g[j * n + i]!;
      h[i * size + j]! += c * (a + b);
      h[(n + i) * size + j]! += s * (a - b);
    }
  }
}

/** Fills [[P, −Q], [Q, P]] from P and Q. It is exactly symmetric, since a + b and −(a − b) round alike. */
function mirrorBlocks(h: Float64Array, n: number): void {
  const size = 2 * n;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      h[(n + i) * size + n + j] = h[i * size + j]!;
      h[i * size + n + j] = -h[(n + i) * size + j]!;
    }
  }
}

/** ∏ᵢ cos²(π·degreeᵢ/(2Nᵢ)), rounded down. */
function remainder(extent: readonly [number, number], grid: readonly [number, number]): number {
  let factor = 1;
  for (const axis of [0, 1] as const) {
    const degree = extent[axis] - 1;
    if (degree === 0) continue;
    // cos²(α/2) = (1 + cos α)/2 with α = π·degree/N, which is entry `degree` of the table of order 2N.
    const cosine = rootsOfUnity(2 * grid[axis]).cos[degree]! - ROOT_ERROR;
    factor = down(factor * down((1 + down(cosine)) / 2));
  }
  return factor;
}
