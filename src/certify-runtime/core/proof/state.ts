/** What the walk knows of a tensor: per-sample shape, Lipschitz bound, size and float32 error of its values. */

import { constantBound, scale, sum, ZERO } from './affine.ts';
import type { AffineBound } from './bound.ts';
import type { Matrix } from './matrix-norm.ts';
import { FLUSH_32, mulUp, sqrtUp } from './rounding.ts';
import { multiplicity, type View } from './view.ts';

/**
 * Bookkeeping for providers that fold a constant scale into the linear layer next to it (docs/soundness.md, A4, Lemma 11).
 */
export interface Fold {
  /** Length of the last linear layer's dot products: a constant added after it may take part in them. */
  readonly terms: number;
  /** Roundings of the elementwise operations since then. */
  readonly extra: number;
  /** Largest magnitude a folded weight can have. */
  readonly weight: number;
  /** Product of the scales since the last linear layer, and the norm of the tensor before them. */
  readonly scale: number;
  readonly start: AffineBound;
  /** What the flush of every folded weight costs. */
  readonly flush: AffineBound;
}

/** v: the exact value at the image x; v̂: the value as any allowed float32 execution computes it. */
export interface Measure {
  /** ‖v(x) − v(x')‖₂ ≤ lipschitz·‖x − x'‖₂. */
  readonly lipschitz: number;
  /** ‖v̂‖₂; its l1 is 0. */
  readonly norm: AffineBound;
  /** ‖v̂‖₁ in terms of ‖x‖₁ (its l2 is 0); null once a linear layer has mixed the coordinates. */
  readonly sum: AffineBound | null;
  /** ‖v̂ − v‖₂ is at most each of these. */
  readonly errors: readonly AffineBound[];
  readonly fold: Fold;
}

/** A tensor that was computed, not only rearranged; views refer to it. */
export interface Base {
  readonly size: number;
  readonly measure: Measure;
}

/**
 * A tensor that depends on the image. shape[0] = k: dimension 0 has k rows for each sample, in the order of the samples;
 * the other entries are the dimensions proper. `view` says where in `base` each element comes from; null: the same order.
 */
export interface Data {
  readonly kind: 'data';
  readonly shape: readonly number[];
  readonly base: Base;
  readonly view: View | null;
  /**
   * Where it is the operand with matrices applied along one axis, without a bias: sums of such products are bounded as one
   * product (products.ts).
   */
  readonly product?: { readonly matrices: readonly Matrix[]; readonly axis: number; readonly operand: Data };
}

export function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

/** The start of a chain of elementwise operations that may be folded. */
export function noFold(norm: AffineBound): Fold {
  return { terms: 0, extra: 0, weight: 1, scale: 1, start: norm, flush: ZERO };
}

export function computed(shape: readonly number[], measure: Measure): Data {
  return { kind: 'data', shape, base: { size: product(shape), measure }, view: null };
}

/** The measure of the tensor itself: its base's, stretched by the view. */
export function measureOf(data: Data): Measure {
  const { measure } = data.base;
  if (data.view === null) return measure;
  const times = multiplicity(data.view, data.base.size);
  const factor = sqrtUp(times);
  const flushed = data.view.pair === null ? ZERO : flushOf(product(data.shape));
  return {
    lipschitz: mulUp(factor, measure.lipschitz),
    norm: sum(scale(factor, measure.norm), flushed),
    sum: measure.sum === null ? null : scale(times, measure.sum),
    errors: measure.errors.map((error) => sum(scale(factor, error), flushed)),
    fold: {
      ...measure.fold,
      start: scale(factor, measure.fold.start),
      flush: scale(factor, measure.fold.flush),
    },
  };
}

/** What flushing `size` values to zero, on the way in and on the way out, costs in ℓ2: 2·2⁻¹²⁶·√size. */
export function flushOf(size: number): AffineBound {
  return constantBound(mulUp(2 * FLUSH_32, sqrtUp(size)));
}

/** The measure after a map that is exact in float32, 1-Lipschitz in ℓ2, and zero at zero up to `offset` in ℓ2. */
export function nonexpansive(measure: Measure, size: number, offset = 0, offsetSum = 0): Measure {
  const flushed = flushOf(size);
  const norm = sum(measure.norm, flushed, constantBound(offset));
  return {
    lipschitz: measure.lipschitz,
    norm,
    sum:
      measure.sum === null
        ? null
        : sum(measure.sum, constantBound(offsetSum), constantBound(mulUp(size, 2 * FLUSH_32))),
    errors: measure.errors.map((error) => sum(error, flushed)),
    fold: noFold(norm),
  };
}
