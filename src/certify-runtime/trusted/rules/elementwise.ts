/** Add and Sub with constants, and sums of branches. Lemmas 11 and 13. */

import { constantBound, scale, sum } from '../bounds/affine.ts';
import type { AffineBound } from '../bounds/bound.ts';
import { addUp, mulUp, sqrtUp, up } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import { EXTRA_ROUNDINGS } from '../walk/linear.ts';
import { sumOfProducts, unchanged } from '../walk/products.ts';
import { checkView, pickIndex, rearranged, rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import {
  carried,
  carriedFromBoth,
  computed,
  type Data,
  flushOf,
  type Measure,
  measureOf,
  newChain,
  sizeOf,
} from '../walk/state.ts';
import { recorded, signStep } from '../walk/steps.ts';
import { fromScalar } from './functions/origins.ts';

/** γ for the rounding of one elementwise operation, which a provider may also fold into the dot products before it. */
export function foldedGamma(site: Site, measure: Measure): number {
  return site.gamma(measure.chain.terms + measure.chain.extra + EXTRA_ROUNDINGS);
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
  const gamma = foldedGamma(site, v);
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
  const next = {
    lipschitz: v.lipschitz,
    norm,
    l1Norm: v.l1Norm && sum(scale(up(1 + gamma), sum(v.l1Norm, constantBound(t.l1Norm))), inSum(size, flush)),
    chain,
  };
  const errors = (before: readonly AffineBound[]) => before.map((error) => sum(error, rounding));
  const measure = carried(v, next, errors, (offset) => addUp(offset, t.norm));
  return { outputs: [computed(data.shape, measure)], upper: 1 };
}

/** Tensors of one rank in one shape: those with an axis of 1 repeat their elements along it. */
function spread(site: Site, summands: readonly Data[]): Data[] {
  const first = summands[0]!.shape;
  for (const { shape } of summands) {
    const fits = shape.length === first.length && shape[0] === first[0];
    if (!fits) site.refuse(`[N·${shape}] and [N·${first}] must have one rank and as many rows for each sample`);
  }
  const shape = first.map((_, axis) => Math.max(...summands.map((data) => data.shape[axis]!)));
  site.checkShape(shape);
  return summands.map((data) => {
    const own = rebased(site, data);
    if (`${data.shape}` === `${shape}`) return own;
    const lists = data.shape.map((dim, axis) => {
      if (dim === shape[axis]) return null;
      return dim === 1
        ? Array<number>(shape[axis]!).fill(0)
        : site.refuse(`[N·${data.shape}] does not fit [N·${shape}]`);
    });
    checkView(site, sizeOf(shape));
    return rearranged(site, own, shape, pickIndex(data.shape, lists));
  });
}

/** v + w, if both depend on the image: the triangle inequality. It is one of `summands` in a sum taken in any order. */
function branches(site: Site, a: Data, b: Data, summands = 2): RuleResult {
  const [v, w] = [measureOf(a), measureOf(b)];
  const size = sizeOf(a.shape);
  const roundings = Math.max(v.chain.terms + v.chain.extra, w.chain.terms + w.chain.extra);
  const gamma = site.gamma(roundings + EXTRA_ROUNDINGS + summands);
  const exact = sum(v.norm, w.norm);
  const flush = scale(4, flushOf(size));
  const rounding = sum(scale(gamma, exact), flush);
  const norm = sum(exact, rounding);
  // Each of them may start the sums of the other.
  site.limitMagnitude(scale(2, sum(v.chain.peak, w.chain.peak, norm)));
  const next = {
    lipschitz: addUp(v.lipschitz, w.lipschitz),
    norm,
    l1Norm: v.l1Norm && w.l1Norm && sum(scale(up(1 + gamma), sum(v.l1Norm, w.l1Norm)), inSum(size, flush)),
    chain: newChain(norm),
  };
  const measure = carriedFromBoth([v, w], next, (d, e) => sum(d, e, rounding), addUp);
  return { outputs: [computed(a.shape, measure)], upper: sqrtUp(2) };
}

function additive(site: Site): RuleResult {
  const [a, b] = [site.value(0), site.value(1)];
  if (a.kind === 'data' && b.kind === 'data') {
    const [left, right] = spread(site, [a, b]) as [Data, Data];
    const result = (site.node.op === 'Add' ? sumOfProducts(site, [a, b]) : null) ?? branches(site, left, right);
    const step = { kind: 'sum', signs: [1, site.node.op === 'Add' ? 1 : -1] } as const;
    recorded(result.outputs[0] as Data, step, [left, right]);
    return result;
  }
  const i = a.kind === 'data' ? 0 : 1;
  const data = site.data(i);
  const t = spreadConstant(site, 1 - i, data);
  const added = shifted(site, data, t);
  const result = t.magnitude === 0 ? unchanged(data, added) : added;
  const sign = site.node.op === 'Sub' && i === 1 ? -1 : 1;
  recorded(result.outputs[0] as Data, signStep(data.shape, sign), [rebased(site, data)]);
  if (site.node.op === 'Add') fromScalar(result.outputs[0] as Data, 'Add', data, t.values);
  return result;
}

/** Σ of tensors that depend on the image, in any order: each goes through at most as many additions as there are. */
function total(site: Site): RuleResult {
  const summands = site.node.inputs.map((_, i) => site.data(i));
  if (summands.length === 1) return { outputs: summands, upper: 1 };
  const parts = spread(site, summands);
  let result = sumOfProducts(site, summands);
  if (result === null) {
    result = { outputs: [parts[0]!], upper: 1 };
    for (const next of parts.slice(1)) result = branches(site, result.outputs[0] as Data, next, parts.length);
    result = { ...result, upper: sqrtUp(parts.length) };
  }
  recorded(result.outputs[0] as Data, { kind: 'sum', signs: parts.map(() => 1) }, parts);
  return result;
}

export const elementwiseRules: Rules = {
  Add: { attributes: [], apply: additive },
  Sub: { attributes: [], apply: additive },
  Sum: { attributes: [], apply: total },
};
