/** Draws from Binomial(n, p), with one uniform number and one tail per draw, whatever n is. */

import { InputError } from '../trusted/errors.ts';
import { binomialProbability, binomialTail, checkInteger } from './binomial-tail.ts';
import { normalQuantile } from './normal.ts';
import type { Random } from './random.ts';

/**
 * The least k with P(X ≤ k) ≥ U for a uniform U: X ~ Binomial(n, p) by inversion.
 *
 * Exact in distribution except for the 2⁻⁵³ grid of U and the error of the distribution function (TAIL_ERROR, 1e-9;
 * measured as 2e-13). The search starts at the Cornish–Fisher approximation of the quantile and walks by the ratio P(X
 * = k+1)/P(X = k), down and then up: measured, it takes at most 4 steps, or 50 if it starts at 0.
 *
 * @param n integer in 0 … MAX_DRAWS
 * @param q 1 − p, given separately so that a p near 1 keeps its digits
 * @throws InputError if n or p is out of range, or the generator's uniform is
 */
export function sampleBinomial(n: number, p: number, random: Random, q = 1 - p): number {
  checkInteger('n', n, 0);
  if (!(p >= 0 && p <= 1)) throw new InputError(`a probability must be in [0, 1], got ${p}`, { p });
  const u = random.uniform();
  if (!(u > 0 && u < 1)) throw new InputError(`a uniform number must be in (0, 1), got ${u}`, { u });
  return p <= q ? invert(n, p, q, u) : n - invert(n, q, p, u);
}

/** The least k with P(X ≤ k) ≥ u, for p ≤ ½. */
function invert(n: number, p: number, q: number, u: number): number {
  if (n === 0 || p === 0) return 0;
  let k = 0;
  if (n * p >= 10) {
    const z = normalQuantile(u);
    const guess = Math.floor(n * p + z * Math.sqrt(n * p * q) + ((z * z - 1) * (q - p)) / 6);
    k = Math.min(n, Math.max(0, guess));
  }
  let probability = binomialProbability(k, n, p, q);
  // P(X ≤ k) − u; for u near 1 it is computed as (1 − u) − P(X > k), which keeps its digits. X ≤ k means n − X ≥ n − k.
  let lead = u > 0.5 ? 1 - u - binomialTail(k + 1, n, p, q) : binomialTail(n - k, n, q, p) - u;
  while (k > 0 && lead >= probability) {
    lead -= probability;
    probability *= (k * q) / ((n - k + 1) * p);
    k--;
  }
  while (k < n && lead < 0 && (k < n * p || probability > 1e-18)) {
    probability *= ((n - k) * p) / ((k + 1) * q);
    lead += probability;
    k++;
  }
  return k;
}
