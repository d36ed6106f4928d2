/** Every operator that has a rule. */

import type { Rule } from './rule.ts';
import { activationRules } from './rules/activation.ts';
import { branchRules } from './rules/branch.ts';
import { convRules } from './rules/conv.ts';
import { denseRules } from './rules/dense.ts';
import { elementwiseRules } from './rules/elementwise.ts';
import { normalizationRules } from './rules/normalization.ts';
import { poolRules } from './rules/pool.ts';
import { reduceRules } from './rules/reduce.ts';
import { structureRules } from './rules/structure.ts';

const tables = [
  denseRules,
  convRules,
  elementwiseRules,
  activationRules,
  normalizationRules,
  structureRules,
  branchRules,
  poolRules,
  reduceRules,
];

/** A Map, so that an operator called "constructor" has no rule. */
export const allRules: ReadonlyMap<string, Rule> = new Map(tables.flatMap((table) => Object.entries(table)));
