/**
 * Reference values, not computed by glean: mpmath 1.4 at 60 digits (Φ, Φ⁻¹, binomial tails summed term by term, bounds by
 * Newton), each checked against scipy (norm, binom, beta.ppf); sfc32 by a Python transcription of PractRand's.
 */
import { readFileSync } from 'node:fs';

interface Reference {
  /** [x, Φ(x)] */
  readonly CDF: readonly (readonly [number, number])[];
  /** [p, Φ⁻¹(p)] */
  readonly QUANTILE: readonly (readonly [number, number])[];
  /** [k, n, p, P(Bin(n, p) ≥ k)] */
  readonly TAIL: readonly (readonly [number, number, number, number])[];
  /** [k, n, α, p with P(Bin(n, p) ≥ k) = α] */
  readonly CLOPPER_PEARSON: readonly (readonly [number, number, number, number])[];
  /** [n, p, U, the draw that inversion gives] */
  readonly BINOMIAL: readonly (readonly [number, number, number, number])[];
  /** [seed, stream, first six words] */
  readonly SFC32: readonly (readonly [number, number, readonly number[]])[];
  /** What a χ² of 1, 2, … 100 degrees of freedom exceeds with probability 1e-6. */
  readonly CHI_SQUARE: readonly number[];
}

export const { CDF, QUANTILE, TAIL, CLOPPER_PEARSON, BINOMIAL, SFC32, CHI_SQUARE } = JSON.parse(
  readFileSync(new URL('reference.json', import.meta.url), 'utf8'),
) as Reference;
