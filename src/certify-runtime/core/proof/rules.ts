/** Every operator that has a rule. */

import type { Rule } from './rule.ts';
import { activationRules } from './rules/activation.ts';
import { branchRules } from './rules/branch.ts';
import { convRules } from './rules/conv.ts';
import { denseRules } from './rules/dense.ts';
import { elementwiseRules } from './rules/elementwise.ts';
import { structureRules } from './rules/structure.ts';

/** A Map, so that an operator called "constructor" has no rule. */
export const allRules: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    ...denseRules,
    ...convRules,
    ...elementwiseRules,
    ...activationRules,
    ...structureRules,
    ...branchRules,
  }),
);
