/** Every operator that has a rule. */

import { folds } from '../walk/constants.ts';
import type { Rule, RuleBook } from '../walk/rule.ts';
import { activationRules } from './activation.ts';
import { branchRules } from './branch.ts';
import { convRules } from './conv.ts';
import { denseRules } from './dense.ts';
import { elementwiseRules } from './elementwise.ts';
import { normalizationRules } from './normalization.ts';
import { poolRules } from './pool.ts';
import { reduceRules } from './reduce.ts';
import { reshapeRules } from './reshape.ts';
import { scaleRules } from './scale.ts';
import { structureRules } from './structure.ts';

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
