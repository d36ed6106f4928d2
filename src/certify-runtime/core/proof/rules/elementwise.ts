/** Add, Sub, Mul, Div with constants, and sums of two branches. Lemmas 11 and 13. */

import { combine, constantBound, scale, sum } from '../affine.ts';
import type { AffineBound } from '../bound.ts';
import { spreadConstant } from '../broadcast.ts';
import { EXTRA_ROUNDINGS } from '../linear.ts';
import { sumOfProducts } from '../products.ts';
import { divUp, FLUSH_32, gamma32, mulUp, OVERFLOW_32, sqrtUp } from '../rounding.ts';
import type { RuleResult, Rules } from '../rule.ts';
import type { Site } from '../site.ts';
import { computed, type Data, flushOf, type Measure, measureOf, noFold, product } from '../state.ts';

/** γ for the rounding of one elementwise operation, which a provider may also fold into the dot products before it. */
function foldedGamma(measure: Measure): number {
  return gamma32(measure.fold.terms + measure.fold.extra + EXTRA_ROUNDINGS);
}

/** v ↦ v ∘ s with max|s| ≤ factor. */
export function scaled(site: Site, data: Data, factor: number): RuleResult {
  const v = measureOf(data);
  const size = product(data.shape);
  const gamma = foldedGamma(v);
  const fold = {
    ...v.fold,
    extra: v.fold.extra + 2,
    weight: mulUp(v.fold.weight, factor),
    scale: mulUp(v.fold.scale, factor),
  };
  if (!(fold.weight < OVERFLOW_32 && fold.scale < OVERFLOW_32)) site.refuse(`a scale of ${factor} may overflow`);
  // Flushes: of v (times s), of s (times v), of the result, and of weights with s folded into them.
  const flush = sum(
    scale(1 + factor, flushOf(size)),
    scale(2 * FLUSH_32, v.norm),
    scale(mulUp(FLUSH_32, sqrtUp(size)), v.fold.start),
    scale(2, v.fold.flush),
  );
  const rounding = sum(scale(mulUp(gamma, factor), v.norm), flush);
  const norm = sum(scale(factor, v.norm), rounding);
  site.limitMagnitude(scale(2, norm));
  const measure: Measure = {
    lipschitz: mulUp(factor, v.lipschitz),
    norm,
    sum: v.sum && sum(scale(mulUp(factor, 1 + gamma), v.sum), manyFlushes(size, factor), scale(2 * FLUSH_32, v.sum)),
    errors: v.errors.map((error) => sum(scale(factor, error), rounding)),
    fold,
  };
  return { outputs: [computed(data.shape, measure)], upper: factor };
}

/** A piecewise linear function through 0 with slopes up to `slope`: as a scale, but nothing can be folded through it. */
export function sloped(site: Site, data: Data, slope: number): RuleResult {
  const v = measureOf(data);
  const result = scaled(site, computed(data.shape, { ...v, fold: noFold(v.norm) }), slope);
  const { measure } = (result.outputs[0] as Data).base;
  return { outputs: [computed(data.shape, { ...measure, fold: noFold(measure.norm) })], upper: slope };
}

/** Flushes of `size` values, added up in ℓ1. */
function manyFlushes(size: number, factor: number): AffineBound {
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

function mul(site: Site): RuleResult {
  const [a, b] = [site.value(0), site.value(1)];
  if (a.kind === 'data' && b.kind === 'data')
    site.refuse('the product of two tensors that depend on the image has no bound');
  const i = a.kind === 'data' ? 0 : 1;
  const data = site.data(i);
  return scaled(site, data, spreadConstant(site, 1 - i, data).magnitude);
}

function div(site: Site): RuleResult {
  if (site.value(1).kind === 'data') site.refuse('a quotient by a tensor that depends on the image has no bound');
  const data = site.data(0);
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of spreadConstant(site, 1, data).values) smallest = Math.min(smallest, Math.abs(value));
  if (!(smallest >= FLUSH_32)) site.refuse(`divides by ${smallest}, which float32 may take for zero`);
  return scaled(site, data, divUp(1, smallest));
}

function neg(site: Site): RuleResult {
  const data = site.data(0);
  return { ...shifted(site, data, { norm: 0, sum: 0 }), upper: 1 };
}

export const elementwiseRules: Rules = {
  Add: { attributes: [], apply: additive },
  Sub: { attributes: [], apply: additive },
  Sum: { attributes: [], apply: total },
  Mul: { attributes: [], apply: mul },
  Div: { attributes: [], apply: div },
  Neg: { attributes: [], apply: neg },
};
