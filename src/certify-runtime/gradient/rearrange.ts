/** Gradients of operators that only move values: Reshape, Transpose, Split, Slice, Gather, Pad, Concat and their kin. */
import { type NodeReader, type Operator, type Shape, sizeOf } from './operator.ts';

/** Outputs whose element e is element index[e] of the input, 0 where that is −1. */
function moved(inputSize: number, parts: readonly { readonly shape: Shape; readonly index: Int32Array }[]): Operator {
  return {
    outputShapes: parts.map(({ shape }) => shape),
    forward: ([x], n) =>
      parts.map(({ index }) => {
        const y = new Float64Array(n * index.length);
        for (let k = 0; k < n; k++) {
          for (let e = 0; e < index.length; e++)
            if (index[e]! >= 0) y[k * index.length + e] = x![k * inputSize + index[e]!]!;
        }
        return y;
      }),
    backward: (_x, _y, gys, [gx], n) => {
      parts.forEach(({ index }, part) => {
        for (let k = 0; k < n; k++) {
          for (let e = 0; e < index.length; e++) {
            if (index[e]! >= 0) gx![k * inputSize + index[e]!]! += gys[part]![k * index.length + e]!;
          }
        }
      });
    },
  };
}

function renamed(reader: NodeReader, shape: Shape): Operator {
  if (sizeOf(shape) !== sizeOf(reader.dataShape(0))) reader.fail(`to [N, ${shape}]`);
  return {
    outputShapes: [shape],
    forward: ([x]) => [x!],
    backward: (_x, _y, [gy], [gx]) => {
      for (let e = 0; e < gy!.length; e++) gx![e]! += gy![e]!;
    },
  };
}

/** Element numbers of the tensor whose axis a holds the positions lists[a] of the input's (null: all; −1: padding). */
function pick(shape: Shape, lists: readonly (readonly number[] | null)[]): { shape: Shape; index: Int32Array } {
  const axes = shape.map((size, axis) => lists[axis] ?? Array.from({ length: size }, (_, i) => i));
  let index: number[] = [0];
  axes.forEach((positions, axis) => {
    index = index.flatMap((base) => positions.map((i) => (base < 0 || i < 0 ? -1 : base * shape[axis]! + i)));
  });
  return { shape: axes.map((positions) => positions.length), index: Int32Array.from(index) };
}

function onAxis(shape: Shape, axis: number, positions: readonly number[]): (readonly number[] | null)[] {
  return shape.map((_, a) => (a === axis ? positions : null));
}

function reshape(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const [batch, ...target] = reader.integers(1).map((size, i) => (size === 0 && i > 0 ? (shape[i - 1] ?? 0) : size));
  // The batch must stay where it is: −1 or 0 there, and every other size known or found from the sample's.
  if (batch !== -1 && batch !== 0) reader.fail(`a batch of ${batch}`);
  const known = target.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return renamed(
    reader,
    target.map((size) => (size === -1 ? sizeOf(shape) / known : size)),
  );
}

function split(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const axis = reader.axis(reader.int('axis', 0), shape.length);
  const count = reader.node.outputs.length;
  const part = Math.ceil(shape[axis]! / count);
  const equal = Array.from({ length: count }, (_, i) => Math.min(part, shape[axis]! - i * part));
  const sizes = reader.has(1) ? reader.integers(1) : (reader.ints('split') ?? equal);
  let start = 0;
  const parts = sizes.map((size) => {
    const positions = Array.from({ length: size }, (_, i) => start + i);
    start += size;
    return pick(shape, onAxis(shape, axis, positions));
  });
  return moved(sizeOf(shape), parts);
}

function slice(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const [starts, ends] = [reader.integers(1), reader.integers(2)];
  const axes = reader.has(3) ? reader.integers(3) : starts.map((_, i) => i);
  const steps = reader.has(4) ? reader.integers(4) : starts.map(() => 1);
  const lists: (number[] | null)[] = shape.map(() => null);
  axes.forEach((given, i) => {
    const axis = reader.axis(given, shape.length);
    if (steps[i]! < 1) reader.fail(`a step of ${steps[i]}`);
    const size = shape[axis]!;
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
    const positions: number[] = [];
    for (let at = clamp(starts[i]!); at < clamp(ends[i]!); at += steps[i]!) positions.push(at);
    lists[axis] = positions;
  });
  return moved(sizeOf(shape), [pick(shape, lists)]);
}

