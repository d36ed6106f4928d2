/** Linear maps as one convolution, one matrix, one scale or one mean, put together from their steps. Lemma 20. */

import type { ConvGeometry } from '../bounds/conv-taps.ts';
import { largestMagnitude, type Matrix } from '../bounds/matrix-norm.ts';
import { addUp, gamma64, mulUp, UNDERFLOW_64 } from '../bounds/rounding.ts';

/** ‖computed − exact‖₂ ≤ error, and ‖|computed|‖₂ ≤ absolute. */
export interface Rounding {
  readonly error: number;
  readonly absolute: number;
}

/** v ↦ v ∘ factors; one factor stands for all. */
export interface Diagonal extends Rounding {
  readonly kind: 'diagonal';
  readonly factors: Float64Array;
}

/** A Conv of `rows` images. If it wraps, it reads its input beyond the edge from the opposite edge. */
export interface Kernel extends Rounding {
  readonly kind: 'kernel';
  readonly weights: Float64Array;
  readonly geometry: ConvGeometry;
  readonly rows: number;
  readonly wraps: boolean;
}

/** A matrix for each block of a sample [outer, matrices, before, cols, after]. */
export interface Blocks extends Rounding {
  readonly kind: 'blocks';
  readonly matrices: readonly Matrix[];
  readonly before: number;
  readonly after: number;
}

/** Elements of the input, or zeros. */
export interface Picks extends Rounding {
  readonly kind: 'picks';
  readonly first: Int32Array;
  readonly inputs: number;
}

/** The sums over groups of elements, times weight. */
export interface Sums extends Rounding {
  readonly kind: 'sums';
  readonly into: Int32Array;
  readonly outputs: number;
  readonly weight: number;
}

/** v ↦ own·v + mean·(the mean of the element's group, of which all have one size). */
export interface Centring extends Rounding {
  readonly kind: 'centring';
  readonly into: Int32Array;
  readonly own: number;
  readonly mean: number;
}

export type Form = Diagonal | Kernel | Blocks | Picks | Sums | Centring;

export function diagonal(factors: Float64Array, error = 0): Diagonal {
  return { kind: 'diagonal', factors, error, absolute: largestMagnitude(factors) };
}

export const ZERO = diagonal(Float64Array.of(0));

/** Whether the map is exactly 0; one that is 0 up to an error is not. */
export function isZero(form: Form): boolean {
  return form.kind === 'diagonal' && form.factors.length === 1 && form.factors[0] === 0 && form.error === 0;
}

export const IDENTITY = diagonal(Float64Array.of(1));

/** The rounding of b ∘ a computed with `terms` roundings for each entry, of which each may underflow. */
export function ofProduct(b: Rounding, a: Rounding, terms: number): Rounding {
  const absolute = mulUp(b.absolute, a.absolute);
  const inherited = addUp(addUp(mulUp(b.error, a.absolute), mulUp(b.absolute, a.error)), mulUp(b.error, a.error));
  const gamma = gamma64(terms);
  const own = addUp(mulUp(gamma, absolute), UNDERFLOW_64);
  return { error: addUp(inherited, own), absolute: mulUp(absolute, 1 + 2 * gamma) };
}

export function ofSum(a: Rounding, b: Rounding): Rounding {
  const absolute = addUp(a.absolute, b.absolute);
  const gamma = gamma64(2);
  return { error: addUp(addUp(a.error, b.error), mulUp(gamma, absolute)), absolute: mulUp(absolute, 1 + 2 * gamma) };
}

/** The one factor of each channel, if `channelOf` says which channel an element is in; null if they differ in one. */
export function byChannel(
  factors: Float64Array,
  size: number,
  count: number,
  channelOf: (e: number) => number,
): Float64Array | null {
  if (factors.length === 1) return new Float64Array(count).fill(factors[0]!);
  const found = new Float64Array(count).fill(Number.NaN);
  for (let e = 0; e < size; e++) {
    const channel = channelOf(e);
    const value = found[channel]!;
    if (!Number.isNaN(value) && value !== factors[e]) return null;
    found[channel] = factors[e]!;
  }
  return found;
}

/** The factors of the rows (outputs) or columns of each block's matrix. */
export function byBlock(
  form: Blocks,
  factors: Float64Array,
  size: number,
  side: 'rows' | 'cols',
): Float64Array[] | null {
  const { matrices, before, after } = form;
  const length = matrices[0]![side];
  const block = (e: number): number => Math.floor(e / (after * length * before)) % matrices.length;
  const all = byChannel(
    factors,
    size,
    matrices.length * length,
    (e) => block(e) * length + (Math.floor(e / after) % length),
  );
  return all && matrices.map((_, f) => all.subarray(f * length, (f + 1) * length));
}

export const spatial = ([a, b]: readonly [number, number]): number => a * b;
