/** The layers of a sealed network as people think of them: linear operators that follow each other, and activations. */
import type { Graph, OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';

/** One operator, or several that are one layer. */
export interface Group {
  readonly nodes: readonly OnnxNode[];
  /** The tensors that it takes from others, and those that it gives to others. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const LINEAR = new Set(['Add', 'BatchNormalization', 'Conv', 'Div', 'Gemm', 'MatMul', 'Mul', 'Neg', 'Sub', 'Sum']);
export const WEIGHTS: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/** The nodes that `latent` is computed from, in their order. */
function neededBy(graph: Graph, latent: string): readonly OnnxNode[] {
  const wanted = new Set([latent]);
  const kept = [...graph.nodes].reverse().filter(({ inputs, outputs }) => {
    const used = outputs.some((name) => wanted.has(name));
    if (used) for (const name of inputs) wanted.add(name);
    return used;
  });
  return kept.reverse();
}

class Grouping {
  readonly #isData: (tensor: string) => boolean;
  readonly #nodes: readonly OnnxNode[];
  readonly #readers = new Map<string, number>();

  constructor(graph: Graph, latent: string, isData: (tensor: string) => boolean) {
    this.#isData = isData;
    this.#nodes = neededBy(graph, latent).filter(({ outputs }) => outputs.some(isData));
    this.#readers.set(latent, 1);
    for (const { inputs } of this.#nodes) {
      for (const name of inputs) this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
    }
  }

  #data(names: readonly string[]): readonly string[] {
    return [...new Set(names.filter(this.#isData))];
  }

  /**
   * From node i on, an activation of several nodes (MaxMin as Split, Max, Min and Concat; a gate): they have no weights,
   * take one tensor, and only one tensor leaves them. Null if there is none.
   */
  #activation(i: number): Group | null {
    const [input, ...more] = this.#data(this.#nodes[i]!.inputs);
    if (input === undefined || more.length > 0) return null;
    const inside: OnnxNode[] = [];
    const unread = new Map([[input, this.#readers.get(input)!]]);
    for (const node of this.#nodes.slice(i)) {
      const inputs = node.inputs.filter(this.#isData);
      if (!inputs.some((name) => unread.has(name))) continue;
      if (WEIGHTS.has(node.op) || !inputs.every((name) => unread.has(name))) return null;
      inside.push(node);
      for (const name of inputs) {
        const left = unread.get(name)! - 1;
        if (left === 0) unread.delete(name);
        else unread.set(name, left);
      }
      for (const name of this.#data(node.outputs)) unread.set(name, this.#readers.get(name) ?? 0);
      const [output, ...others] = unread.keys();
      if (others.length > 0 || output === undefined || output === input) continue;
      return inside.length > 1 ? { nodes: inside, inputs: [input], outputs: [output] } : null;
    }
    return null;
  }

  groups(): readonly Group[] {
    const groups: Group[] = [];
    const taken = new Set<OnnxNode>();
    for (const [i, node] of this.#nodes.entries()) {
      if (taken.has(node)) continue;
      const found = this.#activation(i);
      for (const each of found?.nodes ?? []) taken.add(each);
      groups.push(found ?? { nodes: [node], inputs: this.#data(node.inputs), outputs: this.#data(node.outputs) });
    }
    return this.#joined(groups);
  }

  /** A linear operator joins the one before it if nothing else reads what lies between. */
  #joined(groups: readonly Group[]): readonly Group[] {
    const joined: Group[] = [];
    for (const group of groups) {
      const [only, ...more] = group.inputs;
      const at = joined.findIndex(({ outputs }) => outputs.length === 1 && outputs[0] === only);
      const before = joined[at];
      const isLinear = ({ nodes }: Group) => nodes.every(({ op }) => LINEAR.has(op));
      const single = more.length === 0 && only !== undefined && this.#readers.get(only) === 1;
      if (before === undefined || !single || !isLinear(group) || !isLinear(before)) joined.push(group);
      else joined[at] = { nodes: [...before.nodes, ...group.nodes], inputs: before.inputs, outputs: group.outputs };
    }
    return joined;
  }
}

/** The groups between image and latent. Only tensors of which `isData` holds count: a bias is part of its layer. */
export function groupsOf(graph: Graph, latent: string, isData: (tensor: string) => boolean): readonly Group[] {
  return new Grouping(graph, latent, isData).groups();
}
