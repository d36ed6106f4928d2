/** Relu, LeakyRelu, PRelu, Clip, Abs: pointwise functions with a known slope. Lemma 14. */

import { mulUp, sqrtUp } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, measureOf, nonexpansive, sizeOf } from '../walk/state.ts';
import { sloped } from './scale.ts';

/** f with |f(v) − f(w)| ≤ |v − w|, exact in float32, and |f(0)| = offset. */
function pointwise(site: Site, offset = 0): RuleResult {
  const data = site.data(0);
  const size = sizeOf(data.shape);
  const measure = nonexpansive(measureOf(data), size, mulUp(sqrtUp(size), offset), mulUp(size, offset));
  site.limitMagnitude(measure.norm);
  return { outputs: [computed(data.shape, measure)], upper: 1 };
}

/** max(v, 0) + α·min(v, 0). */
function leakyRelu(site: Site): RuleResult {
  return sloped(site, site.data(0), Math.max(1, Math.abs(site.number('alpha', 0.01))));
}

function pRelu(site: Site): RuleResult {
  const data = site.data(0);
  return sloped(site, data, Math.max(1, spreadConstant(site, 1, data).magnitude));
}

/** min(max(v, low), high). */
function clip(site: Site): RuleResult {
  const low = site.has(1) ? site.float(1) : Number.NEGATIVE_INFINITY;
  const high = site.has(2) ? site.float(2) : Number.POSITIVE_INFINITY;
  return pointwise(site, Math.abs(Math.min(Math.max(0, low), high)));
}

export const activationRules: Rules = {
  Relu: { attributes: [], apply: (site) => pointwise(site) },
  Abs: { attributes: [], apply: (site) => pointwise(site) },
  LeakyRelu: { attributes: ['alpha'], apply: leakyRelu },
  PRelu: { attributes: [], apply: pRelu },
  Clip: { attributes: [], apply: clip },
};
