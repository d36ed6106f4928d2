/** What certificate heads of every format are written with: nodes and constants under the head's prefix. */

import { sqrtUp } from './bounds/rounding.ts';
import { UnprovableError } from './errors.ts';
import { HEAD_PREFIX, TENSORS } from './file/names.ts';
import type { MarginTerms } from './margin.ts';
import type { Attribute, OnnxNode, Tensor } from './onnx/model.ts';

export interface HeadGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Tensor[];
}

/**
 * A pixel below 2⁻⁶³ may have a square of 0, so an image may be longer than the norm that a head computes by √n·2⁻⁶². Where
 * that is a quarter of the cap or less, ‖x‖ + r stays below maxImageNorm = 4·cap for every image that passes. Theorem 3.
 *
 * @throws UnprovableError if the cap is smaller
 */
export function checkCap({ cap, constants }: MarginTerms, inputs: number): void {
  if (cap >= sqrtUp(inputs) * 2 ** -60) return;
  throw new UnprovableError(
    `the network may overflow for images of norm ${constants.maxImageNorm}: squares of pixels that small vanish in float32; scale its weights down`,
    { maxImageNorm: constants.maxImageNorm },
  );
}

export const int = (value: number): Attribute => ({ kind: 'int', value: BigInt(value) });
export const ints = (...values: readonly number[]): Attribute => ({ kind: 'ints', value: values.map(BigInt) });
export const real = (value: number): Attribute => ({ kind: 'float', value });

/** A node as it is written down: its operator, its output (which names the node), its inputs and its attributes. */
export type HeadNode = readonly [
  op: string,
  output: string,
  inputs: string,
  attributes?: Readonly<Record<string, Attribute>>,
];

export type HeadConstant = Omit<Tensor, 'name'>;

export const float = (values: ArrayLike<number>, ...dims: readonly number[]): HeadConstant => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});

export const integers = (...values: readonly number[]): HeadConstant => ({
  type: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

/** The graph's own tensors keep their plain names; everything else is the head's. */
const tensorName = (name: string) => (Object.hasOwn(TENSORS, name) ? name : HEAD_PREFIX + name);

/** The graph of these nodes. A TopK has its indices as a second output. */
export function assembled(nodes: readonly HeadNode[], constants: Readonly<Record<string, HeadConstant>>): HeadGraph {
  return {
    nodes: nodes.map(([op, output, inputs, attributes = {}]) => ({
      op,
      name: HEAD_PREFIX + output,
      inputs: inputs.split(' ').map(tensorName),
      outputs: (op === 'TopK' ? [output, `${output}_index`] : [output]).map(tensorName),
      attributes: new Map(Object.entries(attributes)),
    })),
    initializers: Object.entries(constants).map(([name, constant]) => ({ name: HEAD_PREFIX + name, ...constant })),
  };
}
