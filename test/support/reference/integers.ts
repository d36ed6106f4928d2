/** Integer tensors, in the width of their type as ONNX Runtime computes them: wrap-around, truncating division. */

import type { OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { concat, moveOf, split } from './moves.ts';
import { intOf } from './program/attributes.ts';
import {
  broadcastDims,
  broadcastIndex,
  type IntTensor,
  invalid,
  MeaninglessError,
  sizeOf,
  unsupported,
} from './program/tensors.ts';

/** TensorProto.DataType. */
const INT32 = 6;
const INT64 = 7;

/** The dimensions of a tensor, from `start` to `end`, as ONNX's Shape gives them. */
export function shapeOf(node: OnnxNode, dims: readonly number[]): IntTensor {
  const clamp = (i: number): number => Math.min(Math.max(i < 0 ? i + dims.length : i, 0), dims.length);
  const data = dims.slice(clamp(intOf(node, 'start', 0)), clamp(intOf(node, 'end', dims.length))).map(BigInt);
  return { kind: 'int', width: 64, dims: [data.length], data };
}

function quotient(a: bigint, b: bigint, width: 32 | 64): bigint {
  if (b === 0n) throw new MeaninglessError('undefined', 'an integer is divided by 0');
  // The quotient of the smallest integer and −1 has no place in its type: C++ leaves it undefined.
  if (b === -1n && a === -(2n ** BigInt(width - 1))) {
    throw new MeaninglessError('undefined', `the smallest int${width} is divided by -1`);
  }
  return a / b;
}

function arithmetic(op: string, a: IntTensor, b: IntTensor): IntTensor {
  if (a.width !== b.width) invalid(`${op} of int${a.width} and int${b.width}`);
  const { width } = a;
  const dims = broadcastDims([a.dims, b.dims]);
  const [ia, ib] = [broadcastIndex(a.dims, dims), broadcastIndex(b.dims, dims)];
  const data = Array.from({ length: sizeOf(dims) }, (_, e) => {
    const [p, q] = [a.data[ia === null ? e : ia[e]!]!, b.data[ib === null ? e : ib[e]!]!];
    switch (op) {
      case 'Mul':
        return BigInt.asIntN(width, p * q);
      case 'Add':
        return BigInt.asIntN(width, p + q);
      case 'Sub':
        return BigInt.asIntN(width, p - q);
      default:
        return quotient(p, q, width);
    }
  });
  return { kind: 'int', width, dims, data };
}

function cast(node: OnnxNode, value: IntTensor): IntTensor {
  const to = intOf(node, 'to', 0);
  if (to !== INT32 && to !== INT64) unsupported(`a cast of integers to type ${to}`);
  const width = to === INT32 ? 32 : 64;
  return { ...value, width, data: value.data.map((entry) => BigInt.asIntN(width, entry)) };
}

/** The outputs of a node whose first input is an integer tensor. */
export function integerNode(node: OnnxNode, inputs: readonly (IntTensor | undefined)[]): IntTensor[] {
  const value = inputs[0] ?? invalid(`${node.op} without an input`);
  const moved = moveOf(node, value.dims, inputs);
  if (moved !== null) {
    const { dims, index } = moved;
    const at = (i: number): bigint => (i < 0 ? 0n : value.data[i]!);
    if (node.op === 'Pad' && inputs[2] !== undefined) unsupported('integers padded with a value');
    return [{ ...value, dims, data: index === null ? value.data : Array.from(index, at) }];
  }
  switch (node.op) {
    case 'Cast':
      return [cast(node, value)];
    case 'Shape':
      return [shapeOf(node, value.dims)];
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
      return [arithmetic(node.op, value, inputs[1] ?? invalid(`${node.op} of one input`))];
    case 'Split':
      return split(node, value.dims, inputs[1]).map(({ dims, index }) => ({
        ...value,
        dims,
        data: Array.from(index!, (i) => value.data[i]!),
      }));
    case 'Concat': {
      const parts = inputs.map((part) => part ?? invalid('a part of a Concat is missing'));
      if (parts.some(({ width }) => width !== value.width)) invalid('integers of different widths beside each other');
      const { dims, source, index } = concat(
        node,
        parts.map((part) => part.dims),
      );
      return [{ ...value, dims, data: Array.from(index, (i, e) => parts[source[e]!]!.data[i]!) }];
    }
    default:
      return unsupported(`${node.op} of integers`);
  }
}
