/** Shapes, integer tensors and the errors of the reference interpreter. */

/**
 * Why a graph has no meaning: 'invalid' where ONNX Runtime answers with an error, 'undefined' where ONNX says nothing and
 * ONNX Runtime may even crash (a division by 0), 'unsupported' where this interpreter knows no meaning.
 */
export type Fault = 'invalid' | 'undefined' | 'unsupported';

export class MeaninglessError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string) {
    super(message);
    this.fault = fault;
  }
}

export function invalid(message: string): never {
  throw new MeaninglessError('invalid', message);
}

export function unsupported(message: string): never {
  throw new MeaninglessError('unsupported', message);
}

/** int32 or int64, its entries within their type. */
export interface IntTensor {
  readonly kind: 'int';
  readonly width: 32 | 64;
  readonly dims: readonly number[];
  readonly data: readonly bigint[];
}

/** A float32 tensor of the graph: where a program keeps its values. Tensors that only differ in shape share a slot. */
export interface RealTensor {
  readonly kind: 'real';
  readonly slot: number;
  readonly dims: readonly number[];
}

export type RefTensor = IntTensor | RealTensor;

export function sizeOf(dims: readonly number[]): number {
  let size = 1;
  for (const dim of dims) size *= dim;
  return size;
}

/** Row-major strides. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis]!;
  }
  return strides;
}

/** A possibly negative axis as one from 0 to rank − 1. */
export function axisOf(axis: number, rank: number): number {
  if (!(axis >= -rank && axis < rank)) invalid(`axis ${axis} of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/** Shape of the broadcast of several tensors (ONNX's multidirectional broadcasting). */
export function broadcastDims(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  const result = new Array<number>(rank).fill(1);
  for (const dims of shapes) {
    for (let i = 0; i < dims.length; i++) {
      const axis = rank - dims.length + i;
      const dim = dims[i]!;
      if (dim === 1 || dim === result[axis]) continue;
      if (result[axis] !== 1) invalid(`shapes ${shapes.map((shape) => `[${shape}]`).join(' ')} do not broadcast`);
      result[axis] = dim;
    }
  }
  return result;
}

/** For each element of a tensor of shape `to`, which element of one of shape `from` it is; null: the same one. */
export function broadcastIndex(from: readonly number[], to: readonly number[]): Int32Array | null {
  const size = sizeOf(to);
  if (sizeOf(from) === size) return null;
  const index = new Int32Array(size);
  if (sizeOf(from) === 1) return index;
  const missing = to.length - from.length;
  const strides = stridesOf(from);
  let block = 1;
  for (let axis = to.length - 1; axis >= missing; axis--) {
    const dim = to[axis]!;
    const stride = from[axis - missing] === 1 ? 0 : strides[axis - missing]!;
    if (stride !== 0) for (let e = 0; e < size; e++) index[e]! += (Math.floor(e / block) % dim) * stride;
    block *= dim;
  }
  return index;
}
