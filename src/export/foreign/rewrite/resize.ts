/**
 * Resize, axis by axis: nearest takes positions again (a Gather), and linear and cubic are a matrix on each axis, which
 * ONNX Runtime itself is asked for.
 */
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import type { Rewriter } from './rewriter.ts';
import { textOf } from './rewriter.ts';
import { type Feed, runNode } from './run.ts';

/** What the node gives if the values differ along one axis only. */
async function along(
  rewriter: Rewriter,
  node: OnnxNode,
  dims: readonly number[],
  axis: number,
  rows: Iterable<readonly number[]>,
): Promise<number[][]> {
  const after = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const size = dims.reduce((product, dim) => product * dim, 1);
  function* feeds(): Generator<Feed> {
    for (const row of rows) {
      const data = Float32Array.from({ length: size }, (_, i) => row[Math.floor(i / after) % dims[axis]!]!);
      yield { dims, data };
    }
  }
  const values = await runNode(rewriter, node, dims.length, feeds());
  return values.map((value) => {
    const step = value.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
    return Array.from({ length: value.dims[axis]! }, (_, i) => Number(value.data[i * step]));
  });
}

/** A matrix on one axis: values [outputs, inputs], row by row. */
interface AxisMatrix {
  readonly axis: number;
  readonly outputs: number;
  readonly inputs: number;
  readonly values: number[];
}

async function matrixOf(
  rewriter: Rewriter,
  node: OnnxNode,
  dims: readonly number[],
  axis: number,
): Promise<AxisMatrix> {
  const inputs = dims[axis]!;
  const units = Array.from({ length: inputs }, (_, i) => Array.from({ length: inputs }, (_, j) => (i === j ? 1 : 0)));
  const columns = await along(rewriter, node, dims, axis, units);
  const outputs = columns[0]!.length;
  return {
    axis,
    outputs,
    inputs,
    values: Array.from({ length: outputs * inputs }, (_, e) => columns[e % inputs]![Math.floor(e / inputs)]!),
  };
}

/** The node with its sizes as a constant; ones that are computed depend on the shape of the image alone. */
function withSizes(rewriter: Rewriter, node: OnnxNode, to: readonly number[]): OnnxNode {
  if (node.inputs.slice(1).every((name) => name === '' || rewriter.constant(name) !== undefined)) return node;
  const sizes = rewriter.draft.integers(`${node.outputs[0]}/sizes`, to.map(BigInt));
  return { ...node, inputs: [node.inputs[0]!, '', '', sizes] };
}

export async function resize(rewriter: Rewriter, original: OnnxNode): Promise<void> {
  const dims = rewriter.dims(original.inputs[0]);
  const to = rewriter.dims(original.outputs[0]);
  if (dims === undefined || to === undefined || dims[0] !== to[0]) return;
  const node = withSizes(rewriter, original, to);
  if (textOf(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize') return;
  const axes = dims.flatMap((dim, axis) => (axis > 0 && dim !== to[axis] ? [axis] : []));
  if (textOf(node, 'mode', 'nearest') === 'nearest') {
    const lists: number[][] = [];
    for (const axis of axes) {
      const ramp = Array.from({ length: dims[axis]! }, (_, i) => i);
      lists.push(...(await along(rewriter, node, dims, axis, [ramp])));
    }
    rewriter.replace(original, (make) =>
      axes.reduce((x, axis, i) => make.op('Gather', [x, make.integers(lists[i]!)], { axis }), node.inputs[0]!),
    );
    return;
  }
  const matrices: AxisMatrix[] = [];
  for (const axis of axes) matrices.push(await matrixOf(rewriter, node, dims, axis));
  const rank = dims.length;
  if (axes.some((axis) => axis < rank - 2)) return;
  rewriter.replace(original, (make) =>
    matrices.reduce((x, { axis, outputs, inputs, values }) => {
      if (axis === rank - 2) return make.op('MatMul', [make.floats([outputs, inputs], values), x]);
      const transposed = Array.from({ length: values.length }, (_, e) => {
        return values[(e % outputs) * inputs + Math.floor(e / outputs)]!;
      });
      return make.op('MatMul', [x, make.floats([inputs, outputs], transposed)]);
    }, node.inputs[0]!),
  );
}
