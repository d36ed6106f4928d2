/** A naive interpreter of the operators that have a rule, index by index: the oracle of the proof's tests. */

import type { Attribute, Graph, OnnxNode } from '../../src/certify-runtime/core/onnx/model.ts';
import type { Arithmetic } from './arithmetic.ts';

export interface Value {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** All index tuples of a shape, row-major. */
function indices(dims: readonly number[]): number[][] {
  return Array.from({ length: sizeOf(dims) }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index.unshift(rest % dims[axis]!);
      rest = Math.floor(rest / dims[axis]!);
    }
    return index;
  });
}

function at(value: Value, index: readonly number[]): number {
  let flat = 0;
  for (let axis = 0; axis < value.dims.length; axis++) flat = flat * value.dims[axis]! + index[axis]!;
  return value.data[flat]!;
}

function build(dims: readonly number[], of: (index: number[]) => number): Value {
  return { dims, data: indices(dims).map(of) };
}

/** The tensors of the graph at the image(s) given as [N, …]. */
export function run(graph: Graph, image: Value, arithmetic: Arithmetic): Map<string, Value> {
  const values = new Map<string, Value>([[graph.inputs[0]!.name, image]]);
  for (const [name, tensor] of graph.initializers) {
    values.set(name, { dims: tensor.dims, data: Array.from(tensor.data as ArrayLike<number | bigint>, Number) });
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => values.get(name));
    apply(node, inputs, arithmetic).forEach((value, i) => {
      values.set(node.outputs[i]!, value);
    });
  }
  return values;
}

function attributeOf<T>(node: OnnxNode, name: string, otherwise: T): T {
  const attribute: Attribute | undefined = node.attributes.get(name);
  if (attribute === undefined) return otherwise;
  if (attribute.kind === 'int') return Number(attribute.value) as T;
  if (attribute.kind === 'ints') return attribute.value.map(Number) as T;
  return attribute.value as T;
}

