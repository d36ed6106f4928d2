/** Mul and Div with constants, and Neg. Lemma 11. */

import { scale, sum } from '../bounds/affine.ts';
import type { AffineBound } from '../bounds/bound.ts';
import type { Floats } from '../bounds/precision.ts';
import { divUp, FLUSH_32, mulUp, OVERFLOW_32, powerOfTwoScale, up } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import { unchanged } from '../walk/products.ts';
import { rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import {
  carried,
  computed,
  type Data,
  flushOf,
  measureOf,
  newChain,
  sinceOf,
  sizeOf,
  withSince,
} from '../walk/state.ts';
import { recorded, signStep } from '../walk/steps.ts';
import { foldedGamma, inSum, shifted } from './elementwise.ts';
import { from, fromScalar } from './functions/origins.ts';

/**
 * v ↦ v ∘ s with max|s| ≤ factor. `growth` ≥ 1 bounds every product of some of the constants that s is made of: the
 * scale may be applied before or after the linear layers next to it, and its constants one by one (Lemma 11).
 */
export function scaled(site: Site, data: Data, factor: number, growth = Math.max(1, factor)): RuleResult {
  const v = measureOf(data);
  const size = sizeOf(data.shape);
  const gamma = foldedGamma(site, v);
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
  const next = {
    lipschitz: mulUp(factor, v.lipschitz),
    norm,
    l1Norm: v.l1Norm && sum(scale(mulUp(factor, up(1 + gamma)), v.l1Norm), inSum(size, flush)),
    chain,
  };
  const errors = (before: readonly AffineBound[]) => before.map((error) => sum(scale(factor, error), rounding));
  const measure = carried(v, next, errors, (offset) => mulUp(factor, offset));
  return { outputs: [computed(data.shape, measure)], upper: factor };
}

/** A piecewise linear function through 0 with slopes up to `slope`: it acts as a scale, but nothing folds through. */
export function sloped(site: Site, data: Data, slope: number): RuleResult {
  const v = measureOf(data);
  const begun = withSince({ ...v, chain: newChain(v.norm) }, sinceOf(v));
  const { measure } = (scaled(site, computed(data.shape, begun), slope).outputs[0] as Data).base;
  const ended = withSince({ ...measure, chain: newChain(measure.norm) }, sinceOf(measure));
  return { outputs: [computed(data.shape, ended)], upper: slope };
}

function mul(site: Site): RuleResult {
  const [a, b] = [site.value(0), site.value(1)];
  if (a.kind === 'data' && b.kind === 'data')
    site.refuse('the product of two tensors that depend on the image has no bound');
  const i = a.kind === 'data' ? 0 : 1;
  const data = site.data(i);
  const s = spreadConstant(site, 1 - i, data);
  checkScalar(site, s.values);
  checkGelu(site, data, s.values, 0.5);
  const result = withFactors(
    site,
    data,
    { ...s, exact: true },
    unlessOne(s.values, data, scaled(site, data, s.magnitude)),
  );
  fromScalar(result.outputs[0] as Data, 'Mul', data, s.values);
  return result;
}

/**
 * ONNX Runtime takes a scale of one element into the MatMul next to it as a float32 (MatMulScaleFusion). In a float64
 * network that is exact only for powers of two, of which products are exact as well.
 */
function checkScalar(site: Site, values: Floats): void {
  if (site.precision === 'float32' || values.length !== 1) return;
  const magnitude = Math.abs(values[0]!);
  if (magnitude >= FLUSH_32 && magnitude * powerOfTwoScale(magnitude) === 1) return;
  site.refuse(
    `ONNX Runtime may round a scale of one number, ${values[0]}, to float32 (MatMulScaleFusion); write it once for each channel`,
  );
}

/** GeluFusion takes a factor of one element that is within about 10⁻⁵ of ½ for ½; this is far wider. */
const NEAR_HALF = 2 ** -6;

/** Refuses a factor after x·(1 + erf(x/√2)) that ONNX Runtime may replace by another one. */
function checkGelu(site: Site, { base }: Data, values: Floats, half: number): void {
  const near = values.length === 1 && Math.abs(values[0]! - half) < NEAR_HALF && values[0] !== half;
  if (base.marks.isTwiceGelu === true && near)
    site.refuse(`ONNX Runtime may take the factor ${values[0]} for ${half} (GeluFusion); write ${half}`);
}

/** Records that the result is v ∘ factors. */
function withFactors(
  site: Site,
  data: Data,
  {
    dims,
    values,
    exact,
  }: { readonly dims: readonly number[]; readonly values: ArrayLike<number>; readonly exact: boolean },
  result: RuleResult,
): RuleResult {
  const step = { kind: 'scale', factors: values, dims, shape: data.shape, absolute: result.upper, exact } as const;
  recorded(result.outputs[0] as Data, step, [rebased(site, data)]);
  return result;
}

function unlessOne(values: Floats, data: Data, result: RuleResult): RuleResult {
  return values.every((value) => value === 1) ? unchanged(data, result) : result;
}

function div(site: Site): RuleResult {
  if (site.value(1).kind === 'data') site.refuse('a quotient by a tensor that depends on the image has no bound');
  const data = site.data(0);
  let smallest = Number.POSITIVE_INFINITY;
  const { dims, values } = spreadConstant(site, 1, data);
  checkScalar(site, values);
  checkGelu(site, data, values, 2);
  for (const value of values) smallest = Math.min(smallest, Math.abs(value));
  if (!(smallest >= FLUSH_32)) site.refuse(`divides by ${smallest}, which float32 may take for zero`);
  const result = unlessOne(values, data, scaled(site, data, divUp(1, smallest)));
  fromScalar(result.outputs[0] as Data, 'Div', data, values);
  return withFactors(
    site,
    data,
    { dims, values: Float64Array.from(values, (value) => 1 / value), exact: false },
    result,
  );
}

function neg(site: Site): RuleResult {
  const data = site.data(0);
  const result = shifted(site, data, { norm: 0, l1Norm: 0 });
  recorded(result.outputs[0] as Data, signStep(data.shape, -1), [rebased(site, data)]);
  from(result.outputs[0] as Data, 'Neg', data);
  return { ...result, upper: 1 };
}

export const scaleRules: Rules = {
  Mul: { attributes: [], apply: mul },
  Div: { attributes: [], apply: div },
  Neg: { attributes: [], apply: neg },
};
