/** Every operator that has a rule, and the rule's file: a page fetches only the files that its network needs. */

import { HEAD_PREFIX } from '../file/names.ts';
import type { Graph } from '../onnx/model.ts';
import type { Rule, RuleBook, Rules } from '../walk/rule.ts';

/** The operators of each file, and the function that loads it. */
const FILES: readonly (readonly [operators: string, load: () => Promise<Rules>])[] = [
  ['Add Sub Sum', async () => (await import('./elementwise.ts')).elementwiseRules],
  ['AveragePool GlobalAveragePool GlobalMaxPool MaxPool', async () => (await import('./pool.ts')).poolRules],
  ['BatchNormalization', async () => (await import('./normalization.ts')).normalizationRules],
  ['Concat Max Min', async () => (await import('./branch.ts')).branchRules],
  ['Conv', async () => (await import('./conv.ts')).convRules],
  ['Div Mul Neg', async () => (await import('./scale.ts')).scaleRules],
  ['Flatten Reshape Split', async () => (await import('./reshape.ts')).reshapeRules],
  ['Gemm MatMul', async () => (await import('./dense.ts')).denseRules],
  ['Abs Clip LeakyRelu PRelu Relu', async () => (await import('./activation.ts')).activationRules],
  [
    'Celu Elu Erf HardSigmoid HardSwish Mish Selu Sigmoid Softplus Softsign Tanh',
    async () => (await import('./functions/functions.ts')).functionRules,
  ],
  ['Sqrt', async () => (await import('./functions/squares.ts')).rootRules],
  ['ReduceMax ReduceMean ReduceMin ReduceSum TopK', async () => (await import('./reduce.ts')).reduceRules],
  [
    'Cast Dropout Gather Identity Pad Slice Squeeze Transpose Unsqueeze',
    async () => (await import('./structure.ts')).structureRules,
  ],
];

/** The table by operator. It is a Map, so that an operator called "constructor" has no rule. */
export const RULES: ReadonlyMap<string, () => Promise<Rules>> = new Map(
  FILES.flatMap(([operators, load]) => operators.split(' ').map((op) => [op, load] as const)),
);

/** The operators without which no product of two tensors has a bound: a root of squares, and bounded factors. */
const GATES = ['Erf', 'HardSigmoid', 'Sigmoid', 'Sqrt', 'Tanh'];

/** The rules of these operators, as far as they have any, the rules for constants if `folded`, and lemmas 20 and 21 if `sharpened`. */
export async function rulesOf(operators: Iterable<string>, folded: boolean, sharpened = true): Promise<RuleBook> {
  const rules = new Map<string, Rule>();
  for (const op of operators) {
    const load = RULES.get(op);
    if (load !== undefined) rules.set(op, (await load())[op]!);
  }
  return Object.assign(
    rules,
    folded ? { folds: (await import('../walk/constants.ts')).folds } : {},
    sharpened ? { sharpen: (await import('../segments/sharpen.ts')).sharpen } : {},
    GATES.some((op) => rules.has(op)) ? { products: (await import('./functions/products.ts')).productRules } : {},
  );
}

/** Operators that change no more than the places of elements, or are products with constants in parts of a tensor. */
const PLAIN = new Set(
  'Concat Flatten Gather Identity MatMul Max Min Reshape Slice Split Squeeze Sum Transpose Unsqueeze'.split(' '),
);

/** The rules that the network of a sealed graph needs. No rule proves anything about the head. */
export async function rulesFor({ nodes, initializers }: Graph): Promise<RuleBook> {
  const network = nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX));
  // Every value that does not depend on the image starts with one of these.
  const folded = network.some(
    ({ op, inputs }) => op === 'Shape' || inputs.every((name) => name === '' || initializers.has(name)),
  );
  // A network of products, added constants and sorts alone, as training writes them, is bounded product by product.
  const sharpened = network.some(
    ({ op, inputs }) => !(PLAIN.has(op) || (op === 'Add' && inputs.some((name) => initializers.has(name)))),
  );
  return rulesOf(new Set(network.map(({ op }) => op)), folded, sharpened);
}
