/** The rules a graph needs: those of dense networks at once, the others loaded when an operator asks for them. */

import { HEAD_PREFIX } from '../file/names.ts';
import type { Graph } from '../onnx/model.ts';
import { branchRules } from '../rules/branch.ts';
import { denseRules } from '../rules/dense.ts';
import { elementwiseRules } from '../rules/elementwise.ts';
import { reshapeRules } from '../rules/reshape.ts';
import type { Rule, RuleBook, Rules } from './rule.ts';

/** Chunks of their own in a bundle, so that a page with a dense network does not fetch what proves convolutions. */
const MORE: readonly (readonly [ops: RegExp, load: () => Promise<Rules>])[] = [
  [/^Conv/, async () => (await import('../rules/conv.ts')).convRules],
  [/Pool$/, async () => (await import('../rules/pool.ts')).poolRules],
  [/^(Reduce|TopK)/, async () => (await import('../rules/reduce.ts')).reduceRules],
  [/Normalization$/, async () => (await import('../rules/normalization.ts')).normalizationRules],
  [/^(Mul|Div|Neg)$/, async () => (await import('../rules/scale.ts')).scaleRules],
  [/Relu$|^(Abs|Clip)$/, async () => (await import('../rules/activation.ts')).activationRules],
  [
    /squeeze$|^(Identity|Dropout|Cast|Transpose|Slice|Gather|Pad)$/i,
    async () => (await import('../rules/structure.ts')).structureRules,
  ],
];

/** The rules for the network of a sealed graph; nothing is proven of the head by rules. */
export async function rulesFor({ nodes, initializers }: Graph): Promise<RuleBook> {
  const network = nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX));
  const tables = await Promise.all([
    ...[denseRules, elementwiseRules, reshapeRules, branchRules],
    ...MORE.filter(([ops]) => network.some(({ op }) => ops.test(op))).map(([, load]) => load()),
  ]);
  const rules = new Map<string, Rule>(tables.flatMap((table) => Object.entries(table)));
  // Whatever does not depend on the image starts with one of these.
  const folded = network.some(
    ({ op, inputs }) => op === 'Shape' || inputs.every((name) => name === '' || initializers.has(name)),
  );
  return folded ? Object.assign(rules, { folds: (await import('./constants.ts')).folds }) : rules;
}
