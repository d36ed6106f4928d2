/** Operators that only move elements: for each element of the result, which element of the input it is. */

import type { OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { intOf, intsOf, stringOf } from './program/attributes.ts';
import { axisOf, type IntTensor, invalid, sizeOf, stridesOf, unsupported } from './program/tensors.ts';

/** Element e of the result is element index[e] of the input (−1: the fill value); index null: the same order. */
export interface Move {
  readonly dims: readonly number[];
  readonly index: Int32Array | null;
}

const INT32_MAX = 2n ** 31n - 1n;
const INT64_MAX = 2n ** 63n - 1n;

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function clamp(value: bigint, least: bigint, most: bigint): number {
  return Number(value < least ? least : smaller(value, most));
}

function int64(tensor: IntTensor | undefined, what: string): IntTensor {
  if (tensor === undefined) invalid(`${what} is missing`);
  if (tensor.width !== 64) invalid(`${what} must be int64`);
  return tensor;
}

/** The axes as given by an int64 tensor, each from 0 to rank − 1. */
export function axesFrom(tensor: IntTensor, rank: number): number[] {
  return tensor.data.map((axis) => axisOf(Number(axis), rank));
}

/** The elements at the positions lists[axis] of each axis (null: all of it), −1 meaning none. */
function pick(dims: readonly number[], lists: readonly (readonly number[] | null)[]): Move {
  const out = dims.map((dim, axis) => lists[axis]?.length ?? dim);
  let index = new Int32Array(1);
  for (let axis = 0; axis < dims.length; axis++) {
    const dim = dims[axis]!;
    const list = lists[axis] ?? null;
    const count = out[axis]!;
    const next = new Int32Array(index.length * count);
    let e = 0;
    for (const source of index) {
      for (let i = 0; i < count; i++) {
        const position = list === null ? i : list[i]!;
        next[e++] = source < 0 || position < 0 ? -1 : source * dim + position;
      }
    }
    index = next;
  }
  return { dims: out, index };
}

function onAxis(axis: number, positions: readonly number[]): (readonly number[] | null)[] {
  const lists: (readonly number[] | null)[] = new Array<null>(axis).fill(null);
  lists.push(positions);
  return lists;
}

function reshape(node: OnnxNode, dims: readonly number[], target: IntTensor | undefined): Move {
  const { data, dims: rank } = int64(target, 'the target of a Reshape');
  if (rank.length !== 1) invalid('the target of a Reshape must have rank 1');
  const size = sizeOf(dims);
  const zeroMeansZero = intOf(node, 'allowzero', 0) === 1;
  let free = -1;
  let rest = 1n;
  const out = data.map((entry, axis) => {
    if (entry < -1n) invalid(`a dimension of ${entry}`);
    if (entry === -1n) {
      if (free >= 0) invalid('two dimensions of -1');
      free = axis;
      return 1;
    }
    if (entry === 0n && !zeroMeansZero && axis >= dims.length) invalid('a dimension that is not there is copied');
    const dim = entry === 0n && !zeroMeansZero ? BigInt(dims[axis]!) : entry;
    rest *= dim;
    return Number(dim);
  });
  if (free >= 0) {
    if (rest === 0n || BigInt(size) % rest !== 0n) invalid(`[${dims}] does not fit [${data}]`);
    out[free] = Number(BigInt(size) / rest);
  } else if (rest !== BigInt(size)) invalid(`[${dims}] does not fit [${data}]`);
  return { dims: out, index: null };
}

function flatten(node: OnnxNode, dims: readonly number[]): Move {
  const axis = intOf(node, 'axis', 1);
  if (axis < -dims.length || axis > dims.length) invalid(`axis ${axis}`);
  const split = axis < 0 ? axis + dims.length : axis;
  return { dims: [sizeOf(dims.slice(0, split)), sizeOf(dims.slice(split))], index: null };
}

function squeeze(dims: readonly number[], axes: IntTensor | undefined): Move {
  const removed = axes === undefined ? null : new Set(axesFrom(int64(axes, 'axes'), dims.length));
  if (removed !== null) for (const axis of removed) if (dims[axis] !== 1) invalid(`axis ${axis} of [${dims}] is not 1`);
  return { dims: dims.filter((dim, axis) => (removed === null ? dim !== 1 : !removed.has(axis))), index: null };
}

function unsqueeze(dims: readonly number[], axes: IntTensor | undefined): Move {
  const given = int64(axes, 'axes');
  const rank = dims.length + given.data.length;
  const added = new Set(axesFrom(given, rank));
  if (added.size !== given.data.length) invalid('an axis is added twice');
  let next = 0;
  return { dims: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : dims[next++]!)), index: null };
}

