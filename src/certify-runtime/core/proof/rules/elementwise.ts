/** Add and Sub with constants, and sums of branches. Lemmas 11 and 13. */

import { combine, constantBound, scale, sum } from '../affine.ts';
import type { AffineBound } from '../bound.ts';
import { spreadConstant } from '../broadcast.ts';
import { EXTRA_ROUNDINGS } from '../linear.ts';
import { sumOfProducts } from '../products.ts';
import { FLUSH_32, gamma32, mulUp, sqrtUp } from '../rounding.ts';
import type { RuleResult, Rules } from '../rule.ts';
import type { Site } from '../site.ts';
import { computed, type Data, flushOf, type Measure, measureOf, noFold, product } from '../state.ts';

/** γ for the rounding of one elementwise operation, which a provider may also fold into the dot products before it. */
export function foldedGamma(measure: Measure): number {
  return gamma32(measure.fold.terms + measure.fold.extra + EXTRA_ROUNDINGS);
}

/** Flushes of `size` values, added up in ℓ1. */
export function manyFlushes(size: number, factor: number): AffineBound {
  return constantBound(mulUp(4 * FLUSH_32, mulUp(size, 1 + factor)));
}

/** v ↦ ±v + t, ‖t‖₂ and ‖t‖₁ given. The sign costs nothing. */
export function shifted(site: Site, data: Data, t: { norm: number; sum: number }): RuleResult {
  const v = measureOf(data);
  const size = product(data.shape);
  const gamma = foldedGamma(v);
  const exact = sum(v.norm, constantBound(t.norm));
  const rounding = sum(scale(gamma, exact), scale(2, flushOf(size)));
  const norm = sum(exact, rounding);
  site.limitMagnitude(scale(2, norm));
  const measure: Measure = {
    lipschitz: v.lipschitz,
    norm,
    sum: v.sum && sum(scale(1 + gamma, sum(v.sum, constantBound(t.sum))), manyFlushes(size, 1)),
    errors: v.errors.map((error) => sum(error, rounding)),
    fold: { ...v.fold, extra: v.fold.extra + 2, start: v.fold.scale === 1 ? norm : sum(v.fold.start, norm) },
  };
  return { outputs: [computed(data.shape, measure)], upper: 1 };
}

/** v ± w, both depending on the image: the triangle inequality. One of `summands` in a sum that is taken in any order. */
function branches(site: Site, a: Data, b: Data, summands = 2): RuleResult {
  if (a.shape.length !== b.shape.length || a.shape.some((dim, axis) => dim !== b.shape[axis])) {
    site.refuse(`branches of shapes [N·${a.shape}] and [N·${b.shape}] would be broadcast`);
  }
  const [v, w] = [measureOf(a), measureOf(b)];
  const size = product(a.shape);
  const roundings = Math.max(v.fold.terms + v.fold.extra, w.fold.terms + w.fold.extra);
  const gamma = gamma32(roundings + EXTRA_ROUNDINGS + summands);
  const exact = sum(v.norm, w.norm);
  const rounding = sum(scale(gamma, exact), scale(2, flushOf(size)));
  const norm = sum(exact, rounding);
  site.limitMagnitude(scale(2, norm));
  const measure: Measure = {
    lipschitz: sum(constantBound(v.lipschitz), constantBound(w.lipschitz)).constant,
    norm,
    sum: v.sum && w.sum && sum(scale(1 + gamma, sum(v.sum, w.sum)), manyFlushes(size, 1)),
    errors: combine(v.errors, w.errors, (d, e) => sum(d, e, rounding)),
    fold: noFold(norm),
  };
  return { outputs: [computed(a.shape, measure)], upper: sqrtUp(2) };
}

function additive(site: Site): RuleResult {
  const [a, b] = [site.value(0), site.value(1)];
  if (a.kind === 'data' && b.kind === 'data') {
    return (site.node.op === 'Add' ? sumOfProducts(site, [a, b]) : null) ?? branches(site, a, b);
  }
  const i = a.kind === 'data' ? 0 : 1;
  const data = site.data(i);
  return shifted(site, data, spreadConstant(site, 1 - i, data));
}

/** Σ of tensors that depend on the image, in any order: each goes through at most as many additions as there are tensors. */
function total(site: Site): RuleResult {
  const summands = site.node.inputs.map((_, i) => site.data(i));
  const products = sumOfProducts(site, summands);
  if (products !== null) return products;
  let result: RuleResult = { outputs: [summands[0]!], upper: 1 };
  for (const next of summands.slice(1)) result = branches(site, result.outputs[0] as Data, next, summands.length);
  return { ...result, upper: sqrtUp(summands.length) };
}

export const elementwiseRules: Rules = {
  Add: { attributes: [], apply: additive },
  Sub: { attributes: [], apply: additive },
  Sum: { attributes: [], apply: total },
};
