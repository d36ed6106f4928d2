/**
 * P(X = k) and P(X ≥ k) for X ~ Binomial(n, p), as products and sums of positive terms: no cancellation and a known
 * error.
 */

import { InputError } from '../trusted/errors.ts';

/** The largest n for which TAIL_ERROR is derived. */
export const MAX_DRAWS = 1e7;

/**
 * The relative error allowed for a tail summed upwards, for n ≤ MAX_DRAWS and tails ≥ SMALLEST_TAIL. It is over ten
 * times the derived 6e-11:
 *
 * P(X = k): it is at least the tail over its number of terms, so its exponent is above −702 = ln(1e-300 / 32 000). With
 * D = |k − np|, rounding np and nq moves the exponent by at most 3Du, and D ≤ √(2·702·n/4): 2e-11. Where k and np are
 * far apart the deviances are ≥ 0.018 k, so k ≤ 39 000 and the logarithm's own error is 1.5e-11. The sum: 6u for each
 * of at most 10√n + 50 terms, 2.2e-11.
 */
export const TAIL_ERROR = 1e-9;

/** The smallest tail for which TAIL_ERROR is derived. */
export const SMALLEST_TAIL = 1e-300;

/** @throws InputError unless it is an integer in least … most */
export function checkInteger(name: string, value: number, least: number, most = MAX_DRAWS): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new InputError(`${name} must be an integer in ${least} … ${most}, got ${value}`, { [name]: value });
  }
}

/** ln k! − ln(√(2πk)(k/e)^k) for k = 1 … 15. */
const STIRLING = [
  0.08106146679532726, 0.0413406959554093, 0.02767792568499834, 0.020790672103765093, 0.016644691189821193,
  0.013876128823070748, 0.01189670994589177, 0.010411265261972096, 0.009255462182712733, 0.00833056343336287,
  0.007573675487951841, 0.00694284010720953, 0.006408994188004207, 0.0059513701127588475, 0.005554733551962801,
];

/** δ(k) = ln k! − ln(√(2πk)(k/e)^k) for k ≥ 1, within 2e-16. */
function stirlingError(k: number): number {
  if (k <= 15) return STIRLING[k - 1]!;
  const t = 1 / (k * k);
  return (1 / 12 - t * (1 / 360 - t * (1 / 1260 - t * (1 / 1680 - t / 1188)))) / k;
}

/** k ln(k/M) + M − k ≥ 0, by its series in v = (k − M)/(k + M) if k and M are close. */
function deviance(k: number, M: number): number {
  const v = (k - M) / (k + M);
  if (Math.abs(v) >= 0.1) return k * Math.log(k / M) + M - k;
  let sum = (k - M) * v;
  let term = 2 * k * v;
  // v² < 0.01: the eleventh term is below 1e-20 of the sum.
  for (let j = 3; j < 25; j += 2) {
    term *= v * v;
    const next = sum + term / j;
    if (next === sum) return sum;
    sum = next;
  }
  return sum;
}

/** p^n from p and q = 1 − p. */
function power(p: number, q: number, n: number): number {
  return Math.exp(n * (q < 0.5 ? Math.log1p(-q) : Math.log(p)));
}

/**
 * P(X = k) = C(n, k) p^k q^(n−k), by Loader's saddle-point form; 0 outside 0 … n.
 *
 * Source: Loader, Fast and accurate computation of binomial probabilities (2000).
 *
 * @param q 1 − p, given separately so that a p near 1 keeps its digits
 */
export function binomialProbability(k: number, n: number, p: number, q = 1 - p): number {
  if (k < 0 || k > n) return 0;
  if (p <= 0) return k === 0 ? 1 : 0;
  if (q <= 0) return k === n ? 1 : 0;
  if (k === 0) return power(q, p, n);
  if (k === n) return power(p, q, n);
  const exponent =
    stirlingError(n) - stirlingError(k) - stirlingError(n - k) - deviance(k, n * p) - deviance(n - k, n * q);
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/**
 * P(X ≥ k) / P(X = k) = 1 + r₁ + r₁r₂ + …, r_i = (n−k−i+1)/(k+i) · p/q, for k ≥ np: all terms are positive and the
 * ratios fall. What is left out is at most 1e-16 of the sum, after at most m = 10√n + 50 terms: r_i ≤ 1 − (i−1)/nq ≤
 * exp(−(i−1)/n), so the m-th term is below exp(−m(m−1)/2n) < e⁻⁵⁰ and all terms after it together are below √n/9 times
 * that.
 */
function tailSeries(k: number, n: number, p: number, q: number): number {
  const odds = p / q;
  let term = 1;
  let sum = 1;
  const end = Math.min(n, k + 10 * Math.sqrt(n) + 50);
  for (let j = k; j < end; j++) {
    const ratio = ((n - j) / (j + 1)) * odds;
    term *= ratio;
    sum += term;
    if (ratio < 1 && term * ratio <= 1e-16 * (1 - ratio) * sum) break;
  }
  return sum;
}

/**
 * P(X ≥ k), X ~ Binomial(n, p): the regularised incomplete beta I_p(k, n − k + 1).
 * Relative error TAIL_ERROR for p ≤ k/n. For larger p it is 1 − P(X ≤ k − 1), and the error is TAIL_ERROR times that
 * probability, which is about ½ at most.
 *
 * @throws InputError if n is not an integer in 1 … MAX_DRAWS, k not an integer, or p not in [0, 1]
 */
export function binomialTail(k: number, n: number, p: number, q = 1 - p): number {
  checkInteger('n', n, 1);
  checkInteger('k', k, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  if (!(p >= 0 && p <= 1)) throw new InputError(`a probability must be in [0, 1], got ${p}`, { p });
  if (k <= 0) return 1;
  if (k > n) return 0;
  if (p === 0 || q === 0) return p === 0 ? 0 : 1;
  if (p <= k / n) return binomialProbability(k, n, p, q) * tailSeries(k, n, p, q);
  return 1 - binomialProbability(k - 1, n, p, q) * tailSeries(n - k + 1, n, q, p);
}
