/** Relu, LeakyRelu, Clip, Abs: pointwise functions with a known slope. Lemma 14. */

import type { RuleResult, Rules } from '../rule.ts';
import type { Site } from '../site.ts';
import { computed, measureOf, nonexpansive, product } from '../state.ts';
import { scaled } from './elementwise.ts';

function relu(site: Site): RuleResult {
  const data = site.data(0);
  return { outputs: [computed(data.shape, nonexpansive(measureOf(data), product(data.shape)))], upper: 1 };
}

/** max(v, 0) + α·min(v, 0): slope 1 or α. As far as the bounds go it is a scale of max(1, |α|). */
function leakyRelu(site: Site): RuleResult {
  return scaled(site, site.data(0), Math.max(1, Math.abs(site.number('alpha', Math.fround(0.01)))));
}

export const activationRules: Rules = {
  Relu: { attributes: [], apply: relu },
  LeakyRelu: { attributes: ['alpha'], apply: leakyRelu },
  Abs: { attributes: [], apply: relu },
};