function transpose(node: OnnxNode, dims: readonly number[]): Move {
  const rank = dims.length;
  const perm = intsOf(node, 'perm') ?? dims.map((_, axis) => rank - 1 - axis);
  const ordered = perm.length === rank && new Set(perm).size === rank && perm.every((axis) => axis >= 0 && axis < rank);
  if (!ordered) invalid(`perm [${perm}] of rank ${rank}`);
  const strides = stridesOf(dims);
  const out = perm.map((axis) => dims[axis]!);
  let index = new Int32Array(1);
  for (const axis of perm) {
    const dim = dims[axis]!;
    const stride = strides[axis]!;
    const next = new Int32Array(index.length * dim);
    let e = 0;
    for (const source of index) for (let i = 0; i < dim; i++) next[e++] = source + i * stride;
    index = next;
  }
  return { dims: out, index };
}

/** Positions of one axis, with ONNX Runtime's clamping (SliceOp::PrepareForComputeHelper). */
function slicePositions(dim: number, start: bigint, end: bigint, step: bigint): number[] {
  const length = BigInt(dim);
  if (step === 0n) invalid('a step of 0');
  if (dim === 0) return [];
  const backwards = step < 0n;
  const from = clamp(start < 0n ? start + length : start, 0n, backwards ? length - 1n : length);
  // The largest int32 and int64 mean "to the end", in either direction.
  const to =
    end === INT32_MAX || end === INT64_MAX
      ? backwards
        ? -1
        : dim
      : clamp(end < 0n ? end + length : end, backwards ? -1n : 0n, length);
  const stride = clamp(step, -length, length);
  const positions: number[] = [];
  for (let i = from; backwards ? i > to : i < to; i += stride) positions.push(i);
  return positions;
}

function slice(dims: readonly number[], inputs: readonly (IntTensor | undefined)[]): Move {
  const [, starts, ends, axes, steps] = inputs;
  if (starts === undefined || ends === undefined) invalid('starts or ends are missing');
  const given = [starts, ends, axes, steps].filter((tensor) => tensor !== undefined);
  if (given.some(({ width, data }) => width !== starts.width || data.length !== starts.data.length)) {
    invalid('starts, ends, axes and steps do not fit each other');
  }
  const lists: (readonly number[] | null)[] = dims.map(() => null);
  starts.data.forEach((start, i) => {
    const axis = axisOf(axes === undefined ? i : Number(axes.data[i]!), dims.length);
    if (lists[axis] !== null) invalid(`axis ${axis} is sliced twice`);
    lists[axis] = slicePositions(dims[axis]!, start, ends.data[i]!, steps?.data[i] ?? 1n);
  });
  return pick(dims, lists);
}

function gather(node: OnnxNode, dims: readonly number[], indices: IntTensor | undefined): Move {
  if (indices === undefined) invalid('the indices of a Gather are missing');
  const axis = axisOf(intOf(node, 'axis', 0), dims.length);
  const dim = BigInt(dims[axis]!);
  const positions = indices.data.map((i) => {
    if (i < -dim || i >= dim) invalid(`index ${i} of an axis of ${dim}`);
    return Number(i < 0n ? i + dim : i);
  });
  const { index } = pick(dims, onAxis(axis, positions));
  return { dims: [...dims.slice(0, axis), ...indices.dims, ...dims.slice(axis + 1)], index };
}

