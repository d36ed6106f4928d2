/** The Clopper–Pearson lower confidence bound of a probability, rounded to the safe side. */

import { InputError } from '../errors.ts';
import { binomialProbability, MAX_DRAWS, TAIL_ERROR, tailSeries } from './binomial-tail.ts';

/** Smallest α: below it the tails leave the range where TAIL_ERROR is derived. */
const ALPHA_MIN = 1e-200;

/**
 * ln T is aimed this far below ln α and met within half of it, which leaves more than TAIL_ERROR between them.
 * The next float to p may be 2⁻⁵³·MAX_DRAWS = 1.1e-9 away in ln T, so that half is always met.
 */
const AIM = 10 * TAIL_ERROR;

/**
 * p with T(p) = P(Bin(n, p) ≥ k) ≤ α: whatever the true p*, P(p(k) > p*) ≤ α.
 *
 * The p given is below the exact root by no more than 2e-8 of itself (α ≤ ½), never above it: p is accepted only if the
 * computed T(p), raised by its error bound, is ≤ α. 0 for k = 0; α^(1/n) less a hair for k = n.
 * Newton on ln T against ln p: k/p · P(X = k) is T's derivative and ln T is concave in ln p, so from the second
 * iterate on the root is approached from below.
 *
 * @param successes k, integer in 0 … n
 * @param n integer in 1 … MAX_DRAWS
 * @param alpha in [1e-200, 1)
 * @throws InputError if one of them is anything else
 */
export function clopperPearsonLower(successes: number, n: number, alpha: number): number {
  const k = successes;
  if (!Number.isInteger(n) || n < 1 || n > MAX_DRAWS) {
    throw new InputError(`n must be an integer in 1 … ${MAX_DRAWS}, got ${n}`, { n });
  }
  if (!Number.isInteger(k) || k < 0 || k > n) {
    throw new InputError(`successes must be an integer in 0 … ${n}, got ${k}`, { successes });
  }
  if (!(alpha >= ALPHA_MIN && alpha < 1)) {
    throw new InputError(`alpha must be in [${ALPHA_MIN}, 1), got ${alpha}`, { alpha });
  }
  if (k === 0) return 0;
  const target = Math.log(alpha) - AIM;
  let p = k < n ? k / n : alpha ** (1 / n);
  for (let step = 0; step < 100; step++) {
    const series = tailSeries(k, n, p);
    const excess = Math.log(binomialProbability(k, n, p)) + Math.log(series) - target;
    if (Math.abs(excess) <= AIM / 2) return p;
    p *= Math.exp((-excess * series) / k);
  }
  return 0;
}