function broadcast(values: readonly Value[], of: (parts: number[]) => number): Value {
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

function matMul(a: Value, b: Value, { dot }: Arithmetic): Value {
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
      const total = Math.max(0, (count - 1) * strides[axis]! + span - size);
      begin.push(autoPad === 'SAME_UPPER' ? total >> 1 : total - (total >> 1));
      return count;
    }
    begin.push(pads[axis]!);
    return Math.floor((size + pads[axis]! + pads[axis + rank]! - span) / strides[axis]!) + 1;
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

function conv(node: OnnxNode, [x, w, b]: readonly (Value | undefined)[], arithmetic: Arithmetic): Value {
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

function pool(node: OnnxNode, x: Value, arithmetic: Arithmetic): Value {
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

function reduce(node: OnnxNode, x: Value, axesInput: Value | undefined, arithmetic: Arithmetic): Value {
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

function slice(
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

function reshape(x: Value, target: readonly number[]): Value {
  const dims = target.map((dim, axis) => (dim === 0 ? x.dims[axis]! : dim));
  const free = dims.indexOf(-1);
  if (free >= 0) dims[free] = -sizeOf(x.dims) / sizeOf(dims);
  return { dims, data: x.data };
}

function split(node: OnnxNode, x: Value, sizes: readonly number[] | undefined): Value[] {
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

function apply(node: OnnxNode, inputs: readonly (Value | undefined)[], arithmetic: Arithmetic): Value[] {
  const [x, y] = inputs as [Value, Value];
  const { add, mul, div, keep } = arithmetic;
  const map = (of: (v: number) => number): Value => ({ dims: x.dims, data: x.data.map((v) => keep(of(keep(v)))) });
  const axisOf = (value: Value, otherwise: number): number => {
    const axis = attributeOf(node, 'axis', otherwise);
    return axis < 0 ? axis + value.dims.length : axis;
  };
  switch (node.op) {
    case 'Add':
      return [broadcast([x, y], ([a, b]) => add(a!, b!))];
    case 'Sub':
      return [broadcast([x, y], ([a, b]) => add(a!, -b!))];
    case 'Mul':
      return [broadcast([x, y], ([a, b]) => mul(a!, b!))];
    case 'Div':
      return [broadcast([x, y], ([a, b]) => div(a!, b!))];
    case 'Max':
      return [broadcast(inputs as Value[], (parts) => Math.max(...parts.map(keep)))];
    case 'Min':
      return [broadcast(inputs as Value[], (parts) => Math.min(...parts.map(keep)))];
    case 'Relu':
      return [map((v) => Math.max(v, 0))];
    case 'Abs':
      return [map(Math.abs)];
    case 'Neg':
      return [map((v) => -v)];
    case 'LeakyRelu':
      return [map((v) => (v < 0 ? mul(Math.fround(attributeOf(node, 'alpha', 0.01)), v) : v))];
    case 'PRelu':
      return [broadcast([x, y], ([v, slope]) => (v! < 0 ? mul(v!, slope!) : v!))];
    case 'Clip':
      return [map((v) => Math.min(Math.max(v, inputs[1]?.data[0] ?? -Infinity), inputs[2]?.data[0] ?? Infinity))];
    case 'BatchNormalization': {
      const [, gamma, beta, centre, variance] = inputs as Value[];
      const epsilon = Math.fround(attributeOf(node, 'epsilon', 1e-5));
      return [
        build(x.dims, (index) => {
          const c = index[1]!;
          const factor = div(gamma!.data[c]!, arithmetic.sqrt(add(variance!.data[c]!, epsilon)));
          return add(mul(add(at(x, index), -centre!.data[c]!), factor), beta!.data[c]!);
        }),
      ];
    }
    case 'MatMul':
      return [matMul(x, y, arithmetic)];
    case 'Gemm': {
      const weights =
        attributeOf(node, 'transB', 0) === 1 ? build([y.dims[1]!, y.dims[0]!], ([i, j]) => at(y, [j!, i!])) : y;
      const [alpha, beta] = [attributeOf(node, 'alpha', 1), attributeOf(node, 'beta', 1)];
      const bias = inputs[2];
      const product = matMul(x, weights, arithmetic);
      const scaled = { dims: product.dims, data: product.data.map((v) => (alpha === 1 ? v : mul(v, alpha))) };
      if (bias === undefined) return [scaled];
      return [broadcast([scaled, bias], ([v, b]) => add(v!, beta === 1 ? b! : mul(beta, b!)))];
    }
    case 'Conv':
      return [conv(node, inputs, arithmetic)];
    case 'AveragePool':
    case 'MaxPool':
      return [pool(node, x, arithmetic)];
    case 'GlobalAveragePool':
    case 'GlobalMaxPool': {
      const of = { ...node, op: node.op === 'GlobalMaxPool' ? 'ReduceMax' : 'ReduceMean' };
      const axes = x.dims.map((_, axis) => axis).slice(2);
      return [reduce(of, x, { dims: [axes.length], data: axes }, arithmetic)];
    }
    case 'ReduceMax':
    case 'ReduceMin':
    case 'ReduceMean':
    case 'ReduceSum':
      return [reduce(node, x, inputs[1], arithmetic)];
    case 'TopK': {
      const axis = axisOf(x, -1);
      const sign = attributeOf(node, 'largest', 1) === 1 ? -1 : 1;
      const dims = x.dims.map((dim, i) => (i === axis ? y.data[0]! : dim));
      const ranked = (index: number[]): number[] =>
        Array.from({ length: x.dims[axis]! }, (_, i) => at(x, index.with(axis, i))).sort((a, b) => sign * (a - b));
      return [build(dims, (index) => ranked(index)[index[axis]!]!)];
    }
    case 'Identity':
    case 'Dropout':
    case 'Cast':
      return [x];
    case 'Shape':
      return [{ dims: [x.dims.length], data: x.dims }];
    case 'Reshape':
      return [reshape(x, y.data)];
    case 'Flatten':
      return [reshape(x, [sizeOf(x.dims.slice(0, axisOf(x, 1))), sizeOf(x.dims.slice(axisOf(x, 1)))])];
    case 'Squeeze':
      return [
        {
          dims: x.dims.filter((_, axis) => !y.data.some((a) => (a < 0 ? a + x.dims.length : a) === axis)),
          data: x.data,
        },
      ];
    case 'Unsqueeze': {
      const rank = x.dims.length + y.data.length;
      const rest = [...x.dims];
      const added = y.data.map((axis) => (axis < 0 ? axis + rank : axis));
      return [
        { dims: Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : rest.shift()!)), data: x.data },
      ];
    }
    case 'Transpose': {
      const perm = attributeOf(node, 'perm', [] as number[]);
      return [
        build(
          perm.map((axis) => x.dims[axis]!),
          (index) =>
            at(
              x,
              x.dims.map((_, axis) => index[perm.indexOf(axis)]!),
            ),
        ),
      ];
    }
    case 'Split':
      return split(node, x, inputs[1]?.data);
    case 'Slice':
      return [slice(x, y.data, inputs[2]!.data, inputs[3]?.data ?? y.data.map((_, i) => i), inputs[4]?.data ?? [])];
    case 'Gather': {
      const axis = axisOf(x, 0);
      const rank = y.dims.length;
      return [
        build([...x.dims.slice(0, axis), ...y.dims, ...x.dims.slice(axis + 1)], (index) => {
          const i = at(y, index.slice(axis, axis + rank));
          return at(x, [...index.slice(0, axis), i < 0 ? i + x.dims[axis]! : i, ...index.slice(axis + rank)]);
        }),
      ];
    }
    case 'Concat': {
      const axis = axisOf(x, 0);
      const parts = inputs as Value[];
      const dims = x.dims.map((dim, i) => (i === axis ? parts.reduce((n, part) => n + part.dims[axis]!, 0) : dim));
      return [
        build(dims, (index) => {
          let i = index[axis]!;
          const part = parts.find((candidate) =>
            i < candidate.dims[axis]! ? true : ((i -= candidate.dims[axis]!), false),
          )!;
          return at(part, index.with(axis, i));
        }),
      ];
    }
    case 'Pad': {
      const rank = x.dims.length;
      const pads = y.data;
      const value = inputs[2]?.data[0] ?? 0;
      return [
        build(
          x.dims.map((dim, axis) => dim + pads[axis]! + pads[axis + rank]!),
          (index) => {
            const from = index.map((i, axis) => i - pads[axis]!);
            return from.every((i, axis) => i >= 0 && i < x.dims[axis]!) ? at(x, from) : value;
          },
        ),
      ];
    }
    default:
      throw new Error(`the test interpreter does not know ${node.op}`);
  }
}
