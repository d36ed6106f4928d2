/** Mul and Div with constants, and Neg. Lemma 11. */

import { scale, sum } from '../affine.ts';
import { spreadConstant } from '../broadcast.ts';
import { divUp, FLUSH_32, mulUp, OVERFLOW_32, sqrtUp } from '../rounding.ts';
import type { RuleResult, Rules } from '../rule.ts';
import type { Site } from '../site.ts';
import { computed, type Data, flushOf, type Measure, measureOf, noFold, product } from '../state.ts';
import { foldedGamma, manyFlushes, shifted } from './elementwise.ts';

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

export const scaleRules: Rules = {
  Mul: { attributes: [], apply: mul },
  Div: { attributes: [], apply: div },
  Neg: { attributes: [], apply: neg },
};
