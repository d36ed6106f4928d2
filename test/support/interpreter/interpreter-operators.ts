/** The operators of the test interpreter that need more than a line: windows, reductions, slices, products. */

import type { Attribute, OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import type { Arithmetic } from '../numbers/arithmetic.ts';

export interface Value {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** All index tuples of a shape, row-major. */
function indices(dims: readonly number[]): number[][] {
  const index = dims.map(() => 0);
  return Array.from({ length: sizeOf(dims) }, () => {
    const current = index.slice();
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      if (index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
    return current;
  });
}

export function at(value: Value, index: readonly number[]): number {
  let flat = 0;
  for (let axis = 0; axis < value.dims.length; axis++) flat = flat * value.dims[axis]! + index[axis]!;
  return value.data[flat]!;
}

export function build(dims: readonly number[], of: (index: number[]) => number): Value {
  return { dims, data: indices(dims).map(of) };
}

type Widen<T> = T extends number ? number : T extends string ? string : number[];

export function attributeOf<T extends number | string | readonly number[]>(
  node: OnnxNode,
  name: string,
  otherwise: T,
): Widen<T> {
  const attribute: Attribute | undefined = node.attributes.get(name);
  if (attribute === undefined) return otherwise as unknown as Widen<T>;
  if (attribute.kind === 'int') return Number(attribute.value) as Widen<T>;
  if (attribute.kind === 'ints') return attribute.value.map(Number) as unknown as Widen<T>;
  return attribute.value as unknown as Widen<T>;
}

export function broadcast(values: readonly Value[], of: (parts: number[]) => number): Value {
  const rank = Math.max(...values.map((value) => value.dims.length));
  const padded = values.map((value) => ({
    dims: [...Array<number>(rank - value.dims.length).fill(1), ...value.dims],
    data: value.data,
  }));
  const dims = Array.from({ length: rank }, (_, axis) => Math.max(...padded.map((value) => value.dims[axis]!)));
  return build(dims, (index) =>
    of(
      padded.map((value) =>
        at(
          value,
          index.map((i, axis) => (value.dims[axis] === 1 ? 0 : i)),
        ),
      ),
    ),
  );
}

export function matMul(a: Value, b: Value, { dot }: Arithmetic): Value {
  const rank = Math.max(a.dims.length, b.dims.length);
  const inner = a.dims.at(-1)!;
  const batch = (a.dims.length >= b.dims.length ? a : b).dims.slice(0, -2);
  return build([...batch, a.dims.at(-2)!, b.dims.at(-1)!], (index) => {
    const [row, col] = index.slice(-2) as [number, number];
    const lead = (value: Value): number[] => index.slice(0, rank - 2).slice(rank - value.dims.length);
    const left = Array.from({ length: inner }, (_, k) => at(a, [...lead(a), row, k]));
    const right = Array.from({ length: inner }, (_, k) => at(b, [...lead(b), k, col]));
    return dot(left, right, 0);
  });
}

interface Window {
  readonly kernel: number[];
  readonly strides: number[];
  readonly dilations: number[];
  readonly begin: number[];
  readonly out: number[];
}

function windowOf(node: OnnxNode, spatial: readonly number[], kernel: number[]): Window {
  const rank = spatial.length;
  const strides = attributeOf(node, 'strides', Array<number>(rank).fill(1));
  const dilations = attributeOf(node, 'dilations', Array<number>(rank).fill(1));
  const pads = attributeOf(node, 'pads', Array<number>(2 * rank).fill(0));
  const autoPad = attributeOf(node, 'auto_pad', 'NOTSET');
  const begin: number[] = [];
  const out = spatial.map((size, axis) => {
    const span = (kernel[axis]! - 1) * dilations[axis]! + 1;
    if (autoPad.startsWith('SAME')) {
      const count = Math.ceil(size / strides[axis]!);
      // As ONNX Runtime does it: below 0, windows are shifted.
      const total = (count - 1) * strides[axis]! + span - size;
      begin.push(Math.trunc((autoPad === 'SAME_UPPER' ? total : total + 1) / 2));
      return count;
    }
    begin.push(pads[axis]!);
    const [stride, whole] = [strides[axis]!, size + pads[axis]! + pads[axis + rank]!];
    if (attributeOf(node, 'ceil_mode', 0) === 0) return Math.floor((whole - span) / stride) + 1;
    // As many windows as it takes to reach the end of the padding.
    let count = 1;
    while ((count - 1) * stride + span < whole) count++;
    return count;
  });
  return { kernel, strides, dilations, begin, out };
}

/** The positions of the input under a window, with the index of the tap; null for padding. */
function under(
  window: Window,
  spatial: readonly number[],
  place: readonly number[],
): { tap: number[]; from: number[] | null }[] {
  return indices(window.kernel).map((tap) => {
    const from = tap.map(
      (t, axis) => place[axis]! * window.strides[axis]! + t * window.dilations[axis]! - window.begin[axis]!,
    );
    return { tap, from: from.every((q, axis) => q >= 0 && q < spatial[axis]!) ? from : null };
  });
}

export function conv(node: OnnxNode, [x, w, b]: readonly (Value | undefined)[], arithmetic: Arithmetic): Value {
  const spatial = x!.dims.slice(2);
  const groups = attributeOf(node, 'group', 1);
  const [outputs, channels, ...kernel] = w!.dims as [number, number, ...number[]];
  const window = windowOf(node, spatial, kernel);
  return build([x!.dims[0]!, outputs, ...window.out], ([n, o, ...place]) => {
    const group = Math.floor(o! / (outputs / groups));
    const left: number[] = [];
    const right: number[] = [];
    for (let c = 0; c < channels; c++) {
      for (const { tap, from } of under(window, spatial, place)) {
        left.push(from === null ? 0 : at(x!, [n!, group * channels + c, ...from]));
        right.push(at(w!, [o!, c, ...tap]));
      }
    }
    return arithmetic.dot(left, right, b === undefined ? 0 : b.data[o!]!);
  });
}

export function pool(node: OnnxNode, x: Value, arithmetic: Arithmetic): Value {
  const spatial = x.dims.slice(2);
  const window = windowOf(node, spatial, attributeOf(node, 'kernel_shape', [] as number[]));
  const all = attributeOf(node, 'count_include_pad', 0) === 1;
  return build([...x.dims.slice(0, 2), ...window.out], ([n, c, ...place]) => {
    const taps = under(window, spatial, place);
    const values = taps.flatMap(({ from }) => (from === null ? [] : [at(x, [n!, c!, ...from])]));
    if (node.op === 'MaxPool') return Math.max(...values);
    return mean(values, all ? taps.length : values.length, arithmetic);
  });
}

function mean(values: readonly number[], count: number, arithmetic: Arithmetic): number {
  return arithmetic.div(
    arithmetic.dot(
      values,
      values.map(() => 1),
      0,
    ),
    count,
  );
}

export function reduce(node: OnnxNode, x: Value, axesInput: Value | undefined, arithmetic: Arithmetic): Value {
  const rank = x.dims.length;
  const axes = (axesInput?.data ?? attributeOf(node, 'axes', [] as number[])).map((axis) =>
    axis < 0 ? axis + rank : axis,
  );
  const kept = build(
    x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
    (index) => {
      const values = indices(x.dims.map((dim, axis) => (axes.includes(axis) ? dim : 1))).map((offset) =>
        at(
          x,
          index.map((i, axis) => i + offset[axis]!),
        ),
      );
      if (node.op === 'ReduceMax') return Math.max(...values);
      if (node.op === 'ReduceMin') return Math.min(...values);
      if (node.op === 'ReduceMean') return mean(values, values.length, arithmetic);
      return arithmetic.dot(
        values,
        values.map(() => 1),
        0,
      );
    },
  );
  if (attributeOf(node, 'keepdims', 1) === 1) return kept;
  return { dims: kept.dims.filter((_, axis) => !axes.includes(axis)), data: kept.data };
}

export function slice(
  x: Value,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): Value {
  const lists = x.dims.map((dim) => Array.from({ length: dim }, (_, i) => i));
  axes.forEach((given, k) => {
    const axis = given < 0 ? given + x.dims.length : given;
    const dim = x.dims[axis]!;
    const step = steps[k] ?? 1;
    const from = (i: number): number => (i < 0 ? i + dim : i);
    lists[axis] =
      step > 0
        ? lists[axis]!.filter(
            (i) => i >= from(starts[k]!) && i < from(ends[k]!) && (i - Math.max(0, from(starts[k]!))) % step === 0,
          )
        : lists[axis]!.reverse().filter(
            (i) =>
              i <= from(starts[k]!) &&
              i > (ends[k]! < -dim ? -1 : from(ends[k]!)) &&
              (Math.min(dim - 1, from(starts[k]!)) - i) % step === 0,
          );
  });
  return build(
    lists.map((list) => list.length),
    (index) =>
      at(
        x,
        index.map((i, axis) => lists[axis]![i]!),
      ),
  );
}

export function reshape(x: Value, target: readonly number[]): Value {
  const dims = target.map((dim, axis) => (dim === 0 ? x.dims[axis]! : dim));
  const free = dims.indexOf(-1);
  if (free >= 0) dims[free] = -sizeOf(x.dims) / sizeOf(dims);
  return { dims, data: x.data };
}

export function split(node: OnnxNode, x: Value, sizes: readonly number[] | undefined): Value[] {
  const axis = attributeOf(node, 'axis', 0);
  const positive = axis < 0 ? axis + x.dims.length : axis;
  const dim = x.dims[positive]!;
  const size = Math.ceil(dim / node.outputs.length);
  let start = 0;
  return (sizes ?? node.outputs.map((_, i) => Math.min(size, dim - i * size))).map((length) => {
    start += length;
    return slice(x, [start - length], [start], [positive], [1]);
  });
}
