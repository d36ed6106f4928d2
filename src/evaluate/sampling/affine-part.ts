/**
 * Where a network is cut for sampling: what comes before the cut is affine, f(x + η) = f(x) + (f(η) − f(0)), so that the
 * same f(η) − f(0) serves every image. For a network that begins with a dense layer most of its work is before the cut.
 */
import type { Graph, OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';

/** Affine where the input at this place depends on the image and all others are constant. */
const IN_ONE_INPUT: Readonly<Record<string, readonly number[]>> = {
  AveragePool: [0],
  BatchNormalization: [0],
  Conv: [0],
  Div: [0],
  Flatten: [0],
  Gemm: [0],
  GlobalAveragePool: [0],
  Identity: [0],
  MatMul: [0, 1],
  Mul: [0, 1],
  Neg: [0],
  Reshape: [0],
  Slice: [0],
  Split: [0],
  Squeeze: [0],
  Transpose: [0],
  Unsqueeze: [0],
};

/** Affine in all inputs together. */
const IN_ALL_INPUTS = new Set(['Add', 'Concat', 'Sub', 'Sum']);

function isAffine(node: OnnxNode, depends: readonly boolean[]): boolean {
  if (IN_ALL_INPUTS.has(node.op)) return true;
  const places = IN_ONE_INPUT[node.op];
  return places?.includes(depends.indexOf(true)) === true && depends.filter(Boolean).length === 1;
}

/** Tensors that are affine in the image, in the order in which they are computed; the image itself is the first. */
function affineTensors(graph: Graph, image: string): string[] {
  const affine = new Set([image]);
  const dependent = new Set([image]);
  for (const node of graph.nodes) {
    const depends = node.inputs.map((name) => dependent.has(name));
    if (!depends.includes(true)) continue;
    for (const output of node.outputs) dependent.add(output);
    const known = node.inputs.every((name, i) => !depends[i] || affine.has(name));
    if (known && isAffine(node, depends)) for (const output of node.outputs) affine.add(output);
  }
  return [...affine];
}

/** Whether everything that goes from the image to the output goes through `tensor`. */
function separates(graph: Graph, image: string, output: string, tensor: string): boolean {
  const reached = new Set([image]);
  reached.delete(tensor);
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => reached.has(name))) continue;
    for (const name of node.outputs) if (name !== tensor) reached.add(name);
  }
  return !reached.has(output);
}

/**
 * The tensors at which the network may be cut, the deepest first, the image itself last: affine in the image, and all that
 * comes after them is computed from them alone.
 */
export function cutsOf(graph: Graph, image: string, output: string): string[] {
  return affineTensors(graph, image)
    .filter((tensor) => separates(graph, image, output, tensor))
    .reverse();
}
