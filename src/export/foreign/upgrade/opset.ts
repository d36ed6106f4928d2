/** Brings the nodes of a graph to operator set 18, which sealed files use. */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { type GraphDraft, without } from '../graph-draft.ts';
import { upgradeOld } from './old-forms.ts';

/** Those that ONNX Runtime 1.30 runs. */
export const OLDEST_OPSET = 7;
export const NEWEST_OPSET = 26;
const OPSET = 18;

/** The change adds element types or rewords the same thing; no attribute, input or default differs. */
const SAME = null;
const NEW = 'not there before';

/**
 * What ONNX changed after set 7 in the operators that have a rule: the version, and how a node is brought to set 18 if
 * its meaning or form differs. From onnx's schemas; test/export/opset.test.ts checks the table against them.
 */
export const CHANGES: Readonly<Record<string, Readonly<Record<number, string | null>>>> = {
  Abs: { 13: SAME },
  Add: { 13: SAME, 14: SAME },
  AveragePool: {
    10: 'ceil_mode: not there before',
    11: SAME,
    19: 'dilations: all 1, or refused by its rule, as is ceil_mode',
    22: SAME,
  },
  BatchNormalization: {
    9: 'spatial: 1, or refused; dropped',
    14: 'training_mode, refused by its rule; other training outputs, likewise',
    15: SAME,
  },
  Cast: {
    9: SAME,
    13: SAME,
    19: 'saturate: of float 8 only; dropped',
    21: SAME,
    23: SAME,
    24: 'round_mode: of float 8 only; dropped',
    25: SAME,
  },
  Celu: { 12: NEW },
  Clip: { 11: 'min and max: attributes before', 12: SAME, 13: SAME },
  Concat: { 11: SAME, 13: SAME },
  Constant: {
    9: SAME,
    11: 'sparse_value: computed by ONNX Runtime',
    12: 'numbers and lists of them; read as tensors',
    13: SAME,
    19: SAME,
    21: SAME,
    23: SAME,
    24: SAME,
    25: SAME,
  },
  Conv: { 11: SAME, 22: SAME },
  Div: { 13: SAME, 14: SAME },
  Dropout: { 10: SAME, 12: 'training_mode: an input, absent or false; or refused by its rule', 13: SAME, 22: SAME },
  Elu: { 22: SAME },
  Erf: { 9: NEW, 13: SAME },
  Flatten: { 9: SAME, 11: SAME, 13: SAME, 21: SAME, 23: SAME, 24: SAME, 25: SAME },
  Gather: { 11: SAME, 13: SAME },
  Gemm: { 9: SAME, 11: 'C: required before', 13: SAME },
  GlobalAveragePool: { 22: SAME },
  GlobalMaxPool: { 22: SAME },
  HardSigmoid: { 22: SAME },
  HardSwish: { 14: NEW, 22: SAME },
  Identity: { 13: SAME, 14: SAME, 16: SAME, 19: SAME, 21: SAME, 23: SAME, 24: SAME, 25: SAME },
  LeakyRelu: { 16: SAME },
  MatMul: { 9: SAME, 13: SAME },
  Max: { 8: SAME, 12: SAME, 13: SAME },
  MaxPool: {
    8: 'storage_order: of the indices only; dropped where they are not used',
    10: 'dilations and ceil_mode: not there before',
    11: SAME,
    12: SAME,
    22: SAME,
  },
  Min: { 8: SAME, 12: SAME, 13: SAME },
  Mish: { 18: NEW, 22: SAME },
  Mul: { 13: SAME, 14: SAME },
  Neg: { 13: SAME },
  PRelu: { 9: SAME, 16: SAME },
  Pad: {
    11: 'pads and value: attributes before',
    13: SAME,
    18: 'axes: an input that was not there before',
    19: 'mode wrap: refused by its rule',
    21: SAME,
    23: SAME,
    24: SAME,
    25: SAME,
  },
  ReduceMax: { 11: SAME, 12: SAME, 13: SAME, 18: 'axes: an attribute before', 20: SAME },
  ReduceMean: { 11: SAME, 13: SAME, 18: 'axes: an attribute before' },
  ReduceMin: { 11: SAME, 12: SAME, 13: SAME, 18: 'axes: an attribute before', 20: SAME },
  ReduceSum: { 11: SAME, 13: 'axes: an attribute before' },
  Relu: { 13: SAME, 14: SAME },
  Reshape: {
    13: SAME,
    14: 'allowzero: dropped where the target has no 0',
    19: SAME,
    21: SAME,
    23: SAME,
    24: SAME,
    25: SAME,
  },
  Selu: { 22: SAME },
  Shape: { 13: SAME, 15: 'start and end: not there before', 19: SAME, 21: SAME, 23: SAME, 24: SAME, 25: SAME },
  Sigmoid: { 13: SAME },
  Slice: { 10: 'starts, ends and axes: attributes before', 11: SAME, 13: SAME },
  Softplus: { 22: SAME },
  Softsign: { 22: SAME },
  Split: { 11: SAME, 13: 'split: an attribute before', 18: 'num_outputs: implied before' },
  Sqrt: { 13: SAME },
  Squeeze: { 11: SAME, 13: 'axes: an attribute before', 21: SAME, 23: SAME, 24: SAME, 25: SAME },
  Sub: { 13: SAME, 14: SAME },
  Sum: { 8: SAME, 13: SAME },
  Tanh: { 13: SAME },
  TopK: { 10: 'k: an attribute before', 11: 'sorted and largest: 1 before', 24: SAME },
  Transpose: { 13: SAME, 21: SAME, 23: SAME, 24: SAME, 25: SAME },
  Unsqueeze: { 11: SAME, 13: 'axes: an attribute before', 21: SAME, 23: SAME, 24: SAME, 25: SAME },
};

