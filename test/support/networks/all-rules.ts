/** The rules of every operator at once: the verifier loads those that a network needs. */

import { RULES, rulesOf } from '../../../src/certify-runtime/trusted/rules/table.ts';
import type { RuleBook } from '../../../src/certify-runtime/trusted/walk/rule.ts';

export const allRules = await rulesOf(RULES.keys(), true);

/** The same without what takes several operators together (lemmas 20 and 21): each rule shows its own bound. */
export const rulesAlone: RuleBook = Object.assign(new Map(allRules), {
  ...(allRules.folds && { folds: allRules.folds }),
  ...(allRules.products && { products: allRules.products }),
});
