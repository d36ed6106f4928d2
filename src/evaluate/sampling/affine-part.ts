/**
 * Where a network is cut for sampling: everything before the cut is affine, f(x + η) = f(x) + (f(η) − f(0)), so that
 * the same f(η) − f(0) serves every image. If a network begins with a dense layer, most of its work is before the cut.
 */
import { TWINS } from '../../certify-runtime/gradient/operators.ts';
import { ElementType, type Graph, type OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';

/**
 * Whether it is affine in the inputs that depend on the image, as the operator's twin says. The part before a cut is
 * float32, so a network of float64 is cut before it becomes that.
 */
function isAffine(node: OnnxNode, depends: readonly boolean[]): boolean {
  if (node.op === 'Cast' && node.attributes.get('to')?.value !== BigInt(ElementType.float32)) return false;
  const places = TWINS.get(node.op)?.affine;
  if (places === undefined || places === 'all') return places === 'all';
  return places.includes(depends.indexOf(true)) && depends.filter(Boolean).length === 1;
}

/** Tensors that are affine in the image, in the order in which they are computed, starting with the image itself. */
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

/** Whether every path from the image to the output goes through `tensor`. */
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
 * The tensors at which the network may be cut, the deepest first and the image itself last: each is affine in the
 * image, and everything after it is computed from it alone.
 */
export function cutsOf(graph: Graph, image: string, output: string): string[] {
  return affineTensors(graph, image)
    .filter((tensor) => separates(graph, image, output, tensor))
    .reverse();
}
