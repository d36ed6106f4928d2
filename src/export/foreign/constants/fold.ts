/**
 * Replaces everything that a graph computes from constants alone by what ONNX Runtime computes: parametrisations of
 * weights, casts of constants, lists of sizes. Random numbers are no constants.
 */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { RunGraph } from '../../onnx-runtime/run-graph.ts';
import { constantOf } from '../onnx/attribute.ts';
import { encodeRaw } from '../onnx/encode.ts';
import { type RawGraph, type RawModel, type RawNode, readsOf } from '../onnx/raw.ts';
import { pruneRaw } from '../onnx/raw-graph.ts';
import { keptTensor, type StoredTensor } from '../onnx/tensor.ts';

const RANDOM = new Set([
  'Bernoulli',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** Whether the node gives the same for the same inputs; a Dropout that may be told to train does not. */
export function isDeterministic({ op, inputs }: RawNode): boolean {
  return !RANDOM.has(op) && !(op === 'Dropout' && (inputs[2] ?? '') !== '');
}

const VALUES = new Set(['value', 'value_float', 'value_int', 'value_floats', 'value_ints']);

/** The graph with Constant nodes of numbers as initializers. */
function liftConstants(graph: RawGraph): RawGraph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    if (node.op !== 'Constant' || node.domain !== '' || node.attributes.some(({ name }) => !VALUES.has(name)))
      return true;
    const tensor = constantOf(node);
    initializers.set(tensor.name, tensor);
    return false;
  });
  return { ...graph, nodes, initializers };
}

/** The nodes among `nodes` that are computed from tensors in `known` only; their outputs join it. */
function computedFrom(nodes: readonly RawNode[], known: Set<string>): Set<RawNode> {
  const found = new Set<RawNode>();
  for (const node of nodes) {
    if (!isDeterministic(node) || !readsOf(node).every((name) => known.has(name))) continue;
    found.add(node);
    for (const name of node.outputs) known.add(name);
  }
  return found;
}

/** The outputs of `inner` nodes that others, or whoever runs the graph, read. */
export function frontierOf({ nodes, outputs }: RawGraph, inner: ReadonlySet<RawNode>): string[] {
  const read = new Set(outputs.map(({ name }) => name));
  for (const node of nodes) if (!inner.has(node)) for (const name of readsOf(node)) read.add(name);
  return [...inner].flatMap((node) => node.outputs.filter((name) => name !== '' && read.has(name)));
}

/** What the outputs need. */
export function neededOf(graph: RawGraph): RawGraph {
  return pruneRaw(
    graph,
    graph.outputs.map(({ name }) => name),
  );
}

/** @throws UnprovableError if ONNX Runtime cannot compute them */
export async function foldConstants(model: RawModel, original: RawGraph, run: RunGraph): Promise<RawGraph> {
  const graph = liftConstants(original);
  const constant = computedFrom(graph.nodes, new Set(graph.initializers.keys()));
  const wanted = frontierOf(graph, constant);
  if (wanted.length === 0) return neededOf(graph);
  const part = pruneRaw({ ...graph, outputs: [] }, wanted);
  const file = encodeRaw(model, part.nodes, part.initializers, [], wanted);
  let values: ReadonlyMap<string, StoredTensor>;
  try {
    const [found] = await run(file, [new Map()], wanted, { plain: true });
    values = new Map(wanted.map((name) => [name, keptTensor(name, found!.get(name)!, placeOf(graph, name))]));
  } catch (cause) {
    const [first] = part.nodes;
    throw new UnprovableError(
      `what the model computes from constants alone (from ${first?.op} '${first?.name}' on) does not run: ${(cause as Error).message}; simplify the model with onnxsim`,
      { operators: [...new Set(part.nodes.map(({ op }) => op))] },
      { cause },
    );
  }
  const nodes = graph.nodes.filter((node) => !constant.has(node));
  return neededOf({ ...graph, nodes, initializers: new Map([...graph.initializers, ...values]) });
}

/** Where a computed constant comes from. */
export function placeOf({ nodes }: RawGraph, tensor: string): StoredTensor['at'] {
  const node = nodes.find(({ outputs }) => outputs.includes(tensor))!;
  return { path: `'${tensor}', which ${node.op} '${node.name}' computes`, start: node.at.start };
}
