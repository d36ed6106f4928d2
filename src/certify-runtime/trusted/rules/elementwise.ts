/** Add and Sub with constants, and sums of branches. Lemmas 11 and 13. */

import { combine, constantBound, scale, sum } from '../bounds/affine.ts';
import type { AffineBound } from '../bounds/bound.ts';
import { addUp, gamma32, mulUp, sqrtUp, up } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import { EXTRA_ROUNDINGS } from '../walk/linear.ts';
import { sumOfProducts, unchanged } from '../walk/products.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, flushOf, type Measure, measureOf, newChain, sizeOf } from '../walk/state.ts';

/** γ for the rounding of one elementwise operation, which a provider may also fold into the dot products before it. */
export function foldedGamma(measure: Measure): number {
  return gamma32(measure.chain.terms + measure.chain.extra + EXTRA_ROUNDINGS);
}

/** Turns a bound in ℓ2 into one in ℓ1: ‖e‖₁ ≤ √size·‖e‖₂, and ‖x‖₂ ≤ ‖x‖₁. */
export function inSum(size: number, bound: AffineBound): AffineBound {
  const root = sqrtUp(size);
  return { constant: mulUp(root, bound.constant), l2: 0, l1: mulUp(root, addUp(bound.l2, bound.l1)) };
}

/**
 * v ↦ ±v + t for given ‖t‖₂ and ‖t‖₁. The sign costs nothing. `growth` ≥ 1 is what a flush of t's own constants is
 * magnified by, if t is computed from several.
 */
export function shifted(site: Site, data: Data, t: { norm: number; l1Norm: number; growth?: number }): RuleResult {
  const v = measureOf(data);
  const size = sizeOf(data.shape);
  const gamma = foldedGamma(v);
  const exact = sum(v.norm, constantBound(t.norm));
  const flush = scale(mulUp(4, t.growth ?? 1), flushOf(size));
  const rounding = sum(scale(gamma, exact), flush);
  const norm = sum(exact, rounding);
  const chain = {
    ...v.chain,
    extra: v.chain.extra + 2,
    reach: sum(v.chain.reach, constantBound(t.norm), rounding),
    peak: sum(v.chain.peak, constantBound(t.norm)),
  };
  site.limitMagnitude(scale(2, sum(chain.peak, chain.reach)));
  const measure: Measure = {
    lipschitz: v.lipschitz,
    norm,
    l1Norm: v.l1Norm && sum(scale(up(1 + gamma), sum(v.l1Norm, constantBound(t.l1Norm))), inSum(size, flush)),
    errors: v.errors.map((error) => sum(error, rounding)),
    chain,
  };
  return { outputs: [computed(data.shape, measure)], upper: 1 };
}

/** v ± w, if both depend on the image: the triangle inequality. It is one of `summands` in a sum taken in any order. */
function branches(site: Site, a: Data, b: Data, summands = 2): RuleResult {
  if (a.shape.length !== b.shape.length || a.shape.some((dim, axis) => dim !== b.shape[axis])) {
    site.refuse(`branches of shapes [N·${a.shape}] and [N·${b.shape}] would be broadcast`);
  }
  const [v, w] = [measureOf(a), measureOf(b)];
  const size = sizeOf(a.shape);
  const roundings = Math.max(v.chain.terms + v.chain.extra, w.chain.terms + w.chain.extra);
  const gamma = gamma32(roundings + EXTRA_ROUNDINGS + summands);
  const exact = sum(v.norm, w.norm);
  const flush = scale(4, flushOf(size));
  const rounding = sum(scale(gamma, exact), flush);
  const norm = sum(exact, rounding);
  // Each of them may start the sums of the other.
  site.limitMagnitude(scale(2, sum(v.chain.peak, w.chain.peak, norm)));
  const measure: Measure = {
    lipschitz: addUp(v.lipschitz, w.lipschitz),
    norm,
    l1Norm: v.l1Norm && w.l1Norm && sum(scale(up(1 + gamma), sum(v.l1Norm, w.l1Norm)), inSum(size, flush)),
    errors: combine(v.errors, w.errors, (d, e) => sum(d, e, rounding)),
    chain: newChain(norm),
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
  const t = spreadConstant(site, 1 - i, data);
  const result = shifted(site, data, t);
  return t.magnitude === 0 ? unchanged(data, result) : result;
}

/** Σ of tensors that depend on the image, in any order: each goes through at most as many additions as there are. */
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
