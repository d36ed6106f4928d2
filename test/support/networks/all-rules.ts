/** The rules of every operator at once: the verifier loads those that a network needs. */

import { RULES, rulesOf } from '../../../src/certify-runtime/trusted/rules/table.ts';

export const allRules = await rulesOf(RULES.keys(), true);
