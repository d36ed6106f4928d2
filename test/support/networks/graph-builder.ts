/** Builds small ONNX graphs as plain objects, for the tests of the proof. */

import type { Attribute, Graph, OnnxNode, Tensor } from '../../../src/certify-runtime/trusted/onnx/model.ts';

type AttributeInput = number | string | readonly number[] | { float: number } | Tensor;

function attribute(value: AttributeInput): Attribute {
  if (typeof value === 'number') return { kind: 'int', value: BigInt(value) };
  if (typeof value === 'string') return { kind: 'string', value };
  if (Array.isArray(value)) return { kind: 'ints', value: value.map((entry) => BigInt(entry)) };
  if ('float' in value) return { kind: 'float', value: Math.fround(value.float) };
  return { kind: 'tensor', value: value as Tensor };
}

export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, Tensor>();
  readonly #inputDims: readonly (number | string)[];
  #count = 0;

  /** The image's dimensions, the batch first. */
  constructor(inputDims: readonly (number | string)[]) {
    this.#inputDims = inputDims;
  }

  /** A float32 constant; gives its name. */
  floats(dims: readonly number[], values: ArrayLike<number>): string {
    return this.tensor({ type: 'float32', dims, data: Float32Array.from(values) });
  }

  /** An int64 constant of rank 1 (or a scalar); gives its name. */
  ints(values: readonly number[] | number): string {
    const list = typeof values === 'number' ? [values] : values;
    const dims = typeof values === 'number' ? [] : [list.length];
    return this.tensor({ type: 'int64', dims, data: BigInt64Array.from(list.map(BigInt)) });
  }

  tensor(tensor: Omit<Tensor, 'name'>): string {
    const name = `constant_${this.initializers.size}`;
    this.initializers.set(name, { name, ...tensor });
    return name;
  }

  /** A node with one output; gives the output's name. */
  node(op: string, inputs: readonly string[], attributes: Record<string, AttributeInput> = {}): string {
    return this.nodeWith(op, inputs, 1, attributes)[0]!;
  }

  /** A node with several outputs; gives their names. */
  nodeWith(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Record<string, AttributeInput> = {},
  ): string[] {
    const id = this.#count++;
    const names = Array.from({ length: outputs }, (_, i) => `t${id}_${i}`);
    const entries = Object.entries(attributes).map(([key, value]) => [key, attribute(value)] as const);
    this.nodes.push({ op, name: `node${id}`, inputs: [...inputs], outputs: names, attributes: new Map(entries) });
    return names;
  }

  /** GroupSort of pairs on an axis: Split, Max, Min, Concat. */
  groupSort(x: string, axis = 1): string {
    const [a, b] = this.nodeWith('Split', [x], 2, { axis, num_outputs: 2 }) as [string, string];
    return this.node('Concat', [this.node('Max', [a, b]), this.node('Min', [a, b])], { axis });
  }

  graph(output: string): Graph {
    return {
      name: 'test',
      nodes: this.nodes,
      initializers: this.initializers,
      inputs: [{ name: 'image', type: 'float32', dims: this.#inputDims }],
      outputs: [{ name: output, type: 'float32', dims: ['N', 'd'] }],
    };
  }
}
