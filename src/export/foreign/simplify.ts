/**
 * Leaves out what is not needed or does nothing: unused nodes, Identity, Dropout, and constants that are only
 * rearranged.
 */
import type { OnnxNode, Tensor } from '../../certify-runtime/trusted/onnx/model.ts';
import { transposeIndex } from '../../certify-runtime/trusted/walk/rearrange.ts';
import type { GraphDraft } from './graph-draft.ts';

/** Keeps only the nodes that `output` is computed from, in their order. */
export function prune(draft: GraphDraft, output: string): void {
  const wanted = new Set([output]);
  const kept = [...draft.nodes].reverse().filter((node) => {
    const used = node.outputs.some((name) => name !== '' && wanted.has(name));
    if (used) for (const input of node.inputs) wanted.add(input);
    return used;
  });
  draft.nodes = kept.reverse();
}

/** Whether a Dropout is the identity, as it is in inference; from set 12 on, a node may be told to train. */
function isInference(draft: GraphDraft, node: OnnxNode, opset: number): boolean {
  const training = node.inputs[2] ?? '';
  if (opset < 12 || training === '') return true;
  const value = draft.initializers.get(training);
  return value?.type === 'bool' && value.data.length === 1 && value.data[0] === 0;
}

function transposed(node: OnnxNode, tensor: Tensor): Omit<Tensor, 'name'> | null {
  const { dims, data } = tensor;
  const given = node.attributes.get('perm');
  const perm = given?.kind === 'ints' ? given.value.map(Number) : dims.map((_, axis) => dims.length - 1 - axis);
  if (!(data instanceof Float32Array) || [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) return null;
  if (perm.length !== dims.length) return null;
  const values = Float32Array.from(transposeIndex(dims, perm), (source) => data[source]!);
  return { type: 'float32', dims: perm.map((axis) => dims[axis]!), data: values };
}

/** The constant that a node computes from one constant, if that takes no arithmetic. */
function folded(draft: GraphDraft, node: OnnxNode): Omit<Tensor, 'name'> | null {
  const [input] = node.inputs;
  const tensor = draft.initializers.get(input ?? '');
  if (tensor === undefined) return null;
  if (node.op === 'Identity') return tensor;
  return node.op === 'Transpose' ? transposed(node, tensor) : null;
}

/** Removes idle nodes. Call it after `prune`, because a Dropout whose second output is used stays. */
export function simplify(draft: GraphDraft, opset: number): void {
  for (const original of [...draft.nodes]) {
    const [output] = original.outputs;
    const node = draft.producer(output!)!;
    const constant = folded(draft, node);
    if (constant !== null) {
      draft.bypass(node, output!, draft.constant(`${output}/constant`, constant));
      continue;
    }
    const mask = node.outputs[1] ?? '';
    const maskUsed = mask !== '' && draft.nodes.some(({ inputs }) => inputs.includes(mask));
    const idle = node.op === 'Identity' || (node.op === 'Dropout' && !maskUsed && isInference(draft, node, opset));
    if (idle) draft.bypass(node, output!, node.inputs[0]!);
  }
}
