/** What a rule is: how one operator turns the measures of its inputs into those of its outputs. */

import type { Site, Value } from './site.ts';

export interface RuleResult {
  readonly outputs: readonly Value[];
  /** Upper bound of the operator's own ℓ2 Lipschitz constant. */
  readonly upper: number;
}

export interface Rule {
  /** The attributes it understands; any other one is refused. */
  readonly attributes: readonly string[];
  readonly apply: (site: Site) => RuleResult;
}

export type Rules = Readonly<Record<string, Rule>>;

/** The output of a node that does not depend on the image. */
export type Fold = (site: Site) => Value;

/** Rules by operator. It is a Map, so that an operator called "constructor" has none. */
export type RuleBook = ReadonlyMap<string, Rule> & { readonly folds?: ReadonlyMap<string, Fold> };