/** Lists that were attributes before this version and are input 1 from it on. */
const MOVED: Readonly<Record<string, readonly [attribute: string, since: number]>> = {
  Squeeze: ['axes', 13],
  Unsqueeze: ['axes', 13],
  Split: ['split', 13],
  ReduceSum: ['axes', 13],
  ReduceL1: ['axes', 18],
  ReduceL2: ['axes', 18],
  ReduceLogSum: ['axes', 18],
  ReduceLogSumExp: ['axes', 18],
  ReduceMax: ['axes', 18],
  ReduceMean: ['axes', 18],
  ReduceMin: ['axes', 18],
  ReduceProd: ['axes', 18],
  ReduceSumSquare: ['axes', 18],
};

function moveList(draft: GraphDraft, node: OnnxNode, opset: number): OnnxNode {
  const [name, since] = MOVED[node.op] ?? ['', 0];
  const list = node.attributes.get(name);
  if (opset >= since || list?.kind !== 'ints') return node;
  const input = draft.integers(`${node.outputs[0]}/${name}`, list.value);
  return draft.replace(node, { inputs: [node.inputs[0]!, input], attributes: without(node, name) });
}

/** States the number of equal parts of a Split, one for each output, which set 18 requires. */
function sayParts(draft: GraphDraft, node: OnnxNode): void {
  if ((node.inputs[1] ?? '') !== '' || node.attributes.has('num_outputs')) return;
  const parts = { kind: 'int', value: BigInt(node.outputs.length) } as const;
  draft.replace(node, { attributes: new Map([...node.attributes, ['num_outputs', parts]]) });
}

/** Drops attributes that have no effect here and that set 18 does not know or the proof has no rule for. */
function dropIdle(draft: GraphDraft, node: OnnxNode): OnnxNode {
  const drop = (...names: string[]) =>
    names.some((name) => node.attributes.has(name))
      ? draft.replace(node, { attributes: without(node, ...names) })
      : node;
  const dilations = node.attributes.get('dilations');
  if (node.op === 'AveragePool' && dilations?.kind === 'ints' && dilations.value.every((size) => size === 1n)) {
    return drop('dilations');
  }
  if (node.op === 'Cast') return drop('saturate', 'round_mode');
  if (node.op === 'MaxPool' && (node.outputs[1] ?? '') === '') return drop('storage_order');
  if (node.op === 'Reshape') {
    const target = draft.initializers.get(node.inputs[1] ?? '')?.data;
    if (target instanceof BigInt64Array && !target.includes(0n)) return drop('allowzero');
  }
  return node;
}

/** @throws UnprovableError if ONNX Runtime does not run the set */
export function checkOpset(opset: number): void {
  if (opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return;
  throw new UnprovableError(
    `the model has opset ${opset}, ONNX Runtime runs ${OLDEST_OPSET} to ${NEWEST_OPSET}; bring it to opset ${OPSET} with onnx.version_converter`,
    { found: opset },
  );
}

/**
 * Rewrites what set 18 expresses differently; operators that have no rule stay as they are, but for their lists of axes.
 *
 * @throws UnprovableError if the set is not one whose changes are known
 */
export function upgradeNodes(draft: GraphDraft, opset: number): void {
  checkOpset(opset);
  for (const node of [...draft.nodes]) {
    const current = upgradeOld(draft, dropIdle(draft, node), opset);
    const moved = moveList(draft, current, opset);
    if (moved.op === 'Split') sayParts(draft, moved);
  }
}
