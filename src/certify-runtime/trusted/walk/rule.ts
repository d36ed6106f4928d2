/** What a rule is: how one operator turns the measures of its inputs into those of its outputs. */

import type { Precision } from '../bounds/precision.ts';
import type { Site, Value } from './site.ts';
import type { Base, Data, Squares } from './state.ts';

export interface RuleResult {
  readonly outputs: readonly (Data | Squares)[];
  /** Upper bound of the operator's own ℓ2 Lipschitz constant. */
  readonly upper: number;
  /** What the outputs are, if not what the inputs are. */
  readonly precision?: Precision;
}

export interface Rule {
  /** The attributes it understands; any other one is refused. */
  readonly attributes: readonly string[];
  readonly apply: (site: Site) => RuleResult;
}

export type Rules = Readonly<Record<string, Rule>>;

/** The output of a node that does not depend on the image. */
export type Fold = (site: Site) => Value;

/** What is known about products of tensors that depend on the image, and about squares (Lemma 25). */
export interface ProductRules {
  /** Mul of two such tensors. */
  readonly product: Rule;
  /** The rule of an operator that takes squares, given its own rule, if it has one. */
  readonly onSquares: (op: string, rule: Rule | undefined) => Rule | undefined;
}

/** Rules by operator. It is a Map, so that an operator called "constructor" has none. */
export type RuleBook = ReadonlyMap<string, Rule> & {
  readonly folds?: ReadonlyMap<string, Fold>;
  readonly products?: ProductRules;
  /** Improves what is known of a base by lemmas 20 and 21; `passed`: it is read by one linear operator alone. */
  readonly sharpen?: (site: Site, base: Base, passed: boolean) => void;
};
