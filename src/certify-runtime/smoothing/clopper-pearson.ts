/** The Clopper–Pearson lower confidence bound of a probability, rounded to the safe side. */

import { InputError } from '../trusted/errors.ts';
import { binomialProbability, binomialTail, checkInteger, SMALLEST_TAIL, TAIL_ERROR } from './binomial-tail.ts';

/**
 * ln T is aimed this far below ln α and met within half of it, which leaves more than TAIL_ERROR between them.
 * The next float to p may be 2⁻⁵³·MAX_DRAWS = 1.1e-9 away in ln T, so that half is always met.
 */
const AIM = 10 * TAIL_ERROR;

/** The most steps seen is 19. After this many, the lower end of the bracket is the answer. */
const STEPS = 100;

/** @throws InputError unless α is in [1e-300, 1) */
export function checkAlpha(alpha: number): void {
  if (!(alpha >= SMALLEST_TAIL && alpha < 1)) {
    throw new InputError(`alpha must be in [${SMALLEST_TAIL}, 1), got ${alpha}`, { alpha });
  }
}

/**
 * p with T(p) = P(Bin(n, p) ≥ k) ≤ α: whatever the true p*, P(p(k) > p*) ≤ α.
 *
 * The p given is below the exact root by no more than 2.5e-8 of itself (α ≤ ½) and never above it: p is accepted only
 * if the computed T(p), raised by its error bound, is ≤ α. It is 0 for k = 0, and α^(1/n) less a hair for k = n. The
 * method is Newton's on ln T against ln p: k/p · P(X = k) is T's derivative and ln T is concave in ln p, so from the
 * second iterate on the root is approached from below. If a step leaves the bracket (T or the step itself may
 * underflow), the bracket is halved instead, in ln p.
 *
 * @param successes k, integer in 0 … n
 * @param n integer in 1 … MAX_DRAWS
 * @param alpha in [1e-300, 1)
 * @throws InputError if one of them is anything else
 */
export function clopperPearsonLower(successes: number, n: number, alpha: number): number {
  const k = successes;
  checkInteger('n', n, 1);
  checkInteger('successes', k, 0, n);
  checkAlpha(alpha);
  if (k === 0) return 0;
  const target = Math.log(alpha) - AIM;
  // T(p) ≤ C(n, k) pᵏ ≤ (enp/k)ᵏ / √(2πk): T(low) ≤ α here, with 8e-7 of low or more to spare for its rounding.
  let low = (k / n / Math.E) * alpha ** (1 / k);
  let high = 1;
  let p = k < n ? k / n : alpha ** (1 / n);
  for (let step = 0; step < STEPS; step++) {
    const tail = binomialTail(k, n, p);
    const excess = Math.log(tail) - target;
    if (Math.abs(excess) <= AIM / 2) return p;
    if (excess < 0) low = p;
    else high = p;
    p *= Math.exp((-excess * tail) / (k * binomialProbability(k, n, p)));
    // A step that is not a number also counts as outside.
    if (!(p > low && p < high)) p = Math.sqrt(low) * Math.sqrt(high);
  }
  return low;
}
