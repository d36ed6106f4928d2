/**
 * The claim under attack: a label and a radius for each answer. It is separate from the judge so that a browser can
 * attack too.
 */
import type { Answers } from './judge.ts';

/** Reads label and claimed radius of one image from the judge's answers. */
export type Claim = (answers: Answers, row: number) => { readonly label: number; readonly radius: number };

/** What the program itself says. */
export const ownClaim: Claim = ({ labels, radii }, row) => ({ label: labels[row]!, radius: radii[row]! });
