/** The rules a graph needs: those of dense networks at once, the others loaded when an operator asks for them. */

import type { Graph } from '../onnx/model.ts';
import type { Rule, Rules } from './rule.ts';
import { branchRules } from './rules/branch.ts';
import { denseRules } from './rules/dense.ts';
import { elementwiseRules } from './rules/elementwise.ts';
import { structureRules } from './rules/structure.ts';

/** Chunks of their own in a bundle, so that a page with a dense network does not fetch what proves convolutions. */
const MORE: readonly (readonly [ops: RegExp, load: () => Promise<Rules>])[] = [
  [/^Conv/, async () => (await import('./rules/conv.ts')).convRules],
  [/Pool$/, async () => (await import('./rules/pool.ts')).poolRules],
  [/^Reduce/, async () => (await import('./rules/reduce.ts')).reduceRules],
  [/Normalization$/, async () => (await import('./rules/normalization.ts')).normalizationRules],
];

/** A Map, so that an operator called "constructor" has no rule. */
export async function rulesFor(graph: Graph): Promise<ReadonlyMap<string, Rule>> {
  const ops = [...new Set(graph.nodes.map(({ op }) => op))];
  const base = [denseRules, elementwiseRules, structureRules, branchRules];
  const more = MORE.filter(([pattern]) => ops.some((op) => pattern.test(op))).map(([, load]) => load());
  // What no chunk above holds by name.
  if (ops.some((op) => base.every((table) => !Object.hasOwn(table, op)))) {
    more.push(import('./rules/activation.ts').then(({ activationRules }) => activationRules));
  }
  return new Map([...base, ...(await Promise.all(more))].flatMap((table) => Object.entries(table)));
}
