/** Gradients of operators that reduce several values to one: ReduceMax and its kin, the global pools, and TopK. */
import { type NodeReader, type Operator, type Shape, sizeOf, type Twins } from './operator.ts';

/** The element numbers of one row in groups of equal length: group g holds what output g is made from. */
interface Groups {
  readonly shape: Shape;
  readonly members: Int32Array;
  readonly length: number;
}

function groups(reader: NodeReader, axes: readonly number[], keep: boolean): Groups {
  const shape = reader.dataShape(0);
  const reduced = new Set(axes);
  const kept = shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  const length = sizeOf(shape) / sizeOf(kept);
  const members = new Int32Array(sizeOf(shape));
  const filled = new Int32Array(sizeOf(kept));
  for (let e = 0; e < members.length; e++) {
    let rest = e;
    let group = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      group += ((rest % shape[axis]!) % kept[axis]!) * stride;
      stride *= kept[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    members[group * length + filled[group]!++] = e;
  }
  return { shape: keep ? kept : shape.filter((_, axis) => !reduced.has(axis)), members, length };
}

/** Σ factor·v over each group. */
function sums({ shape, members, length }: Groups, factor: number): Operator {
  const size = members.length;
  const outputs = size / length;
  return {
    outputShapes: [shape],
    work: size,
    forward: ([x], n) => {
      const y = new Float64Array(n * outputs);
      for (let k = 0; k < n; k++) {
        for (let m = 0; m < size; m++) y[k * outputs + Math.floor(m / length)]! += x![k * size + members[m]!]!;
      }
      return [y.map((sum) => factor * sum)];
    },
    backward: (_x, _y, [gy], [gx], n) => {
      for (let k = 0; k < n; k++) {
        for (let m = 0; m < size; m++) {
          gx![k * size + members[m]!]! += factor * gy![k * outputs + Math.floor(m / length)]!;
        }
      }
    },
  };
}

/** The element of these at which sign·v is largest, for the row of x that starts at `begin`; the first one in a tie. */
function best(x: Float64Array, begin: number, elements: Int32Array, sign: 1 | -1): number {
  let found = elements[0]!;
  for (let i = 1; i < elements.length; i++) {
    if (sign * x[begin + elements[i]!]! > sign * x[begin + found]!) found = elements[i]!;
  }
  return found;
}

/** The `count` first values of each group in descending order of sign·v; the gradient goes to their positions. */
function ranked({ shape, members, length }: Groups, count: number, sign: 1 | -1, place: Places): Operator {
  const size = members.length;
  const outputs = (size / length) * count;
  const lists = Array.from({ length: size / length }, (_, group) =>
    members.subarray(group * length, (group + 1) * length),
  );
  /** For each output of row k, the element that it takes. */
  const chosen = (x: Float64Array, k: number): Int32Array => {
    const result = new Int32Array(outputs);
    for (const [group, elements] of lists.entries()) {
      if (count === 1) {
        result[place(group, 0)] = best(x, k * size, elements, sign);
      } else {
        const row = x.subarray(k * size, (k + 1) * size);
        // The sort is stable: of equal values, the first stays first.
        const order = elements.toSorted((a, b) => sign * (row[b]! - row[a]!));
        for (let i = 0; i < count; i++) result[place(group, i)] = order[i]!;
      }
    }
    return result;
  };
  return {
    outputShapes: [shape],
    work: size,
    forward: ([x], n) => {
      const y = new Float64Array(n * outputs);
      for (let k = 0; k < n; k++) {
        const from = chosen(x!, k);
        for (let i = 0; i < outputs; i++) y[k * outputs + i] = x![k * size + from[i]!]!;
      }
      return [y];
    },
    backward: ([x], _y, [gy], [gx], n) => {
      for (let k = 0; k < n; k++) {
        const from = chosen(x!, k);
        for (let i = 0; i < outputs; i++) gx![k * size + from[i]!]! += gy![k * outputs + i]!;
      }
    },
  };
}

/** The position of the i-th value of a group. */
type Places = (group: number, i: number) => number;

const first: Places = (group) => group;

function axesOf(reader: NodeReader): number[] {
  const rank = reader.dataShape(0).length;
  const given = reader.has(1) ? reader.integers(1) : (reader.ints('axes') ?? []);
  if (given.length === 0) return reader.fail('no axes');
  return given.map((axis) => reader.axis(axis, rank));
}

const reduced = (reader: NodeReader) => groups(reader, axesOf(reader), reader.int('keepdims', 1) !== 0);

function everywhere(reader: NodeReader): Groups {
  const { length } = reader.dataShape(0);
  if (length < 2) reader.fail('no spatial dimensions');
  return groups(
    reader,
    Array.from({ length: length - 1 }, (_, i) => i + 1),
    true,
  );
}

function mean(found: Groups): Operator {
  return sums(found, 1 / found.length);
}

function topK(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const axis = reader.axis(reader.int('axis', -1), shape.length);
  const [count = 0] = reader.integers(1);
  if (!(count >= 1 && count <= shape[axis]!) || reader.int('sorted', 1) === 0) reader.fail(`the ${count} largest`);
  const inner = sizeOf(shape.slice(axis + 1));
  // A group is a line along the axis; lines are numbered by their position in the other axes.
  const place: Places = (group, i) => (Math.floor(group / inner) * count + i) * inner + (group % inner);
  const found = { ...groups(reader, [axis], true), shape: shape.with(axis, count) };
  return ranked(found, count, reader.int('largest', 1) === 0 ? -1 : 1, place);
}

export const reductionTwins: Twins = {
  ReduceSum: { gradient: (reader) => sums(reduced(reader), 1), affine: [0] },
  ReduceMean: { gradient: (reader) => mean(reduced(reader)), affine: [0] },
  ReduceMax: { gradient: (reader) => ranked(reduced(reader), 1, 1, first) },
  ReduceMin: { gradient: (reader) => ranked(reduced(reader), 1, -1, first) },
  GlobalAveragePool: { gradient: (reader) => mean(everywhere(reader)), affine: [0] },
  GlobalMaxPool: { gradient: (reader) => ranked(everywhere(reader), 1, 1, first) },
  TopK: { gradient: topK },
};
