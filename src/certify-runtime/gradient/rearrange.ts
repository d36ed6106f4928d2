/**
 * Gradients of operators that only move values: Reshape, Transpose, Split, Slice, Gather, Pad, Concat and their kin.
 */
import { ElementType } from '../trusted/onnx/model.ts';
import { type NodeReader, type Operator, type Shape, sizeOf, type Twins } from './operator.ts';

/** Outputs whose element e is element index[e] of the input, or `padding` if that is −1. */
function moved(
  inputSize: number,
  parts: readonly { readonly shape: Shape; readonly index: Int32Array }[],
  padding = 0,
): Operator {
  return {
    outputShapes: parts.map(({ shape }) => shape),
    forward: ([x], n) =>
      parts.map(({ index }) => {
        const y = new Float64Array(n * index.length);
        if (padding !== 0) y.fill(padding);
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

/** The same values as rows of another shape. */
function renamed(reader: NodeReader, shape: Shape, rows = reader.rows): Operator {
  if (rows * sizeOf(shape) !== reader.rows * sizeOf(reader.dataShape(0))) reader.fail(`to ${rows} rows of [${shape}]`);
  return {
    outputShapes: [shape],
    rows,
    forward: ([x]) => [x!],
    backward: (_x, _y, [gy], [gx]) => {
      for (let e = 0; e < gy!.length; e++) gx![e]! += gy![e]!;
    },
  };
}

/** The element numbers of a tensor whose axis a holds the positions lists[a] of the input (null: all; −1: padding). */
function pick(reader: NodeReader, lists: readonly (readonly number[] | null)[]): { shape: Shape; index: Int32Array } {
  const shape = reader.dataShape(0);
  const axes = shape.map((size, axis) => lists[axis] ?? Array.from({ length: size }, (_, i) => i));
  reader.fit(axes.map((positions) => positions.length));
  const beyond = axes.findIndex((positions, axis) => positions.some((i) => !(i >= -1 && i < shape[axis]!)));
  if (beyond >= 0) reader.fail(`a position that axis ${beyond + 1} of [N, ${shape}] does not have`);
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
  if (reader.int('allowzero', 0) !== 0) reader.fail('allowzero');
  const whole = [reader.rows, ...shape];
  // The batch must stay where it is: dimension 0 has some rows for each image, and all other sizes are the same for any
  // batch.
  const target = reader.integers(1).map((size, i) => (size === 0 ? (whole[i] ?? 0) : size));
  const known = target.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const [rows = 0, ...rest] = target.map((size) => (size === -1 ? sizeOf(whole) / known : size));
  return renamed(reader, reader.fit(rest, rows), rows);
}

function flatten(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const given = reader.int('axis', 1);
  const axis = given < 0 ? given + shape.length + 1 : given;
  if (axis < 1 || axis > shape.length + 1) reader.fail(`axis ${given}`);
  return renamed(reader, [sizeOf(shape.slice(axis - 1))], reader.rows * sizeOf(shape.slice(0, axis - 1)));
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
    reader.fit([size]);
    const positions = Array.from({ length: size }, (_, i) => start + i);
    start += size;
    return pick(reader, onAxis(shape, axis, positions));
  });
  return moved(sizeOf(shape), parts);
}

/** start, start + step, … before end; negative numbers count from the end, and both ends are clamped. */
function slicePositions(size: number, start: number, end: number, step: number): number[] {
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const positions: number[] = [];
  if (step > 0) {
    const last = clamp(end, 0, size);
    for (let at = clamp(start, 0, size); at < last; at += step) positions.push(at);
  } else {
    const last = clamp(end, -1, size - 1);
    for (let at = clamp(start, 0, size - 1); at > last; at += step) positions.push(at);
  }
  return positions;
}

function slice(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const starts = reader.has(1) ? reader.integers(1) : (reader.ints('starts') ?? []);
  const ends = reader.has(2) ? reader.integers(2) : (reader.ints('ends') ?? []);
  const axes = reader.has(3) ? reader.integers(3) : (reader.ints('axes') ?? starts.map((_, i) => i));
  const steps = reader.has(4) ? reader.integers(4) : starts.map(() => 1);
  const lists: (number[] | null)[] = shape.map(() => null);
  axes.forEach((given, i) => {
    const axis = reader.axis(given, shape.length);
    const [start, end, step] = [starts[i], ends[i], steps[i]];
    const fits = start !== undefined && end !== undefined && step !== undefined && step !== 0 && lists[axis] === null;
    lists[axis] = fits ? slicePositions(shape[axis]!, start, end, step) : reader.fail(`axis ${given} cannot be cut`);
  });
  return moved(sizeOf(shape), [pick(reader, lists)]);
}

function gather(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const axis = reader.axis(reader.int('axis', 0), shape.length);
  const { dims } = reader.constant(1);
  const positions = reader.integers(1).map((i) => (i < 0 ? i + shape[axis]! : i));
  if (positions.some((i) => i < 0)) reader.fail(`indices [${positions}]`);
  const { index } = pick(reader, onAxis(shape, axis, positions));
  return moved(sizeOf(shape), [{ shape: [...shape.slice(0, axis), ...dims, ...shape.slice(axis + 1)], index }]);
}

/** The element that stands at position i, before or behind an axis of `size`. */
const PADDINGS: ReadonlyMap<string, (i: number, size: number) => number> = new Map<
  string,
  (i: number, size: number) => number
>([
  ['constant', () => -1],
  ['edge', (i, size) => (i < 0 ? 0 : size - 1)],
  ['reflect', (i, size) => (i < 0 ? -i : 2 * size - 2 - i)],
]);

function pad(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const mode = reader.string('mode', 'constant');
  const padding = PADDINGS.get(mode) ?? reader.fail(`mode ${mode}`);
  const rank = shape.length + 1;
  const axes = reader.has(3)
    ? reader.integers(3).map((axis) => (axis < 0 ? axis + rank : axis))
    : Array.from({ length: rank }, (_, axis) => axis);
  const pads = reader.has(1) ? reader.integers(1) : (reader.ints('pads') ?? []);
  if (pads.length !== 2 * axes.length) reader.fail(`pads [${pads}]`);
  const lists: (number[] | null)[] = shape.map(() => null);
  axes.forEach((given, i) => {
    const [before, after] = [pads[i]!, pads[i + axes.length]!];
    if (before === 0 && after === 0) return;
    const axis = reader.axis(given, shape.length);
    const size = shape[axis]!;
    if (before < 0 || after < 0) reader.fail(`pads [${pads}]`);
    reader.fit([before + size + after]);
    lists[axis] = Array.from({ length: before + size + after }, (_, j) =>
      j >= before && j < before + size ? j - before : padding(j - before, size),
    );
  });
  const value = mode === 'constant' && reader.has(2) ? reader.floats(2)[0]! : reader.number('value', 0);
  return moved(sizeOf(shape), [pick(reader, lists)], value);
}

function transpose(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const given = reader.ints('perm') ?? Array.from({ length: shape.length + 1 }, (_, axis) => shape.length - axis);
  const [batch, ...perm] = given.map((axis) => axis - 1);
  if (batch !== -1) return reader.fail('the batch moves');
  if (`${perm.toSorted((a, b) => a - b)}` !== `${shape.map((_, axis) => axis)}`) reader.fail(`perm [${given}]`);
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
  if (shapes.some((shape) => `${shape.with(axis, 0)}` !== `${shapes[0]!.with(axis, 0)}`)) reader.fail('other shapes');
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
  const rest = [...reader.dataShape(0)];
  const given = reader.has(1) ? reader.integers(1) : (reader.ints('axes') ?? []);
  const rank = rest.length + given.length;
  const added = new Set(given.map((axis) => reader.axis(axis, rank)));
  if (added.size !== given.length) reader.fail(`axes [${given}]`);
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!));
}

