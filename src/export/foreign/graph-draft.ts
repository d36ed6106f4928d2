/** A graph while it is being changed: lists to edit, and a source of unused names. */
import type { Attribute, Graph, OnnxNode, Tensor, ValueInfo } from '../../certify-runtime/trusted/onnx/model.ts';

export class GraphDraft {
  nodes: OnnxNode[];
  inputs: readonly ValueInfo[];
  outputs: readonly ValueInfo[];
  readonly initializers: Map<string, Tensor>;
  readonly #names: Set<string>;

  constructor(graph: Graph) {
    this.nodes = [...graph.nodes];
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.initializers = new Map(graph.initializers);
    this.#names = new Set([
      ...graph.inputs.map(({ name }) => name),
      ...graph.initializers.keys(),
      ...graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
    ]);
  }

  /** `wish`, or the first of wish_1, wish_2, … that is not taken. */
  fresh(wish: string): string {
    let name = wish;
    for (let i = 1; this.#names.has(name); i++) name = `${wish}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds an initializer and gives its name. */
  constant(wish: string, tensor: Omit<Tensor, 'name'>): string {
    const name = this.fresh(wish);
    this.initializers.set(name, { ...tensor, name });
    return name;
  }

  /** Adds an int64 initializer of rank 1 and gives its name. */
  integers(wish: string, values: readonly bigint[]): string {
    return this.constant(wish, { type: 'int64', dims: [values.length], data: BigInt64Array.from(values) });
  }

  producer(tensor: string): OnnxNode | undefined {
    return this.nodes.find(({ outputs }) => outputs.includes(tensor));
  }

  replace(node: OnnxNode, change: Partial<OnnxNode>): OnnxNode {
    const changed = { ...node, ...change };
    this.nodes[this.nodes.indexOf(node)] = changed;
    return changed;
  }

  /** Takes the node out: everything that read `from` now reads `to`. */
  bypass(node: OnnxNode, from: string, to: string): void {
    const rename = (name: string) => (name === from ? to : name);
    this.nodes = this.nodes
      .filter((other) => other !== node)
      .map((other) => (other.inputs.includes(from) ? { ...other, inputs: other.inputs.map(rename) } : other));
    this.outputs = this.outputs.map((output) => ({ ...output, name: rename(output.name) }));
  }

  graph(name: string): Graph {
    const { nodes, initializers, inputs, outputs } = this;
    return { name, nodes, initializers, inputs, outputs };
  }
}

/** The node's attributes without those in `names`. */
export function without(node: OnnxNode, ...names: readonly string[]): ReadonlyMap<string, Attribute> {
  return new Map([...node.attributes].filter(([name]) => !names.includes(name)));
}

/** An integer attribute, or `otherwise`; undefined if it is of another kind. */
export function integerOf(node: OnnxNode, name: string, otherwise: number): number | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return otherwise;
  return attribute.kind === 'int' ? Number(attribute.value) : undefined;
}
