/** The corollary of Theorem 2 in exact arithmetic: whole numbers over a power of two, and a root from below. */

import type { AffineBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import type { MarginTerms } from '../../../src/certify-runtime/trusted/margin.ts';

/** All numbers are multiples of 2⁻ᴾ: every float32, and every float64 of a test but for what lies below. */
const P = 400n;
const ONE = 1n << P;

function fixed(value: number): bigint {
  let [whole, exponent] = [value, 0n];
  while (!Number.isInteger(whole)) [whole, exponent] = [whole * 2, exponent + 1n];
  return exponent <= P ? BigInt(whole) << (P - exponent) : BigInt(whole) >> (exponent - P);
}

const times = (a: bigint, b: bigint) => (a * b) >> P;

/** The root of a whole number, rounded down (Newton). */
function root(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (x + value / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

const toNumber = (value: bigint) => Number(value >> (P - 200n)) / 2 ** 200;

export interface ExactRadius {
  /** The radius, rounded up by less than 2⁻¹⁵⁰; 0 if nothing is certified. */
  readonly most: number;
  /** S(x), and the largest 4ρ(x)·I of a pair of the label. */
  readonly slack: number;
  readonly doubt: number;
}

/** min_j (ŷ_c − ŷⱼ − 4ρ(x))·I_cj − min S(x) for c the largest logit. */
export function exactRadius(logits: ArrayLike<number>, image: ArrayLike<number>, terms: MarginTerms): ExactRadius {
  const { classes, inverse, latentSlack, logitSlack, cap } = terms;
  let [squares, sum] = [0n, 0n];
  for (const pixel of Array.from(image)) {
    const x = fixed(Math.abs(pixel));
    squares += x * x;
    sum += x;
  }
  const norm = root(squares);
  const at = ({ constant, l2, l1 }: AffineBound) => fixed(constant) + times(fixed(l2), norm) + times(fixed(l1), sum);
  const slack = latentSlack.map(at).reduce((a, b) => (b < a ? b : a));
  const four = at(logitSlack);
  const all = Array.from(logits);
  const label = all.indexOf(Math.max(...all));
  const top = fixed(all[label]!);
  let least: bigint | null = null;
  let doubt = 0n;
  for (let j = 0; j < classes; j++) {
    if (j === label) continue;
    const I = fixed(inverse[label * classes + j]!);
    const distance = times(top - fixed(all[j]!) - four, I);
    if (least === null || distance < least) least = distance;
    const own = times(four, I);
    if (own > doubt) doubt = own;
  }
  const exact = least! - slack + (ONE >> 160n);
  return { most: Math.max(0, Math.min(toNumber(exact), cap)), slack: toNumber(slack), doubt: toNumber(doubt) };
}
