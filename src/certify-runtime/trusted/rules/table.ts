/** Every operator that has a rule, and where the rule is loaded from: a page fetches those that its network needs. */

import { HEAD_PREFIX } from '../file/names.ts';
import type { Graph } from '../onnx/model.ts';
import type { Rule, RuleBook, Rules } from '../walk/rule.ts';

const activation = async () => (await import('./activation.ts')).activationRules;
const branch = async () => (await import('./branch.ts')).branchRules;
const conv = async () => (await import('./conv.ts')).convRules;
const dense = async () => (await import('./dense.ts')).denseRules;
const elementwise = async () => (await import('./elementwise.ts')).elementwiseRules;
const normalization = async () => (await import('./normalization.ts')).normalizationRules;
const pool = async () => (await import('./pool.ts')).poolRules;
const reduce = async () => (await import('./reduce.ts')).reduceRules;
const reshape = async () => (await import('./reshape.ts')).reshapeRules;
const scale = async () => (await import('./scale.ts')).scaleRules;
const structure = async () => (await import('./structure.ts')).structureRules;

/** A Map, so that an operator called "constructor" has no rule. */
export const RULES: ReadonlyMap<string, () => Promise<Rules>> = new Map(
  Object.entries({
    Abs: activation,
    Add: elementwise,
    AveragePool: pool,
    BatchNormalization: normalization,
    Cast: structure,
    Clip: activation,
    Concat: branch,
    Conv: conv,
    Div: scale,
    Dropout: structure,
    Flatten: reshape,
    Gather: structure,
    Gemm: dense,
    GlobalAveragePool: pool,
    GlobalMaxPool: pool,
    Identity: structure,
    LeakyRelu: activation,
    MatMul: dense,
    Max: branch,
    MaxPool: pool,
    Min: branch,
    Mul: scale,
    Neg: scale,
    PRelu: activation,
    Pad: structure,
    ReduceMax: reduce,
    ReduceMean: reduce,
    ReduceMin: reduce,
    ReduceSum: reduce,
    Relu: activation,
    Reshape: reshape,
    Slice: structure,
    Split: reshape,
    Squeeze: structure,
    Sub: elementwise,
    Sum: elementwise,
    TopK: reduce,
    Transpose: structure,
    Unsqueeze: structure,
  }),
);

/** The rules of these operators, as far as they have any, and those for constants if `folded`. */
export async function rulesOf(operators: Iterable<string>, folded: boolean): Promise<RuleBook> {
  const rules = new Map<string, Rule>();
  for (const op of operators) {
    const load = RULES.get(op);
    if (load !== undefined) rules.set(op, (await load())[op]!);
  }
  return folded ? Object.assign(rules, { folds: (await import('../walk/constants.ts')).folds }) : rules;
}

/** The rules that the network of a sealed graph needs; nothing is proven of the head by rules. */
export async function rulesFor({ nodes, initializers }: Graph): Promise<RuleBook> {
  const network = nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX));
  // Whatever does not depend on the image starts with one of these.
  const folded = network.some(
    ({ op, inputs }) => op === 'Shape' || inputs.every((name) => name === '' || initializers.has(name)),
  );
  return rulesOf(new Set(network.map(({ op }) => op)), folded);
}
