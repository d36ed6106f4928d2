/** Mul and Div with constants, and Neg. Lemma 11. */

import { scale, sum } from '../bounds/affine.ts';
import { divUp, FLUSH_32, mulUp, OVERFLOW_32, up } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import { unchanged } from '../walk/products.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, flushOf, type Measure, measureOf, newChain, sizeOf } from '../walk/state.ts';
import { foldedGamma, inSum, shifted } from './elementwise.ts';

/**
 * v ↦ v ∘ s with max|s| ≤ factor. `growth` ≥ 1 bounds every product of some of the constants that s is made of: the
 * scale may be applied before or after the linear layers next to it, and its constants one by one (Lemma 11).
 */
export function scaled(site: Site, data: Data, factor: number, growth = Math.max(1, factor)): RuleResult {
  const v = measureOf(data);
  const size = sizeOf(data.shape);
  const gamma = foldedGamma(v);
  const grown = {
    ...v.chain,
    extra: v.chain.extra + 2,
    scales: v.chain.scales + 2,
    weight: mulUp(v.chain.weight, growth),
    growth: mulUp(v.chain.growth, growth),
    peak: scale(growth, v.chain.peak),
    flush: scale(growth, v.chain.flush),
  };
  if (!(grown.weight < OVERFLOW_32 && grown.growth < OVERFLOW_32))
    site.refuse(`its scale, ${factor}, and what it is made of or multiplied with may overflow`);
  const reach = scale(growth, v.chain.reach);
  // These are the flushes of v and of the result, magnified by the scales after them; of s, alone or times other
  // scales, through v; and those of the linear layer with s folded into it.
  const flush = sum(scale(mulUp(2, grown.growth), flushOf(size)), scale(4 * FLUSH_32, reach), scale(2, grown.flush));
  const rounding = sum(scale(mulUp(gamma, factor), v.norm), flush);
  const norm = sum(scale(factor, v.norm), rounding);
  const chain = { ...grown, reach: sum(scale(up(1 + gamma), reach), flush) };
  site.limitMagnitude(scale(2, sum(chain.peak, chain.reach)));
  const measure: Measure = {
    lipschitz: mulUp(factor, v.lipschitz),
    norm,
    l1Norm: v.l1Norm && sum(scale(mulUp(factor, up(1 + gamma)), v.l1Norm), inSum(size, flush)),
    errors: v.errors.map((error) => sum(scale(factor, error), rounding)),
    chain,
  };
  return { outputs: [computed(data.shape, measure)], upper: factor };
}

/** A piecewise linear function through 0 with slopes up to `slope`: it acts as a scale, but nothing folds through. */
export function sloped(site: Site, data: Data, slope: number): RuleResult {
  const v = measureOf(data);
  const result = scaled(site, computed(data.shape, { ...v, chain: newChain(v.norm) }), slope);
  const { measure } = (result.outputs[0] as Data).base;
  return { outputs: [computed(data.shape, { ...measure, chain: newChain(measure.norm) })], upper: slope };
}

function mul(site: Site): RuleResult {
  const [a, b] = [site.value(0), site.value(1)];
  if (a.kind === 'data' && b.kind === 'data')
    site.refuse('the product of two tensors that depend on the image has no bound');
  const i = a.kind === 'data' ? 0 : 1;
  const data = site.data(i);
  const s = spreadConstant(site, 1 - i, data);
  return unlessOne(s.values, data, scaled(site, data, s.magnitude));
}

function unlessOne(values: Float32Array, data: Data, result: RuleResult): RuleResult {
  return values.every((value) => value === 1) ? unchanged(data, result) : result;
}

function div(site: Site): RuleResult {
  if (site.value(1).kind === 'data') site.refuse('a quotient by a tensor that depends on the image has no bound');
  const data = site.data(0);
  let smallest = Number.POSITIVE_INFINITY;
  const { values } = spreadConstant(site, 1, data);
  for (const value of values) smallest = Math.min(smallest, Math.abs(value));
  if (!(smallest >= FLUSH_32)) site.refuse(`divides by ${smallest}, which float32 may take for zero`);
  return unlessOne(values, data, scaled(site, data, divUp(1, smallest)));
}

function neg(site: Site): RuleResult {
  const data = site.data(0);
  return { ...shifted(site, data, { norm: 0, l1Norm: 0 }), upper: 1 };
}

export const scaleRules: Rules = {
  Mul: { attributes: [], apply: mul },
  Div: { attributes: [], apply: div },
  Neg: { attributes: [], apply: neg },
};
