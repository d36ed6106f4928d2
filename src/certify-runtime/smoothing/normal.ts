/** The normal distribution: Φ, its inverse, and the inverse rounded to the safe side. */

import { InputError } from '../trusted/errors.ts';

/** 1/√(2π). */
const DENSITY_AT_0 = 0.3989422804014327;

/** Coefficients of Cody's ANORM, highest power first. */
const MIDDLE_P = [0.06568233791820745, 2.2352520354606837, 161.02823106855587, 1067.6894854603709, 18154.98125334356];
const MIDDLE_Q = [1, 47.202581904688245, 976.0985517377767, 10260.932208618979, 45507.78933502673];
const OUTER_P = [
  1.0765576773720192e-8, 0.39894151208813466, 8.883149794388377, 93.50665613217785, 597.2702763948002,
  2494.5375852903726, 6848.190450536283, 11602.65143764735, 9842.714838383978,
];
const OUTER_Q = [
  1, 22.266688044328117, 235.387901782625, 1519.3775994075547, 6485.558298266761, 18615.571640885097, 34900.95272114598,
  38912.00328609327, 19685.429676859992,
];
const FAR_P = [
  0.023073441764940174, 0.215898534057957, 0.12740116116024736, 0.022235277870649807, 0.0014216191932278934,
  2.9112874951168793e-5,
];
const FAR_Q = [
  1, 1.284260096144911, 0.4682382124808651, 0.06598813786892856, 0.0037823963320275824, 7.297515550839662e-5,
];

/** Coefficients of Wichura's PPND16, highest power first: all of them are positive, and so are their arguments. */
const CENTRE_P = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
  133.14166789178438, 3.3871328727963665,
];
const CENTRE_Q = [
  5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
  42.31333070160091, 1,
];
const NEAR_TAIL_P = [
  0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
  5.769497221460691, 4.630337846156546, 1.4234371107496835,
];
const NEAR_TAIL_Q = [
  1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
  1.6763848301838038, 2.053191626637759, 1,
];
const FAR_TAIL_P = [
  2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
  1.7848265399172913, 5.463784911164114, 6.657904643501103,
];
const FAR_TAIL_Q = [
  2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133, 0.014875361290850615,
  0.1369298809227358, 0.599832206555888, 1,
];

/**
 * The relative error allowed for normalQuantile, in [1e-300, 1 − 2⁻⁵³]: 128 u, u = 2⁻⁵³.
 *
 * Derived: 1 u for the approximation (Wichura: 1e-16), 14 u for each polynomial (positive terms, Horner, degree 7), 2 u
 * for the quotient and the last product, and for the tail 2·3 u, because x changes at most twice as fast as √(−ln p),
 * which Math.log within 2 ulp and Math.sqrt give within 3 u. 37 u in all; p − ½ and 1 − p are exact for p ≥ ½.
 */
export const QUANTILE_ERROR = 2 ** -46;

function horner(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (const coefficient of coefficients) value = value * x + coefficient;
  return value;
}

/**
 * Φ(x) = P(N(0,1) ≤ x), relative error about 1e-15 on both tails (down to 1e-300; 0 below −38).
 *
 * Source: Cody, Algorithm 715 (ANORM), ACM TOMS 19 (1993).
 */
export function normalCdf(x: number): number {
  const y = Math.abs(x);
  if (y <= 0.67448975) return 0.5 + (x * horner(MIDDLE_P, x * x)) / horner(MIDDLE_Q, x * x);
  const tail = y < 40 ? upperTail(y) : 0;
  return x > 0 ? 1 - tail : Number.isNaN(x) ? x : tail;
}

/** 1 − Φ(y) for y > 0.67; y²/2 is split at a multiple of 1/16, whose square is exact. */
function upperTail(y: number): number {
  let scaled: number;
  if (y <= 5.656854249492381) {
    scaled = horner(OUTER_P, y) / horner(OUTER_Q, y);
  } else {
    const t = 1 / (y * y);
    scaled = (DENSITY_AT_0 - (t * horner(FAR_P, t)) / horner(FAR_Q, t)) / y;
  }
  const head = Math.trunc(y * 16) / 16;
  return Math.exp(-0.5 * head * head) * Math.exp(-0.5 * (y - head) * (y + head)) * scaled;
}

/**
 * Φ⁻¹(p), relative error below QUANTILE_ERROR; −∞ at 0, ∞ at 1.
 *
 * Source: Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
 *
 * @throws InputError if p is not in [0, 1]
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new InputError(`a probability must be in [0, 1], got ${p}`, { p });
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const t = 0.180625 - q * q;
    return (q * horner(CENTRE_P, t)) / horner(CENTRE_Q, t);
  }
  const tail = q < 0 ? p : 1 - p;
  if (tail === 0) return q < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const r = Math.sqrt(-Math.log(tail));
  const x =
    r <= 5
      ? horner(NEAR_TAIL_P, r - 1.6) / horner(NEAR_TAIL_Q, r - 1.6)
      : horner(FAR_TAIL_P, r - 5) / horner(FAR_TAIL_Q, r - 5);
  return q < 0 ? -x : x;
}

/**
 * Φ⁻¹(p) − |Φ⁻¹(p)|·QUANTILE_ERROR: never above the true quantile of the double p, for p ≥ ½.
 *
 * @throws InputError if p is not in [½, 1): below ½ there is nothing to certify, at 1 there is no finite quantile
 */
export function normalQuantileLower(p: number): number {
  if (!(p >= 0.5 && p < 1)) throw new InputError(`a lower quantile is taken for p in [1/2, 1), got ${p}`, { p });
  return normalQuantile(p) * (1 - QUANTILE_ERROR);
}
