/**
 * Cuts off what stands behind a classifier's logits and keeps their order (Softmax, Sigmoid, ArgMax, Reshape, …), and
 * says what the original then answers for given logits.
 */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { integerOf } from '../graph-draft.ts';
import { positive, type Rewriter } from './rewriter.ts';

const SAME = ['Identity', 'Dropout', 'Cast', 'CastLike', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'] as const;
const MONOTONE = ['Softmax', 'LogSoftmax', 'Sigmoid', 'Log', 'Exp', 'Tanh', 'ArgMax', 'Normalizer'] as const;

/** An operator that was cut off. */
export type Cut = (typeof MONOTONE)[number];

const isCut = (op: string): op is Cut => (MONOTONE as readonly string[]).includes(op);

/** The index of the largest value alone is what an ArgMax gives. */
function isFirst(rewriter: Rewriter, node: OnnxNode, output: string): boolean {
  const most = node.op === 'TopK' && rewriter.scalar(node.inputs[1]) === 1 && integerOf(node, 'largest', 1) === 1;
  return most && node.outputs[1] === output;
}

const isSame = (op: string) => (SAME as readonly string[]).includes(op);

/** Whether the tensor holds one value for each class of a sample: all its other axes are 1. */
function isList(dims: readonly number[] | undefined): boolean {
  return dims !== undefined && dims.slice(1).filter((dim) => dim !== 1).length <= 1;
}

/** The axis of a TopK, which is the last one by default. */
function last(node: OnnxNode): OnnxNode['attributes'] {
  return new Map([['axis', { kind: 'int', value: BigInt(integerOf(node, 'axis', -1) ?? -1) }]]);
}

/** Whether a Softmax or ArgMax goes over the classes. Before set 13, it went over everything from its axis on. */
function overClasses(rewriter: Rewriter, node: OnnxNode, opset: number): boolean {
  const dims = rewriter.dims(node.inputs[0]);
  const old = opset < 13 && node.op !== 'ArgMax';
  const axis = integerOf(node, 'axis', node.op === 'ArgMax' ? 0 : old ? 1 : -1);
  // Without a shape, it is taken for a matrix; the comparison with the original would find what is not.
  if (dims === undefined || axis === undefined) return axis === 1 || axis === -1;
  const from = positive(axis, dims.length);
  if (from < 1) return false;
  const classes = dims.findIndex((dim, i) => i > 0 && dim !== 1);
  return old ? classes < 0 || classes >= from : classes === from || (classes < 0 && from > 0);
}

function refuseAxis(node: OnnxNode): never {
  throw new UnprovableError(
    `${node.op} '${node.name}' is not over the classes, so that the label is not that of the logits; name the tensor before it with --logits`,
    {
      op: node.op,
      node: node.name,
      place: `${node.op} '${node.name}'`,
      reason: 'it is not over the classes',
      remedy: 'name the tensor before it with --logits',
    },
  );
}

/** What a monotone operator is defined for: the logarithm and the share of a sum want what is positive. */
function fits(op: Cut, earlier: Cut | undefined): boolean {
  if (op === 'Log' || op === 'Normalizer') return earlier === 'Softmax' || earlier === 'Sigmoid' || earlier === 'Exp';
  return true;
}

/**
 * Cuts operators off the end of the draft. They are given in the order in which they were applied. Those that only
 * rearrange are left out of the list.
 *
 * @throws UnprovableError if a Softmax or an ArgMax is over another axis
 */
export function cutTail(rewriter: Rewriter, opset: number): readonly Cut[] {
  const { draft } = rewriter;
  // Only what stands behind the last monotone operator is sure to go: a Reshape alone may belong to the last layer.
  const chain: OnnxNode[] = [];
  for (let name = draft.outputs[0]!.name; ; ) {
    const producer = draft.producer(name);
    const node =
      producer && isFirst(rewriter, producer, name)
        ? { ...producer, op: 'ArgMax', attributes: last(producer) }
        : producer;
    if (node === undefined || !(isCut(node.op) || isSame(node.op)) || node.inputs[0] === '') break;
    if (isSame(node.op) && !(isList(rewriter.dims(node.inputs[0])) && isList(rewriter.dims(name)))) break;
    chain.push(node);
    name = node.inputs[0]!;
  }
  while (chain.length > 0 && !isCut(chain.at(-1)!.op)) chain.pop();
  const applied = chain.reverse().filter(({ op }) => isCut(op));
  applied.forEach((node, i) => {
    if (!fits(node.op as Cut, applied[i - 1]?.op as Cut | undefined)) {
      throw new UnprovableError(`${node.op} '${node.name}' stands behind the last layer, where it may not be defined`, {
        op: node.op,
        node: node.name,
        place: `${node.op} '${node.name}'`,
        reason: 'it may not be defined for every logit',
        remedy: 'export the network without it',
      });
    }
    if (['Softmax', 'LogSoftmax', 'ArgMax'].includes(node.op) && !overClasses(rewriter, node, opset)) refuseAxis(node);
  });
  const [first] = chain;
  if (first === undefined) return [];
  draft.outputs = draft.outputs.map((output) => ({ ...output, name: first.inputs[0]! }));
  const gone = new Set(chain.flatMap(({ outputs }) => outputs));
  draft.nodes = draft.nodes.filter((node) => !node.outputs.some((name) => gone.has(name)));
  return applied.map(({ op }) => op as Cut);
}

/**
 * The label of a single output is its sign, which only operators on each value alone keep.
 *
 * @throws UnprovableError if another one was cut off
 */
export function checkSingle(cut: readonly Cut[]): void {
  const op = cut.find((own) => own !== 'Sigmoid' && own !== 'Tanh' && own !== 'Log' && own !== 'Exp');
  if (op === undefined) return;
  const [place, reason] = [op, 'over the one output that the network has, it always gives the same'];
  const remedy = 'name the tensor before it with --logits';
  throw new UnprovableError(`${place}: ${reason}; ${remedy}`, { op, place, reason, remedy });
}

function softmax(values: readonly number[]): number[] {
  const top = Math.max(...values);
  const exponentials = values.map((y) => Math.exp(y - top));
  const total = exponentials.reduce((sum, e) => sum + e, 0);
  return exponentials.map((e) => e / total);
}

/** What the original gave, and the part of the largest value by which it may differ. */
interface Found {
  readonly found: readonly number[];
  readonly tolerance: number;
}

/** The index of the largest value, or the one that was found, if rounding may have decided between the two. */
function argMax(values: readonly number[], { found, tolerance }: Found): number[] {
  const top = Math.max(...values);
  const scale = Math.max(1, ...values.map(Math.abs));
  const own = values[found[0] ?? -1];
  return [own !== undefined && top - own <= tolerance * scale ? found[0]! : values.indexOf(top)];
}

const APPLY: Readonly<Record<Cut, (values: readonly number[], found: Found) => number[]>> = {
  Softmax: softmax,
  LogSoftmax: (values) => {
    const top = Math.max(...values);
    const total = values.reduce((sum, y) => sum + Math.exp(y - top), 0);
    return values.map((y) => y - top - Math.log(total));
  },
  Sigmoid: (values) => values.map((y) => 1 / (1 + Math.exp(-y))),
  Log: (values) => values.map(Math.log),
  Exp: (values) => values.map(Math.exp),
  Tanh: (values) => values.map(Math.tanh),
  ArgMax: argMax,
  Normalizer: (values) => {
    const total = values.reduce((sum, y) => sum + y, 0);
    return values.map((y) => y / total);
  },
};

/** What the original's output should be for the sealed logits. */
export function answersFor(
  logits: readonly number[],
  { cut, single }: { readonly cut: readonly Cut[]; readonly single: boolean },
  found: Found,
): number[] {
  const values = single ? [logits[1]! - logits[0]!] : [...logits];
  return cut.reduce<number[]>((result, op) => APPLY[op](result, found), values);
}
