/**
 * What an operator of the gradient interpreter is, and how its node is read. It serves attacks and the second opinion:
 * nothing is proven here, and the proof uses none of it.
 */
import type { Graph, OnnxNode, Tensor } from '../trusted/onnx/model.ts';

/** One row of a tensor: its dimensions except dimension 0. */
export type Shape = readonly number[];

/** A tensor for one image: `rows` rows of this shape, so that dimension 0 is rows·N. */
export interface Layout {
  readonly rows: number;
  readonly shape: Shape;
}

/** One node with its shapes fixed and its constants read. */
export interface Operator {
  readonly outputShapes: readonly Shape[];
  /** How many rows its outputs have for each image, if not as many as its inputs. */
  readonly rows?: number;
  /** Multiply-adds for one row; absent if elements are only moved. */
  readonly work?: number;
  /** The outputs for n rows; an input may be returned as it is. */
  forward(inputs: readonly Float64Array[], n: number): Float64Array[];
  /**
   * Adds to `inputGradients` what follows from the gradients of the outputs; inputs and outputs are as in `forward`.
   */
  backward(
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    outputGradients: readonly Float64Array[],
    inputGradients: readonly Float64Array[],
    n: number,
  ): void;
}

/** What is known about an operator outside the proof: the twin of its rule. */
export interface Twin {
  /** Its value and its gradient, from a node. */
  readonly gradient: (reader: NodeReader) => Operator;
  /**
   * The inputs in which it is affine if the others are constants, or 'all' if it is affine in all of them together.
   * Left out if it is not affine: sampling cuts a network after its last affine operator.
   */
  readonly affine?: readonly number[] | 'all';
}

export type Twins = Readonly<Record<string, Twin>>;

/** The node has a form whose gradient is not implemented; the caller goes on without gradients. */
export class NoGradient extends Error {}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The most elements of a tensor for one image: anything larger is not worth a gradient, and a hostile file may ask for
 * any size.
 */
const MAX_ELEMENTS = 2 ** 24;

/**
 * A node as an operator's constructor sees it: the shapes of the inputs that depend on the image, constants,
 * attributes.
 */
export class NodeReader {
  readonly node: OnnxNode;
  /** How many rows the inputs that depend on the image have for each image. */
  readonly rows: number;
  readonly #layouts: ReadonlyMap<string, Layout>;
  readonly #constants: ReadonlyMap<string, Tensor>;

  constructor(node: OnnxNode, layouts: ReadonlyMap<string, Layout>, constants: ReadonlyMap<string, Tensor>) {
    this.node = node;
    this.#layouts = layouts;
    this.#constants = constants;
    const rows = node.inputs.flatMap((name) => layouts.get(name)?.rows ?? []);
    this.rows = rows[0] ?? 1;
    if (rows.some((other) => other !== this.rows)) this.fail(`inputs of ${rows} rows`);
  }

  fail(reason: string): never {
    throw new NoGradient(`${this.node.op} '${this.node.name}': ${reason}`);
  }

  has(i: number): boolean {
    return (this.node.inputs[i] ?? '') !== '';
  }

  /** The shape of input i if it depends on the image, otherwise undefined. */
  shape(i: number): Shape | undefined {
    return this.#layouts.get(this.node.inputs[i] ?? '')?.shape;
  }

  /** Returns the shape if its size can be computed with, and fails otherwise. */
  fit(shape: Shape, rows = this.rows): Shape {
    const fits = [rows, ...shape].every((size) => Number.isSafeInteger(size) && size > 0);
    return fits && rows * sizeOf(shape) <= MAX_ELEMENTS ? shape : this.fail(`${rows} rows of [${shape}]`);
  }

  dataShape(i: number): Shape {
    return this.shape(i) ?? this.fail(`input ${i} does not depend on the image`);
  }

  constant(i: number): Tensor {
    return this.#constants.get(this.node.inputs[i] ?? '') ?? this.fail(`input ${i} is no constant`);
  }

  /** The values of a floating-point constant. */
  floats(i: number): Float64Array {
    const { type, data } = this.constant(i);
    if (type !== 'float32' && type !== 'float64') return this.fail(`input ${i} is of ${type}`);
    return Float64Array.from(data as Float32Array);
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
