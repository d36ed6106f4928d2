/** Brings the nodes of a graph to operator set 18, which sealed files use. */
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';
import { type GraphDraft, without } from './graph-draft.ts';

export const OLDEST_OPSET = 11;
export const NEWEST_OPSET = 23;
const OPSET = 18;

/** The change adds element types or rewords the same thing; no attribute, input or default differs. */
const SAME = null;

/**
 * What ONNX changed after set 11 in the operators that have a rule: the version, and how a node is brought to set 18 if
 * its meaning or form differs. From onnx 1.18's schemas; test/export/opset.test.ts checks the table against them.
 */
export const CHANGES: Readonly<Record<string, Readonly<Record<number, string | null>>>> = {
  Abs: { 13: SAME },
  Add: { 13: SAME, 14: SAME },
  AveragePool: { 19: 'dilations: all 1, or refused by its rule, as is ceil_mode', 22: SAME },
  BatchNormalization: { 14: 'training_mode, refused by its rule; other training outputs, likewise', 15: SAME },
  Cast: { 13: SAME, 19: 'saturate: of float 8 only; dropped', 21: SAME, 23: SAME },
  Clip: { 12: SAME, 13: SAME },
  Concat: { 13: SAME },
  Constant: { 12: 'numbers and lists of them; read as tensors', 13: SAME, 19: SAME, 21: SAME, 23: SAME },
  Conv: { 22: SAME },
  Div: { 13: SAME, 14: SAME },
  Dropout: { 12: 'training_mode: an input, absent or false; or refused by its rule', 13: SAME, 22: SAME },
  Flatten: { 13: SAME, 21: SAME, 23: SAME },
  Gather: { 13: SAME },
  Gemm: { 13: SAME },
  GlobalAveragePool: { 22: SAME },
  GlobalMaxPool: { 22: SAME },
  Identity: { 13: SAME, 14: SAME, 16: SAME, 19: SAME, 21: SAME, 23: SAME },
  LeakyRelu: { 16: SAME },
  MatMul: { 13: SAME },
  Max: { 12: SAME, 13: SAME },
  MaxPool: { 12: SAME, 22: SAME },
  Min: { 12: SAME, 13: SAME },
  Mul: { 13: SAME, 14: SAME },
  Neg: { 13: SAME },
  PRelu: { 16: SAME },
  Pad: {
    13: SAME,
    18: 'axes: an input that was not there before',
    19: 'mode wrap: refused by its rule',
    21: SAME,
    23: SAME,
  },
  ReduceMax: { 12: SAME, 13: SAME, 18: 'axes: an attribute before', 20: SAME },
  ReduceMean: { 13: SAME, 18: 'axes: an attribute before' },
  ReduceMin: { 12: SAME, 13: SAME, 18: 'axes: an attribute before', 20: SAME },
  ReduceSum: { 13: 'axes: an attribute before' },
  Relu: { 13: SAME, 14: SAME },
  Reshape: { 13: SAME, 14: 'allowzero: dropped where the target has no 0', 19: SAME, 21: SAME, 23: SAME },
  Shape: { 13: SAME, 15: 'start and end: not there before', 19: SAME, 21: SAME, 23: SAME },
  Slice: { 13: SAME },
  Split: { 13: 'split: an attribute before', 18: 'num_outputs: implied before' },
  Squeeze: { 13: 'axes: an attribute before', 21: SAME, 23: SAME },
  Sub: { 13: SAME, 14: SAME },
  Sum: { 13: SAME },
  TopK: {},
  Transpose: { 13: SAME, 21: SAME, 23: SAME },
  Unsqueeze: { 13: 'axes: an attribute before', 21: SAME, 23: SAME },
};

/** Lists that were attributes before this version and are input 1 from it on. */
const MOVED: Readonly<Record<string, readonly [attribute: string, since: number]>> = {
  Squeeze: ['axes', 13],
  Unsqueeze: ['axes', 13],
  Split: ['split', 13],
  ReduceSum: ['axes', 13],
  ReduceMax: ['axes', 18],
  ReduceMean: ['axes', 18],
  ReduceMin: ['axes', 18],
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
  const dilations = node.attributes.get('dilations');
  if (node.op === 'AveragePool' && dilations?.kind === 'ints' && dilations.value.every((size) => size === 1n)) {
    return draft.replace(node, { attributes: without(node, 'dilations') });
  }
  if (node.op === 'Cast') return draft.replace(node, { attributes: without(node, 'saturate') });
  if (node.op === 'Reshape') {
    const target = draft.initializers.get(node.inputs[1] ?? '')?.data;
    if (target instanceof BigInt64Array && !target.includes(0n)) {
      return draft.replace(node, { attributes: without(node, 'allowzero') });
    }
  }
  return node;
}

/**
 * Rewrites what set 18 expresses differently.
 *
 * @throws UnprovableError if the set is not one whose changes are known
 */
export function upgradeNodes(draft: GraphDraft, opset: number): void {
  if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
    throw new UnprovableError(
      `the model has opset ${opset}, expected ${OLDEST_OPSET} to ${NEWEST_OPSET}; export it again with opset ${OPSET}`,
      { found: opset },
    );
  }
  for (const node of [...draft.nodes]) {
    const moved = moveList(draft, dropIdle(draft, node), opset);
    if (moved.op === 'Split') sayParts(draft, moved);
  }
}
