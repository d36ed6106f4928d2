/** A Concat of a tensor with zeros, as networks widen their channels, is a Pad. */
import type { OnnxNode, Tensor } from '../../../certify-runtime/trusted/onnx/model.ts';
import { type GraphDraft, integerOf } from '../graph-draft.ts';

/** Whether a tensor is zero, and stands for every image. */
function isZeroRow(tensor: Tensor | undefined): tensor is Tensor {
  if (tensor === undefined || !(tensor.data instanceof Float32Array) || tensor.dims[0] !== 1) return false;
  return tensor.data.every((value) => value === 0);
}

function asPad(draft: GraphDraft, node: OnnxNode): void {
  const parts = node.inputs.map((name) => draft.initializers.get(name));
  const first = parts.indexOf(undefined);
  const last = parts.lastIndexOf(undefined);
  const around = [...parts.slice(0, first), ...parts.slice(last + 1)];
  const rank = around[0]?.dims.length ?? 0;
  const given = integerOf(node, 'axis', 0) ?? 0;
  const axis = given < 0 ? given + rank : given;
  const fits = around.every((tensor) => isZeroRow(tensor) && tensor.dims.length === rank);
  if (first < 0 || around.length === 0 || !fits || axis < 1 || axis >= rank) return;
  const width = (tensors: readonly (Tensor | undefined)[]) =>
    tensors.reduce((total, tensor) => total + BigInt(tensor!.dims[axis]!), 0n);
  const pads = Array.from({ length: 2 * rank }, () => 0n);
  pads[axis] = width(parts.slice(0, first));
  pads[rank + axis] = width(parts.slice(last + 1));
  const middle = node.inputs.slice(first, last + 1);
  let inner = middle[0]!;
  if (middle.length > 1) {
    inner = draft.fresh(`${node.outputs[0]}/inner`);
    draft.nodes.splice(draft.nodes.indexOf(node), 0, {
      ...node,
      name: draft.fresh(node.name),
      inputs: middle,
      outputs: [inner],
    });
  }
  const inputs = [inner, draft.integers(`${node.outputs[0]}/pads`, pads)];
  draft.replace(node, { op: 'Pad', inputs, attributes: new Map() });
}

/** Call it when all operators are of set 18. */
export function padZeros(draft: GraphDraft): void {
  for (const node of [...draft.nodes]) if (node.op === 'Concat') asPad(draft, node);
}
