/** Every operator that has a rule. */

import { folds } from './constants.ts';
import type { Rule, RuleBook } from './rule.ts';
import { activationRules } from './rules/activation.ts';
import { branchRules } from './rules/branch.ts';
import { convRules } from './rules/conv.ts';
import { denseRules } from './rules/dense.ts';
import { elementwiseRules } from './rules/elementwise.ts';
import { normalizationRules } from './rules/normalization.ts';
import { poolRules } from './rules/pool.ts';
import { reduceRules } from './rules/reduce.ts';
import { reshapeRules } from './rules/reshape.ts';
import { scaleRules } from './rules/scale.ts';
import { structureRules } from './rules/structure.ts';

const tables = [
  denseRules,
  convRules,
  reshapeRules,
  elementwiseRules,
  scaleRules,
  activationRules,
  normalizationRules,
  structureRules,
  branchRules,
  poolRules,
  reduceRules,
];

export const allRules: RuleBook = Object.assign(
  new Map<string, Rule>(tables.flatMap((table) => Object.entries(table))),
  { folds },
);
