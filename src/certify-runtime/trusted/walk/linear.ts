/** The one rule behind every linear layer v ↦ Mv + b: its Lipschitz bound, norm and float32 error. Lemmas 8 to 11. */

import { combine, constantBound, scale, sum } from '../bounds/affine.ts';
import type { AffineBound } from '../bounds/bound.ts';
import { addUp, FLUSH_32, mulUp, OVERFLOW_32, sqrtUp } from '../bounds/rounding.ts';
import type { Site } from './site.ts';
import { carried, type Measure } from './state.ts';

/**
 * Roundings beyond the n of a dot product of n terms with its bias: one for the bias, two for alpha and beta, and two
 * for a folded scale (its product with the weight, and with the bias); the rest are kept in reserve. Lemma 8.
 */
export const EXTRA_ROUNDINGS = 8;

/** The constants of the linear map on the whole sample, all rounded up. */
export interface LinearMap {
  /** ‖M‖₂, ‖|M|‖₂ and max ‖M·eⱼ‖₂. */
  readonly norm: number;
  readonly absolute: number;
  readonly column: number;
  /** The largest number of non-zero terms in one output, plus the sums after it if the product is taken in parts. */
  readonly terms: number;
  /** Multiply-adds of one output if there are more than `terms`, as in a product in parts. */
  readonly operations?: number;
  readonly inputs: number;
  readonly outputs: number;
  /** ‖b‖₂ over all outputs of a sample. */
  readonly bias: number;
  /** The largest magnitude of a weight. */
  readonly weight: number;
  /**
   * Given if the operator scales: M = αM₀ and b = βc. A provider may apply α and β to the sums, to the constants or to
   * v: ‖|M₀|‖₂, max(1, |α|), max(1, |β|), and ‖c‖₂ over all outputs. Without it there is no scale.
   */
  readonly scaled?: {
    readonly absolute: number;
    readonly alpha: number;
    readonly beta: number;
    readonly bias: number;
  };
}

export function linearMeasure(site: Site, map: LinearMap, v: Measure): Measure {
  const gamma = site.gamma(map.terms + v.chain.scales + EXTRA_ROUNDINGS);
  if (gamma === Number.POSITIVE_INFINITY) site.refuse(`dot products of ${map.terms} terms are too long for float32`);
  const { absolute, alpha, beta, bias: unscaled } = map.scaled ?? { ...map, alpha: 1, beta: 1 };
  const growth = mulUp(v.chain.growth, alpha);
  const weight = mulUp(Math.max(1, map.weight), growth);
  if (!(weight < OVERFLOW_32)) site.refuse('its weights may overflow where a provider folds a scale into them');

  const bias = constantBound(map.bias);
  // The sums of products, with α and each of the chain's scales in any of the places in which they may stand.
  const largest = Math.max(map.absolute, absolute);
  const peak = sum(scale(largest, v.chain.reach), scale(alpha, v.chain.reach), bias, constantBound(unscaled));
  const folded = flushOfFolded(map, v, mulUp(growth, beta), sum(scale(alpha, v.chain.reach), peak));
  const flush = sum(folded, flushOfInputs(map, mulUp(largest, growth)));
  // A(x) ≥ ‖|M||v̂|‖₂, in one or two ways.
  const throughNorm = scale(map.absolute, v.norm);
  const products = v.l1Norm === null ? [throughNorm] : [throughNorm, scale(map.column, v.l1Norm)];
  const rounding = products.map((a) => sum(scale(gamma, sum(a, bias)), flush));

  const norm = sum(scale(map.norm, v.norm), bias, rounding[0]!);
  site.limitMagnitude(scale(2, sum(peak, flush)));
  const next = {
    lipschitz: mulUp(map.norm, v.lipschitz),
    norm,
    l1Norm: null,
    chain: { terms: map.terms, extra: 0, scales: 0, weight, growth: 1, reach: norm, peak, flush: folded },
  };
  const errors = (before: readonly AffineBound[]) =>
    combine(before, rounding, (error, own) => sum(scale(map.norm, error), own));
  return carried(v, next, errors, (offset) => addUp(mulUp(map.norm, offset), map.bias));
}

/**
 * Underflow and flushes to zero of the operations and constants (Lemma 10): 8·2⁻¹²⁶ for each of the n + 8 operations of
 * an output, magnified by whatever scale is applied after it; and 2·2⁻¹²⁶ for each weight, as it is or with scales in
 * it, through the input as large as it is there, and, for a product of scales alone, through the sums.
 */
function flushOfFolded(map: LinearMap, v: Measure, growth: number, through: AffineBound): AffineBound {
  const count = map.operations ?? map.terms;
  const operations = mulUp(
    mulUp(8 * FLUSH_32 * (count + v.chain.scales + EXTRA_ROUNDINGS), sqrtUp(map.outputs)),
    growth,
  );
  const weights = mulUp(2 * FLUSH_32, sqrtUp(map.outputs * count));
  return sum(constantBound(operations), scale(weights, through));
}

/** 4·2⁻¹²⁶ for each input, through |M| and the scales applied after it. */
function flushOfInputs(map: LinearMap, through: number): AffineBound {
  return constantBound(mulUp(4 * FLUSH_32, mulUp(through, sqrtUp(map.inputs))));
}
