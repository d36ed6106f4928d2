/**
 * Replaces what a graph computes from the shapes of its tensors. ONNX Runtime computes it at several batch sizes: what is
 * the same at all of them is a constant, and what grows with the batch may have a form without it (batch-forms.ts). This
 * proves nothing about other batch sizes; the sealed file is proven from its bytes, and compared with the original.
 */

import type { RunGraph } from '../../onnx-runtime/run-graph.ts';
import type { ElementName } from '../onnx/elements.ts';
import { elementOf } from '../onnx/elements.ts';
import { encodeRaw } from '../onnx/encode.ts';
import { type RawGraph, type RawModel, type RawNode, readsOf } from '../onnx/raw.ts';
import { pruneRaw } from '../onnx/raw-graph.ts';
import { keptTensor, type RawTensor } from '../onnx/tensor.ts';
import { type BatchForms, freeTarget, inputFor, rowOf, same } from './batch-forms.ts';
import { frontierOf, isDeterministic, neededOf, placeOf } from './fold.ts';

const BATCHES = [2, 3, 5];
const SHAPES = new Set(['Shape', 'Size']);

export interface NetworkInput {
  readonly name: string;
  readonly type: ElementName;
  /** The sizes of one sample. */
  readonly sizes: readonly number[];
  /** null if it is free. */
  readonly batch: number | null;
}

/** The nodes that read shapes, and those that compute on with nothing else. */
function shapeNodes({ nodes, initializers }: RawGraph): Set<RawNode> {
  const derived = new Set<string>();
  const found = new Set<RawNode>();
  for (const node of nodes) {
    const reads = readsOf(node);
    const fromShapes =
      isDeterministic(node) &&
      reads.some((name) => derived.has(name)) &&
      reads.every((name) => derived.has(name) || initializers.has(name));
    if (!fromShapes && !SHAPES.has(node.op)) continue;
    found.add(node);
    for (const name of node.outputs) derived.add(name);
  }
  return found;
}

/** The wanted tensors at each batch size; a file that fixes its batch may run at no other. */
async function measure(
  model: RawModel,
  graph: RawGraph,
  input: NetworkInput,
  wanted: readonly string[],
  run: RunGraph,
): Promise<Map<number, ReadonlyMap<string, RawTensor>>> {
  const { name, type, sizes, batch } = input;
  const part = pruneRaw({ ...graph, outputs: [] }, wanted);
  const at = async (batches: readonly number[], first: number | string) => {
    const inputs = part.inputs.length === 0 ? [] : [{ name, type, dims: [first, ...sizes] }];
    const file = encodeRaw(model, part.nodes, part.initializers, inputs, wanted);
    const feeds = batches.map((n) => {
      const values = sizes.reduce((product, size) => product * size, n);
      const bytes = new Uint8Array(values * elementOf(type).bits.BYTES_PER_ELEMENT);
      return new Map(inputs.map(() => [name, { type, dims: [n, ...sizes], bytes }]));
    });
    const results = await run(file, feeds, wanted, { plain: true });
    return new Map(batches.map((n, i) => [n, results[i]!]));
  };
  if (batch === null) return at(BATCHES, 'N');
  try {
    return await at([batch, ...BATCHES.filter((n) => n !== batch)], 'N');
  } catch {
    return at([batch], batch);
  }
}

export async function foldShapes(
  model: RawModel,
  graph: RawGraph,
  input: NetworkInput,
  run: RunGraph,
): Promise<RawGraph> {
  const inner = shapeNodes(graph);
  const wanted = frontierOf(graph, inner);
  if (wanted.length === 0) return graph;
  // What does not run at these sizes stays as it is, for the proof to judge.
  const measured = await measure(model, graph, input, wanted, run).catch(() => null);
  if (measured === null) return graph;

  const initializers = new Map(graph.initializers);
  const forms = new Map<string, BatchForms>();
  const fixed = new Set<string>();
  const keep = (name: string, wish: string, tensor: RawTensor): string => {
    let own = wish;
    while (own !== name && initializers.has(own)) own += "'";
    initializers.set(own, keptTensor(own, tensor, placeOf(graph, name)));
    return own;
  };
  for (const name of wanted) {
    const values = new Map([...measured].map(([n, tensors]) => [n, tensors.get(name)!]));
    const [first, ...others] = [...values.values()] as [RawTensor, ...RawTensor[]];
    if (others.every((other) => same(first, other))) {
      keep(name, name, first);
      fixed.add(name);
      continue;
    }
    const [target, row] = [freeTarget(values), rowOf(values)];
    forms.set(name, {
      ...(target === null ? {} : { target: keep(name, `${name}/free`, target) }),
      ...(row === null ? {} : { row: keep(name, `${name}/row`, row) }),
    });
  }
  const nodes = graph.nodes.map((node): RawNode => {
    const outputs = node.outputs.map((name) => (fixed.has(name) ? `${name}/computed` : name));
    const inputs = node.inputs.map((name, i) => inputFor(node, i, forms.get(name)) ?? name);
    return { ...node, inputs, outputs, attributes: node.attributes };
  });
  return neededOf({ ...graph, nodes, initializers });
}
