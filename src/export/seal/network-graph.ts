/**
 * Brings a classifier's ONNX graph into the form that is sealed, with glean's tensor names and nothing that is not
 * needed.
 */
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import { HEAD_PREFIX, TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import type { Graph, OnnxModel, OnnxNode, Tensor } from '../../certify-runtime/trusted/onnx/model.ts';

export interface NetworkGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** H, W, C. */
  readonly shape: readonly [height: number, width: number, channels: number];
}

function refuse(message: string, details: Record<string, unknown> = {}): never {
  throw new UnprovableError(message, details);
}

function producers(nodes: readonly OnnxNode[]): ReadonlyMap<string, OnnxNode> {
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
}

/** The tensor that the linear layer behind `logits` takes, through an Add of a bias to the MatMul or Gemm. */
function findLatent(graph: Graph, logits: string): string {
  const producer = producers(graph.nodes);
  let node = producer.get(logits);
  if (node?.op === 'Add') {
    const summand = node.inputs.find((name) => !graph.initializers.has(name));
    node = summand === undefined ? undefined : producer.get(summand);
  }
  if (node === undefined || (node.op !== 'MatMul' && node.op !== 'Gemm')) {
    const found = producer.get(logits);
    refuse(
      `the last layer must be linear (Gemm, or MatMul and Add); '${logits}' comes from ${found === undefined ? 'no node' : `${found.op} '${found.name}'`}`,
      { logits },
    );
  }
  return node.inputs[0]!;
}

/** The graph's output that contains the logits: the named one, or the only one that comes from a linear layer. */
function findLogits(graph: Graph, wanted: string | undefined): string {
  const names = graph.outputs.map(({ name }) => name);
  if (wanted !== undefined) {
    return names.includes(wanted) ? wanted : refuse(`the graph has no output '${wanted}', it has ${names.join(', ')}`);
  }
  if (names.includes(TENSORS.logits)) return TENSORS.logits;
  if (names.length === 1) return names[0]!;
  return refuse(`the graph has outputs ${names.join(', ')}: say which one holds the logits`, { outputs: names });
}

/** The nodes from which the logits are computed, in their order. */
function needed(graph: Graph, logits: string): readonly OnnxNode[] {
  const wanted = new Set([logits]);
  const kept = [...graph.nodes].reverse().filter((node) => {
    const used = node.outputs.some((output) => wanted.has(output));
    if (used) for (const input of node.inputs) wanted.add(input);
    return used;
  });
  return kept.reverse();
}

/**
 * The network of `model` from `image` [N, H, W, C] through `latent` to `logits`. Other tensors keep their names.
 *
 * @throws UnprovableError if the graph has another number of inputs, another input type or no linear last layer
 */
export function networkGraph(model: OnnxModel, options: { readonly logits?: string } = {}): NetworkGraph {
  const { graph } = model;
  const input = graph.inputs[0];
  if (input === undefined || graph.inputs.length !== 1) refuse(`expected one input, found ${graph.inputs.length}`);
  if (
    input.type !== 'float32' ||
    input.dims.length !== 4 ||
    !input.dims.slice(1).every((size) => typeof size === 'number')
  ) {
    refuse(`expected an input float32 [N, H, W, C], found ${input.type} [${input.dims.join(', ')}]`, { input });
  }
  const logits = findLogits(graph, options.logits);
  const latent = findLatent(graph, logits);
  const names = new Map<string, string>([
    [input.name, TENSORS.image],
    [latent, TENSORS.latent],
    [logits, TENSORS.logits],
  ]);
  if (names.size !== 3) refuse('the network has no layer before its last one');
  const reserved = new Set<string>(Object.values(TENSORS));
  const taken = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const rename = (name: string): string => {
    const replaced = names.get(name);
    if (replaced !== undefined) return replaced;
    if (!reserved.has(name) && !name.startsWith(HEAD_PREFIX)) return name;
    let free = `network/${name}`;
    while (taken.has(free)) free = `network/${free}`;
    names.set(name, free);
    return free;
  };
  const nodes = needed(graph, logits).map((node, i) => ({
    ...node,
    name: rename(node.name === '' ? `${node.op}_${i}` : node.name),
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const initializers = new Map<string, Tensor>();
  for (const tensor of graph.initializers.values()) {
    const name = rename(tensor.name);
    if (used.has(name)) initializers.set(name, { ...tensor, name });
  }
  const [height, width, channels] = input.dims.slice(1) as [number, number, number];
  return { nodes, initializers, shape: [height, width, channels] };
}
