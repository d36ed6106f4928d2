/**
 * The certificate head of format 1, for files that were sealed before format 2: it has one slack for all pairs of
 * classes, and does not check the logits. Node by node it is the head of format 2 without what was added there.
 */

import { scale, sum } from './bounds/affine.ts';
import { mulUp } from './bounds/rounding.ts';
import { HEAD_PREFIX } from './file/names.ts';
import { assembleHead, HIDDEN_MARGIN } from './head-graph-2.ts';
import type { HeadGraph } from './head-nodes.ts';
import type { MarginTerms } from './margin.ts';

const own = (...names: readonly string[]) => new Set(names.map((name) => HEAD_PREFIX + name));
const ADDED = own('doubt', 'lowered', 'sum', 'finite', 'sound', 'doubt_weights', 'doubt_bias', 'largest_sum');
const BEFORE = new Map(
  [
    ['lowered', 'top'],
    ['sound', 'certifiable'],
  ].map(([now, then]) => [HEAD_PREFIX + now, HEAD_PREFIX + then] as const),
);

/** min_j (ŷ_c − ŷ_j)·inverse_cj − min_i (latentSlack_i(x) + 4ρ(x)·max inverse); the rest is as in format 2. */
export function formerHead(terms: MarginTerms, inputs: number): HeadGraph {
  const largest = terms.inverse.reduce((a, b) => Math.max(a, b), 0);
  const slack = terms.latentSlack.map((bound) => sum(bound, scale(largest, terms.logitSlack)));
  const { nodes, initializers } = assembleHead(terms, inputs, slack, mulUp(HIDDEN_MARGIN, largest));
  return {
    nodes: nodes
      .filter(({ name }) => !ADDED.has(name))
      .map((node) => ({ ...node, inputs: node.inputs.map((input) => BEFORE.get(input) ?? input) })),
    initializers: initializers.filter(({ name }) => !ADDED.has(name)),
  };
}
