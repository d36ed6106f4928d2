/** What an operator of the gradient interpreter is, and how its node is read. Attacks only: nothing here is proven. */
import type { Graph, OnnxNode, Tensor } from '../../certify-runtime/core/onnx/model.ts';

/** A batch: n samples of this shape (the batch axis left out) one after the other. */
export type Shape = readonly number[];

/** One node, its shapes fixed and its constants taken in. */
export interface Operator {
  readonly outputShapes: readonly Shape[];
  /** Outputs for n samples; an input may be given back as it is. */
  forward(inputs: readonly Float64Array[], n: number): Float64Array[];
  /** Adds to `inputGradients` what the gradients of the outputs say; inputs and outputs as in `forward`. */
  backward(
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    outputGradients: readonly Float64Array[],
    inputGradients: readonly Float64Array[],
    n: number,
  ): void;
}

/** The node has a form whose gradient is not written down: the attack goes on without gradients. */
export class NoGradient extends Error {}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A node as an operator's constructor sees it: shapes of the inputs that depend on the image, constants, attributes. */
export class NodeReader {
  readonly node: OnnxNode;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #constants: ReadonlyMap<string, Tensor>;

  constructor(node: OnnxNode, shapes: ReadonlyMap<string, Shape>, constants: ReadonlyMap<string, Tensor>) {
    this.node = node;
    this.#shapes = shapes;
    this.#constants = constants;
  }

  fail(reason: string): never {
    throw new NoGradient(`${this.node.op} '${this.node.name}': ${reason}`);
  }

  has(i: number): boolean {
    return (this.node.inputs[i] ?? '') !== '';
  }

  /** The shape of input i where it depends on the image, else undefined. */
  shape(i: number): Shape | undefined {
    return this.#shapes.get(this.node.inputs[i] ?? '');
  }

  dataShape(i: number): Shape {
    return this.shape(i) ?? this.fail(`input ${i} does not depend on the image`);
  }

  constant(i: number): Tensor {
    return this.#constants.get(this.node.inputs[i] ?? '') ?? this.fail(`input ${i} is no constant`);
  }

  integers(i: number): number[] {
    return Array.from(this.constant(i).data as ArrayLike<number | bigint>, Number);
  }

  int(name: string, otherwise: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.kind === 'int' ? Number(attribute.value) : otherwise;
  }

  number(name: string, otherwise: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.kind === 'float' ? attribute.value : otherwise;
  }

  ints(name: string): number[] | undefined {
    const attribute = this.node.attributes.get(name);
    return attribute?.kind === 'ints' ? attribute.value.map(Number) : undefined;
  }

  string(name: string, otherwise: string): string {
    const attribute = this.node.attributes.get(name);
    return attribute?.kind === 'string' ? attribute.value : otherwise;
  }

  /** An ONNX axis as an index into a shape without the batch. */
  axis(axis: number, rank: number): number {
    const index = (axis < 0 ? axis + rank + 1 : axis) - 1;
    return index >= 0 && index < rank ? index : this.fail(`axis ${axis} is the batch or does not exist`);
  }
}

/** The constants of a graph: initializers and Constant nodes. */
export function constantsOf(graph: Graph): ReadonlyMap<string, Tensor> {
  const constants = new Map(graph.initializers);
  for (const { op, outputs, attributes } of graph.nodes) {
    const value = attributes.get('value');
    if (op === 'Constant' && value?.kind === 'tensor') constants.set(outputs[0]!, value.value);
  }
  return constants;
}
