/** cos and sin of 2πj/N for a power of two N, by square roots and products only: every JS engine gets the same bits. */

/** |computed − exact| of every entry for N ≤ 4096 (Lemma 7c): 4096·(100 + 4) units of 2⁻⁵³, rounded up. */
export const ROOT_ERROR = 2 ** -34;
export const LARGEST_ORDER = 4096;

export interface RootsOfUnity {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Halves the angle from π/2 down to 2π/N, and then multiplies up. N = 1, 2, 4, …, 4096. */
export function rootsOfUnity(order: number): RootsOfUnity {
  const cos = new Float64Array(order);
  const sin = new Float64Array(order);
  cos[0] = 1;
  if (order >= 2) cos[order / 2] = -1;
  if (order < 4) return { cos, sin };
  let c = 0;
  let s = 1;
  for (let n = 4; n < order; n *= 2) {
    const half = Math.sqrt((1 + c) / 2);
    s = s / (2 * half);
    c = half;
  }
  cos[1] = c;
  sin[1] = s;
  for (let j = 2; j < order; j++) {
    if (j === order / 2) continue;
    const a = j >> 1;
    const b = j - a;
    cos[j] = cos[a]! * cos[b]! - sin[a]! * sin[b]!;
    sin[j] = cos[a]! * sin[b]! + sin[a]! * cos[b]!;
  }
  return { cos, sin };
}
