/** Rules that say what they found, one node after the other: a proof that can be watched. */
import type { Rule, RuleBook } from '../../certify-runtime/trusted/walk/rule.ts';

/** A node of the network, and the upper bound of its own Lipschitz constant; null if it is refused. */
export interface WatchedNode {
  readonly op: string;
  readonly name: string;
  readonly upper: number | null;
}

export type OnNode = (node: WatchedNode) => void;

/** The same rules, which also tell `onNode` about every node that they are applied to. */
export function watched(rules: RuleBook, onNode: OnNode | undefined): RuleBook {
  if (onNode === undefined) return rules;
  const watchedRule = ({ attributes, apply }: Rule): Rule => ({
    attributes,
    apply(site) {
      const { op, name } = site.node;
      try {
        const result = apply(site);
        onNode({ op, name, upper: result.upper });
        return result;
      } catch (error) {
        onNode({ op, name, upper: null });
        throw error;
      }
    },
  });
  const { folds, products, sharpen } = rules;
  const book = new Map([...rules].map(([op, rule]) => [op, watchedRule(rule)]));
  return Object.assign(
    book,
    folds === undefined ? {} : { folds },
    sharpen === undefined ? {} : { sharpen },
    products === undefined ? {} : { products: { ...products, product: watchedRule(products.product) } },
  );
}
