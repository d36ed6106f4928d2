/** Relu, LeakyRelu, PRelu, Clip, Abs: pointwise functions with a known slope. Lemma 14. */

import { mulUp, sqrtUp } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import { rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, measureOf, nonexpansive, sizeOf } from '../walk/state.ts';
import { recorded } from '../walk/steps.ts';
import { from, sourceOf } from './functions/origins.ts';
import { sloped } from './scale.ts';

/** f with |f(v) − f(w)| ≤ |v − w|, exact in float32, and |f(0)| = offset. */
function pointwise(site: Site, offset = 0, low = 0): RuleResult {
  const data = rebased(site, site.data(0));
  const size = sizeOf(data.shape);
  const measure = nonexpansive(measureOf(data), size, mulUp(sqrtUp(size), offset), mulUp(size, offset));
  site.limitMagnitude(measure.norm);
  const output = computed(data.shape, measure);
  return { outputs: [recorded(output, { kind: 'pointwise', low, high: 1 }, [data])], upper: 1 };
}

/** max(v, 0). Of (x, −x) it has the bound of x, since only one of each two elements is above 0 (Lemma 26). */
function relu(site: Site): RuleResult {
  const data = site.data(0);
  const result = pointwise(site);
  const mirror = sourceOf(data, 'Mirror');
  const output = result.outputs[0] as Data;
  if (mirror === null) {
    from(output, 'Relu', data);
    return result;
  }
  const { lipschitz } = measureOf(mirror);
  return { outputs: [computed(output.shape, { ...output.base.measure, lipschitz })], upper: 1 };
}

/** max(v, 0) + α·min(v, 0). */
function leakyRelu(site: Site): RuleResult {
  const alpha = site.number('alpha', 0.01);
  return withSlopes(site, alpha, alpha);
}

function pRelu(site: Site): RuleResult {
  let [least, most] = [1, 1];
  for (const alpha of spreadConstant(site, 1, site.data(0)).values) {
    least = Math.min(least, alpha);
    most = Math.max(most, alpha);
  }
  return withSlopes(site, least, most);
}

/** max(v, 0) + α·min(v, 0) with α in [least, most], for each element its own. */
function withSlopes(site: Site, least: number, most: number): RuleResult {
  const data = rebased(site, site.data(0));
  const [low, high] = [Math.min(1, least), Math.max(1, most)];
  const result = sloped(site, data, Math.max(high, -low));
  recorded(result.outputs[0] as Data, { kind: 'pointwise', low, high }, [data]);
  return result;
}

/** min(max(v, low), high). */
function clip(site: Site): RuleResult {
  const low = site.has(1) ? site.float(1) : Number.NEGATIVE_INFINITY;
  const high = site.has(2) ? site.float(2) : Number.POSITIVE_INFINITY;
  return pointwise(site, Math.abs(Math.min(Math.max(0, low), high)));
}

export const activationRules: Rules = {
  Relu: { attributes: [], apply: relu },
  Abs: { attributes: [], apply: (site) => pointwise(site, 0, -1) },
  LeakyRelu: { attributes: ['alpha'], apply: leakyRelu },
  PRelu: { attributes: [], apply: pRelu },
  Clip: { attributes: [], apply: clip },
};