function pad(node: OnnxNode, dims: readonly number[], inputs: readonly (IntTensor | undefined)[]): Move {
  if (stringOf(node, 'mode', 'constant') !== 'constant') unsupported('only constants are padded');
  const pads = int64(inputs[1], 'pads').data;
  const axes = inputs[3] === undefined ? dims.map((_, axis) => axis) : axesFrom(int64(inputs[3], 'axes'), dims.length);
  if (pads.length !== 2 * axes.length || new Set(axes).size !== axes.length) invalid('pads do not fit the axes');
  const lists: (readonly number[] | null)[] = dims.map(() => null);
  axes.forEach((axis, i) => {
    const [before, after] = [Number(pads[i]!), Number(pads[i + axes.length]!)];
    const length = before + dims[axis]! + after;
    if (length < 0 || length > 2 ** 20) invalid(`an axis of ${length}`);
    lists[axis] = Array.from({ length }, (_, j) => (j < before || j >= before + dims[axis]! ? -1 : j - before));
  });
  return pick(dims, lists);
}

/** The parts of a Split. */
export function split(node: OnnxNode, dims: readonly number[], sizes: IntTensor | undefined): Move[] {
  const axis = axisOf(intOf(node, 'axis', 0), dims.length);
  const dim = dims[axis]!;
  const count = node.outputs.length;
  let lengths: number[];
  if (sizes === undefined) {
    const parts = intOf(node, 'num_outputs', -1);
    if (parts !== count) invalid(`${parts} parts for ${count} outputs`);
    const size = Math.ceil(dim / parts);
    lengths = Array.from({ length: parts }, (_, i) => (i < parts - 1 ? size : dim - size * (parts - 1)));
  } else lengths = int64(sizes, 'the sizes of a Split').data.map(Number);
  const fits = lengths.length === count && lengths.reduce((a, b) => a + b, 0) === dim;
  if (!fits || lengths.some((length) => length < 0)) invalid(`sizes [${lengths}] of an axis of ${dim}`);
  let start = 0;
  return lengths.map((length) => {
    const positions = Array.from({ length }, (_, i) => start + i);
    start += length;
    return pick(dims, onAxis(axis, positions));
  });
}

/** Element e of the result is element index[e] of part source[e]. */
export interface Joined {
  readonly dims: readonly number[];
  readonly source: Int32Array;
  readonly index: Int32Array;
}

export function concat(node: OnnxNode, shapes: readonly (readonly number[])[]): Joined {
  const first = shapes[0]!;
  const axis = axisOf(intOf(node, 'axis', Number.NaN), first.length);
  for (const dims of shapes) {
    const fits = dims.length === first.length && dims.every((dim, i) => i === axis || dim === first[i]);
    if (!fits) invalid(`[${dims}] beside [${first}]`);
  }
  const dims = first.map((dim, i) => (i === axis ? shapes.reduce((n, shape) => n + shape[axis]!, 0) : dim));
  const size = sizeOf(dims);
  const source = new Int32Array(size);
  const index = new Int32Array(size);
  const rows = sizeOf(first.slice(0, axis));
  const runs = shapes.map((shape) => sizeOf(shape.slice(axis)));
  let e = 0;
  for (let row = 0; row < rows; row++) {
    for (let part = 0; part < runs.length; part++) {
      const run = runs[part]!;
      for (let i = 0; i < run; i++) {
        source[e] = part;
        index[e++] = row * run + i;
      }
    }
  }
  return { dims, source, index };
}

/** Moves of one tensor into one; null for other operators. `inputs` are the integer inputs at their places. */
export function moveOf(
  node: OnnxNode,
  dims: readonly number[],
  inputs: readonly (IntTensor | undefined)[],
): Move | null {
  switch (node.op) {
    case 'Identity':
    case 'Dropout':
      return { dims, index: null };
    case 'Reshape':
      return reshape(node, dims, inputs[1]);
    case 'Flatten':
      return flatten(node, dims);
    case 'Squeeze':
      return squeeze(dims, inputs[1]);
    case 'Unsqueeze':
      return unsqueeze(dims, inputs[1]);
    case 'Transpose':
      return transpose(node, dims);
    case 'Slice':
      return slice(dims, inputs);
    case 'Gather':
      return gather(node, dims, inputs[1]);
    case 'Pad':
      return pad(node, dims, inputs);
    default:
      return null;
  }
}