function gather(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const axis = reader.axis(reader.int('axis', 0), shape.length);
  const { dims } = reader.constant(1);
  const positions = reader.integers(1).map((i) => (i < 0 ? i + shape[axis]! : i));
  const { index } = pick(shape, onAxis(shape, axis, positions));
  return moved(sizeOf(shape), [{ shape: [...shape.slice(0, axis), ...dims, ...shape.slice(axis + 1)], index }]);
}

function pad(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const pads = reader.integers(1);
  const rank = shape.length + 1;
  const value = reader.has(2) ? Number(reader.constant(2).data[0]) : 0;
  if (pads.length !== 2 * rank || pads[0] !== 0 || pads[rank] !== 0 || value !== 0 || reader.has(3))
    reader.fail(`pads [${pads}]`);
  const lists = shape.map((size, axis) => {
    const [before, after] = [pads[axis + 1]!, pads[axis + 1 + rank]!];
    return Array.from({ length: before + size + after }, (_, i) =>
      i < before || i >= before + size ? -1 : i - before,
    );
  });
  return moved(sizeOf(shape), [pick(shape, lists)]);
}

function transpose(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const perm = reader.ints('perm')?.map((axis) => axis - 1);
  if (perm?.shift() !== -1) return reader.fail('the batch moves');
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  let index: number[] = [0];
  for (const axis of perm) {
    index = index.flatMap((base) => Array.from({ length: shape[axis]! }, (_, i) => base + i * strides[axis]!));
  }
  return moved(sizeOf(shape), [{ shape: perm.map((axis) => shape[axis]!), index: Int32Array.from(index) }]);
}

function concat(reader: NodeReader): Operator {
  const shapes = reader.node.inputs.map((_, i) => reader.dataShape(i));
  const axis = reader.axis(reader.int('axis', 0), shapes[0]!.length);
  const runs = shapes.map((shape) => sizeOf(shape.slice(axis)));
  const rows = sizeOf(shapes[0]!.slice(0, axis));
  const width = runs.reduce((a, b) => a + b, 0);
  const each = (n: number, visit: (part: number, from: number, to: number, length: number) => void): void => {
    for (let row = 0; row < n * rows; row++) {
      let to = row * width;
      runs.forEach((run, part) => {
        visit(part, row * run, to, run);
        to += run;
      });
    }
  };
  const length = shapes.reduce((total, shape) => total + shape[axis]!, 0);
  return {
    outputShapes: [shapes[0]!.map((size, a) => (a === axis ? length : size))],
    forward(inputs, n) {
      const y = new Float64Array(n * rows * width);
      each(n, (part, from, to, run) => y.set(inputs[part]!.subarray(from, from + run), to));
      return [y];
    },
    backward(_x, _y, [gy], gxs, n) {
      each(n, (part, from, to, run) => {
        for (let i = 0; i < run; i++) gxs[part]![from + i]! += gy![to + i]!;
      });
    },
  };
}

function unsqueezed(reader: NodeReader): Shape {
  const shape = [...reader.dataShape(0)];
  const axes = (reader.has(1) ? reader.integers(1) : (reader.ints('axes') ?? [])).sort((a, b) => a - b);
  if (axes.some((axis) => axis < 1)) reader.fail(`axes [${axes}]`);
  for (const axis of axes) shape.splice(axis - 1, 0, 1);
  return shape;
}

function squeezed(reader: NodeReader): Shape {
  const shape = reader.dataShape(0);
  const axes = reader.has(1) ? reader.integers(1) : (reader.ints('axes') ?? []);
  const removed = new Set(axes.map((axis) => reader.axis(axis, shape.length)));
  return shape.filter((_, axis) => !removed.has(axis));
}

export const rearrangements: Readonly<Record<string, (reader: NodeReader) => Operator>> = {
  Reshape: reshape,
  Flatten: (reader) => {
    if (reader.int('axis', 1) !== 1) reader.fail(`axis ${reader.int('axis', 1)}`);
    return renamed(reader, [sizeOf(reader.dataShape(0))]);
  },
  Squeeze: (reader) => renamed(reader, squeezed(reader)),
  Unsqueeze: (reader) => renamed(reader, unsqueezed(reader)),
  Identity: (reader) => renamed(reader, reader.dataShape(0)),
  Dropout: (reader) => renamed(reader, reader.dataShape(0)),
  Transpose: transpose,
  Split: split,
  Slice: slice,
  Gather: gather,
  Pad: pad,
  Concat: concat,
};
