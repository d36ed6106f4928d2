/** Upper bounds in plain float64: one step outwards follows every operation. See docs/soundness.md, section 2. */

/** The unit roundoffs of float32 and float64 in round to nearest (Higham 2002, section 2.2). */
const UNIT_32 = 2 ** -24;
const UNIT_64 = 2 ** -53;

/** The smallest normal float32, which bounds what a flush to zero (FTZ, DAZ) may cost one value. */
export const FLUSH_32 = 2 ** -126;

/** No intermediate value may pass this: the largest float32 is just below 2¹²⁸. */
export const OVERFLOW_32 = 2 ** 127;

/** Covers every underflow of a float64 computation whose data are scaled to about 1 (Lemma 2). */
export const UNDERFLOW_64 = 2 ** -1000;

/**
 * A number ≥ the next float64 above x, for x ≥ 0: x·2⁻⁵² is at least one unit in the last place of x, and 2⁻¹⁰⁷⁴ is one
 * if x is subnormal (Lemma 1). Infinity and NaN stay as they are; they are refused when a bound is handed out.
 */
export function up(x: number): number {
  return x + (x * 2 ** -52 + Number.MIN_VALUE);
}

/** A number ≤ the next float64 below x, for x ≥ 0, and never below 0. */
export function down(x: number): number {
  return Math.max(0, x - (x * 2 ** -52 + Number.MIN_VALUE));
}

/** a + b, rounded up; a, b ≥ 0. */
export function addUp(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : up(a + b);
}

/** a·b, rounded up; a, b ≥ 0. */
export function mulUp(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  return b === 1 ? a : up(a * b);
}

/** a/b, rounded up; a ≥ 0, b > 0. */
export function divUp(a: number, b: number): number {
  if (a === 0) return 0;
  return b === 1 ? a : up(a / b);
}

/** √x, rounded up; x ≥ 0. */
export function sqrtUp(x: number): number {
  return x === 0 || x === 1 ? x : up(Math.sqrt(x));
}

/** √(a² + b²), rounded up; a, b ≥ 0. It is scaled, so that no square overflows or vanishes. */
export function hypotUp(a: number, b: number): number {
  const large = Math.max(a, b);
  const small = Math.min(a, b);
  if (small === 0) return large;
  const ratio = divUp(small, large);
  return mulUp(large, sqrtUp(addUp(1, mulUp(ratio, ratio))));
}

/** γ_n = nu/(1 − nu) of float32, rounded up; Infinity if nu ≥ 1/2, which callers refuse (Higham 2002, Lemma 3.1). */
export function gamma32(n: number): number {
  return n * UNIT_32 >= 0.5 ? Number.POSITIVE_INFINITY : divUp(n * UNIT_32, down(1 - n * UNIT_32));
}

/** γ_n = nu/(1 − nu) of float64, rounded up. n < 2⁵¹. */
export function gamma64(n: number): number {
  return divUp(n * UNIT_64, down(1 - n * UNIT_64));
}

const subnormals = [Float64Array.of(Number.MIN_VALUE), Float32Array.of(2 ** -149)] as const;

/**
 * Whether this thread computes with subnormal numbers, as A6 assumes. It stops doing so after a session of ONNX Runtime
 * was created with `session.set_denormal_as_zero`.
 */
export function hasSubnormals(): boolean {
  return subnormals.every(([tiny]) => tiny! * 1 > 0 && tiny! / 2 ** -10 > 0);
}

/** The power of two p with 1 ≤ x·p < 2, for finite x > 0. A product with it is exact unless it underflows. */
export function powerOfTwoScale(x: number): number {
  let scale = 1;
  while (x * scale >= 2 && scale > 2 ** -1000) scale /= 2;
  while (x * scale < 1 && scale < 2 ** 1000) scale *= 2;
  return scale;
}
