/** The graph of the steps, and what every way to a tensor passes: the tensors of which it is a function. Lemma 20. */

import { sqrtUp } from '../bounds/rounding.ts';
import type { Base, Data } from '../walk/state.ts';
import { type Step, stepOf } from '../walk/steps.ts';
import { multiplicity, type View } from '../walk/view.ts';

/** Elements of a tensor, and zeros where first is −1; no max and no min. */
interface Picks {
  readonly kind: 'picks';
  readonly first: Int32Array;
  readonly absolute: number;
}

export interface Node {
  readonly size: number;
  /** The tensor, or the one whose elements it is made of; its L is at most stretch times that one's. */
  readonly base: Base;
  readonly stretch: number;
  /** Null for a tensor that no step explains; it has no operands. */
  readonly step: Step | Picks | null;
  readonly operands: readonly Node[];
  /** The last tensor before it that all ways to it pass. */
  readonly dominator: Node | null;
  readonly depth: number;
}

/** More nodes than this, and more operands of one, are not taken together. */
const MOST_NODES = 200;

const nodes = new WeakMap<Base | View, Node>();

export function nodeOf(base: Base): Node {
  const known = nodes.get(base);
  if (known !== undefined) return known;
  const recorded = stepOf(base);
  // A max or min of two elements is no linear function; rules make such a view a base before they record it.
  const explained = recorded?.of.every(({ view }) => view === null || view.pair === null) ? recorded : null;
  const operands = explained?.of.map(operandOf) ?? [];
  return remember(base, { size: base.size, base, stretch: 1, step: explained?.step ?? null, operands });
}

/** The same view of the same tensor is the same node. */
function operandOf({ base, view }: Data): Node {
  if (view === null) return nodeOf(base);
  const stretch = sqrtUp(multiplicity(view, base.size));
  const step = { kind: 'picks', first: view.first, absolute: stretch } as const;
  return nodes.get(view) ?? remember(view, { size: view.first.length, base, stretch, step, operands: [nodeOf(base)] });
}

function remember(key: Base | View, node: Omit<Node, 'dominator' | 'depth'>): Node {
  const { operands } = node;
  // Each may be a climb through the whole graph.
  const dominator = operands.length > MOST_NODES ? null : operands.reduce<Node | null>(common, operands[0] ?? null);
  const whole = { ...node, dominator, depth: (dominator?.depth ?? -1) + 1 };
  nodes.set(key, whole);
  return whole;
}

/** The last node that dominates both. */
function common(a: Node | null, b: Node): Node | null {
  let [left, right] = [a, b];
  while (left !== right && left !== null) {
    if (left.depth >= right.depth) left = left.dominator;
    else right = right.dominator!;
  }
  return left;
}

/** The nodes from `from`, which dominates v, to v, each after its operands; null if there are too many. */
export function nodesBetween(v: Node, from: Node): readonly Node[] | null {
  const seen = new Set<Node>([from]);
  const order: Node[] = [];
  const visit = (node: Node): void => {
    if (seen.has(node) || seen.size > MOST_NODES) return;
    seen.add(node);
    for (const operand of node.operands) visit(operand);
    order.push(node);
  };
  visit(v);
  return seen.size > MOST_NODES ? null : order;
}