function squeezed(reader: NodeReader): Shape {
  const shape = reader.dataShape(0);
  const axes = reader.has(1) ? reader.integers(1) : (reader.ints('axes') ?? reader.fail('no axes'));
  const removed = new Set(axes.map((axis) => reader.axis(axis, shape.length)));
  return shape.filter((_, axis) => !removed.has(axis));
}

function cast(reader: NodeReader): Operator {
  const to = reader.int('to', 0);
  if (to !== ElementType.float32 && to !== ElementType.float64) reader.fail('to another type');
  return identity(reader);
}

const identity = (reader: NodeReader) => renamed(reader, reader.dataShape(0));

export const rearrangementTwins: Twins = {
  Reshape: { gradient: reshape, affine: [0] },
  Flatten: { gradient: flatten, affine: [0] },
  Squeeze: { gradient: (reader) => renamed(reader, squeezed(reader)), affine: [0] },
  Unsqueeze: { gradient: (reader) => renamed(reader, unsqueezed(reader)), affine: [0] },
  Identity: { gradient: identity, affine: [0] },
  Dropout: { gradient: identity, affine: [0] },
  // A cast to integers is not affine, but no rule proves anything about one of the image.
  Cast: { gradient: cast, affine: [0] },
  Transpose: { gradient: transpose, affine: [0] },
  Split: { gradient: split, affine: [0] },
  Slice: { gradient: slice, affine: [0] },
  Gather: { gradient: gather, affine: [0] },
  Pad: { gradient: pad, affine: [0] },
  Concat: { gradient: concat, affine: 'all' },
};
