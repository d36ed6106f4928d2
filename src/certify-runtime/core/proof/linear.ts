/** The one rule behind every linear layer v ↦ Mv + b: Lipschitz bound, norm and float32 error. Lemmas 8 to 11. */

import { combine, constantBound, scale, sum } from './affine.ts';
import type { AffineBound } from './bound.ts';
import { addUp, FLUSH_32, gamma32, mulUp, OVERFLOW_32, sqrtUp } from './rounding.ts';
import type { Site } from './site.ts';
import type { Measure } from './state.ts';

/**
 * Roundings beyond the n of a dot product of n terms with its bias: one for the bias, two for alpha and beta, two for a
 * folded scale (its product with the weight, and with the bias), the rest kept in reserve. Lemma 8.
 */
export const EXTRA_ROUNDINGS = 8;

/** The constants of the linear map on the whole sample, all rounded up. */
export interface LinearMap {
  /** ‖M‖₂, ‖|M|‖₂ and max ‖M·eⱼ‖₂. */
  readonly norm: number;
  readonly absolute: number;
  readonly column: number;
  /** Largest number of non-zero terms in one output; with the sums after it where the product is taken in parts. */
  readonly terms: number;
  /** Multiply-adds of one output where that is more than `terms`, as for a product in parts. */
  readonly operations?: number;
  readonly inputs: number;
  readonly outputs: number;
  /** ‖b‖₂ over all outputs of a sample. */
  readonly bias: number;
  /** Largest weight in magnitude. */
  readonly weight: number;
}

export function linearMeasure(site: Site, map: LinearMap, v: Measure): Measure {
  const gamma = gamma32(map.terms + v.fold.extra + EXTRA_ROUNDINGS);
  if (gamma === Number.POSITIVE_INFINITY) site.refuse(`dot products of ${map.terms} terms are too long for float32`);
  const weight = mulUp(map.weight, v.fold.scale);
  if (!(weight < OVERFLOW_32)) site.refuse('its weights may overflow where a provider folds a scale into them');

  const bias = constantBound(map.bias);
  const folded = flushOfFolded(map, v);
  const flush = sum(folded, flushOfInputs(map, v));
  // A(x) ≥ ‖|M||v̂|‖₂, in one or two ways.
  const throughNorm = scale(map.absolute, v.norm);
  const products = v.sum === null ? [throughNorm] : [throughNorm, scale(map.column, v.sum)];
  const rounding = products.map((a) => sum(scale(gamma, sum(a, bias)), flush));

  const norm = sum(scale(map.norm, v.norm), bias, rounding[0]!);
  site.limitMagnitude(scale(2, sum(throughNorm, bias, flush)));
  return {
    lipschitz: mulUp(map.norm, v.lipschitz),
    norm,
    sum: null,
    errors: combine(v.errors, rounding, (error, own) => sum(scale(map.norm, error), own)),
    fold: { terms: map.terms, extra: 0, weight, scale: 1, start: norm, flush: folded },
  };
}

/**
 * Underflow and flushes to zero that a scale folded into the weights does not shrink (Lemma 10): 8·2⁻¹²⁶ for each of the
 * n + 8 operations of an output; 2·2⁻¹²⁶ for each weight, as it is or with the scale in it, through the input.
 */
function flushOfFolded(map: LinearMap, v: Measure): AffineBound {
  const count = map.operations ?? map.terms;
  const operations = mulUp(8 * FLUSH_32 * (count + v.fold.extra + EXTRA_ROUNDINGS), sqrtUp(map.outputs));
  const weights = mulUp(2 * FLUSH_32, sqrtUp(map.outputs * count));
  return sum(constantBound(operations), scale(weights, sum(v.norm, v.fold.start)));
}

/** 2·2⁻¹²⁶ for each input, through |M| and the scale folded into it. */
function flushOfInputs(map: LinearMap, v: Measure): AffineBound {
  return constantBound(mulUp(2 * FLUSH_32, mulUp(mulUp(map.absolute, sqrtUp(map.inputs)), addUp(1, v.fold.scale))));
}
