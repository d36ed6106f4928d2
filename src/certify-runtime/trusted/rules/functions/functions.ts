/** The operators that are scalar functions with bounded slopes: Sigmoid, Tanh, Elu and their kin. Lemma 24. */

import type { RuleResult, Rules } from '../../walk/rule.ts';
import type { Site } from '../../walk/site.ts';
import type { Data } from '../../walk/state.ts';
import { from, type Origin } from './origins.ts';
import { pointwise, type ScalarFunction } from './pointwise.ts';
import { FUNCTIONS, hardSigmoidConstants } from './table.ts';

const plain =
  (of: (site: Site) => ScalarFunction) =>
  (site: Site): RuleResult =>
    pointwise(site, site.data(0), of(site));

/** The same, and a product of it with what it is a function of may have a bound. */
const gate =
  (op: Origin['op'], of: (site: Site) => ScalarFunction, constants: (site: Site) => readonly number[] = () => []) =>
  (site: Site): RuleResult => {
    const data = site.data(0);
    const result = pointwise(site, data, of(site));
    from(result.outputs[0] as Data, op, data, constants(site));
    return result;
  };

export const functionRules: Rules = {
  Sigmoid: { attributes: [], apply: gate('Sigmoid', FUNCTIONS.Sigmoid) },
  Tanh: { attributes: [], apply: gate('Tanh', FUNCTIONS.Tanh) },
  Erf: { attributes: [], apply: gate('Erf', FUNCTIONS.Erf) },
  Softplus: { attributes: [], apply: gate('Softplus', FUNCTIONS.Softplus) },
  Softsign: { attributes: [], apply: plain(FUNCTIONS.Softsign) },
  Mish: { attributes: [], apply: plain(FUNCTIONS.Mish) },
  Elu: { attributes: ['alpha'], apply: plain(FUNCTIONS.Elu) },
  Selu: { attributes: ['alpha', 'gamma'], apply: plain(FUNCTIONS.Selu) },
  Celu: { attributes: ['alpha'], apply: plain(FUNCTIONS.Celu) },
  HardSigmoid: {
    attributes: ['alpha', 'beta'],
    apply: gate('HardSigmoid', FUNCTIONS.HardSigmoid, hardSigmoidConstants),
  },
  HardSwish: { attributes: [], apply: plain(FUNCTIONS.HardSwish) },
};
