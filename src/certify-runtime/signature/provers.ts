/** Versions of the proof whose word is not taken, signed or not. */

import type { Certificate } from '../trusted/file/claims.ts';

/**
 * Versions that accepted false claims, with what was found: docs/soundness.md, "What was broken". What they proved is not
 * believed, whoever signed it; a file is proven anew, or refused.
 */
export const BROKEN_PROVERS: readonly number[] = [1, 2, 3, 4];

/** The version by whose rules the claims were proven. */
export function proverOf({ prover = 1 }: Pick<Certificate, 'prover'>): number {
  return prover;
}
