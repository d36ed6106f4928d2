/**
 * Gradients of elementwise operators: with constants, between branches, Max, Min, normalisation and the activations.
 */
import { pointwise } from './functions.ts';
import { type NodeReader, type Operator, type Shape, sizeOf, type Twins } from './operator.ts';

/** The constant of input i, as one value for each element of a sample of `shape`. */
function spread(reader: NodeReader, i: number, shape: Shape): Float64Array {
  const { dims } = reader.constant(i);
  const data = reader.floats(i);
  const own = dims.length === shape.length + 1 && dims[0] === 1 ? dims.slice(1) : dims;
  const padded = [...Array<number>(Math.max(0, shape.length - own.length)).fill(1), ...own];
  if (padded.length !== shape.length || padded.some((dim, axis) => dim !== 1 && dim !== shape[axis])) {
    reader.fail(`a constant [${dims}] on [N, ${shape}]`);
  }
  const values = new Float64Array(sizeOf(shape));
  for (let e = 0; e < values.length; e++) {
    let rest = e;
    let at = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (padded[axis] !== 1) at += (rest % shape[axis]!) * stride;
      stride *= padded[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    values[e] = data[at]!;
  }
  return values;
}

/** The single shape of all inputs that depend on the image. */
function commonShape(reader: NodeReader): Shape {
  const shapes = reader.node.inputs.map((_, i) => reader.shape(i)).filter((shape) => shape !== undefined);
  const [first] = shapes;
  if (first === undefined) return reader.fail('no input depends on the image');
  const other = shapes.find((shape) => `${shape}` !== `${first}`);
  return other === undefined ? first : reader.fail(`shapes [${first}] and [${other}]`);
}

/** v ↦ slope·v + offset, element by element. */
function affine(shape: Shape, slope: Float64Array, offset: Float64Array): Operator {
  const size = sizeOf(shape);
  return {
    outputShapes: [shape],
    forward: ([x], n) => {
      const y = new Float64Array(n * size);
      for (let e = 0; e < y.length; e++) y[e] = slope[e % size]! * x![e]! + offset[e % size]!;
      return [y];
    },
    backward: (_x, _y, [gy], [gx], n) => {
      for (let e = 0; e < n * size; e++) gx![e]! += slope[e % size]! * gy![e]!;
    },
  };
}

/** Σ sign_i·v_i of tensors that depend on the image. */
function branches(shape: Shape, signs: readonly (1 | -1)[]): Operator {
  return {
    outputShapes: [shape],
    forward(inputs) {
      const y = new Float64Array(inputs[0]!.length);
      inputs.forEach((x, i) => {
        for (let e = 0; e < y.length; e++) y[e]! += signs[i]! * x[e]!;
      });
      return [y];
    },
    backward(_x, _y, [gy], gradients) {
      gradients.forEach((gx, i) => {
        for (let e = 0; e < gy!.length; e++) gx[e]! += signs[i]! * gy![e]!;
      });
    },
  };
}

/** a·b of tensors that depend on the image, which may be the same one. */
function product(shape: Shape): Operator {
  return {
    outputShapes: [shape],
    forward: ([a, b]) => [a!.map((value, e) => value * b![e]!)],
    backward([a, b], _y, [gy], [ga, gb]) {
      for (let e = 0; e < gy!.length; e++) {
        ga![e]! += b![e]! * gy![e]!;
        gb![e]! += a![e]! * gy![e]!;
      }
    },
  };
}

/** (v − mean)·γ/√(var + ε) + β for each channel: scale, B, mean and var are inputs 1 to 4. */
function batchNormalization(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const [gamma, beta, mean, variance] = [reader.floats(1), reader.floats(2), reader.floats(3), reader.floats(4)];
  if (reader.int('training_mode', 0) !== 0 || [gamma, beta, mean, variance].some(({ length }) => length !== shape[0]))
    reader.fail(`its constants do not fit [N, ${shape}]`);
  const places = sizeOf(shape.slice(1));
  const epsilon = reader.number('epsilon', 1e-5);
  const slope = new Float64Array(sizeOf(shape));
  const offset = slope.map((_, e) => {
    const c = Math.floor(e / places);
    slope[e] = gamma[c]! / Math.sqrt(variance[c]! + epsilon);
    return beta[c]! - mean[c]! * slope[e]!;
  });
  return affine(shape, slope, offset);
}

/** Sum of any number of tensors. */
function total(reader: NodeReader): Operator {
  const shape = commonShape(reader);
  if (reader.node.inputs.some((_, i) => reader.shape(i) === undefined)) return reader.fail('a constant in a sum');
  return branches(
    shape,
    reader.node.inputs.map(() => 1),
  );
}

/** Add, Sub, Mul, Div. */
function arithmetic(reader: NodeReader): Operator {
  const { op } = reader.node;
  const shape = commonShape(reader);
  const [left, right] = [reader.shape(0), reader.shape(1)];
  if (left !== undefined && right !== undefined) {
    if (op === 'Mul') return product(shape);
    return op === 'Div' ? reader.fail('a quotient by a tensor') : branches(shape, [1, op === 'Add' ? 1 : -1]);
  }
  const constant = spread(reader, left === undefined ? 0 : 1, shape);
  const fill = (value: number): Float64Array => new Float64Array(constant.length).fill(value);
  if (op === 'Add') return affine(shape, fill(1), constant);
  if (op === 'Mul') return affine(shape, constant, fill(0));
  if (op === 'Sub')
    return left === undefined
      ? affine(shape, fill(-1), constant)
      : affine(
          shape,
          fill(1),
          constant.map((v) => -v),
        );
  if (left === undefined) return reader.fail('a quotient by a tensor');
  return affine(
    shape,
    constant.map((v) => 1 / v),
    fill(0),
  );
}

/** Max and Min of tensors and constants; the gradient goes to the first input that attains it. */
function extremum(reader: NodeReader): Operator {
  const shape = commonShape(reader);
  const size = sizeOf(shape);
  const sign = reader.node.op === 'Max' ? 1 : -1;
  const constants = reader.node.inputs.flatMap((_, i) =>
    reader.shape(i) === undefined ? [spread(reader, i, shape)] : [],
  );
  return {
    outputShapes: [shape],
    forward(inputs) {
      const y = inputs[0]!.slice();
      for (const x of inputs.slice(1)) for (let e = 0; e < y.length; e++) if (sign * x[e]! > sign * y[e]!) y[e] = x[e]!;
      for (const c of constants) {
        for (let e = 0; e < y.length; e++) if (sign * c[e % size]! > sign * y[e]!) y[e] = c[e % size]!;
      }
      return [y];
    },
    backward(inputs, [y], [gy], gradients) {
      for (let e = 0; e < y!.length; e++) {
        const k = inputs.findIndex((x) => x[e] === y![e]);
        if (k >= 0) gradients[k]![e]! += gy![e]!;
      }
    },
  };
}

const relu = (reader: NodeReader): Operator =>
  pointwise(reader, { value: (x) => (x > 0 ? x : 0), slope: (x) => (x > 0 ? 1 : 0) });

function leakyRelu(reader: NodeReader): Operator {
  const alpha = reader.number('alpha', 0.01);
  return pointwise(reader, { value: (x) => (x > 0 ? x : alpha * x), slope: (x) => (x > 0 ? 1 : alpha) });
}

function pRelu(reader: NodeReader): Operator {
  const shape = reader.dataShape(0);
  const slope = spread(reader, 1, shape);
  const size = sizeOf(shape);
  return {
    outputShapes: [shape],
    forward: ([x]) => [x!.map((v, e) => (v > 0 ? v : slope[e % size]! * v))],
    backward: ([x], _y, [gy], [gx]) => {
      for (let e = 0; e < gy!.length; e++) gx![e]! += (x![e]! > 0 ? 1 : slope[e % size]!) * gy![e]!;
    },
  };
}

function clip(reader: NodeReader): Operator {
  const low = reader.has(1) ? reader.floats(1)[0]! : reader.number('min', Number.NEGATIVE_INFINITY);
  const high = reader.has(2) ? reader.floats(2)[0]! : reader.number('max', Number.POSITIVE_INFINITY);
  return pointwise(reader, {
    value: (x) => Math.min(Math.max(x, low), high),
    slope: (x) => (x > low && x < high ? 1 : 0),
  });
}

const negative = (reader: NodeReader): Operator => pointwise(reader, { value: (x) => -x, slope: () => -1 });

export const elementwiseTwins: Twins = {
  Add: { gradient: arithmetic, affine: 'all' },
  Sub: { gradient: arithmetic, affine: 'all' },
  Sum: { gradient: total, affine: 'all' },
  Mul: { gradient: arithmetic, affine: [0, 1] },
  Div: { gradient: arithmetic, affine: [0] },
  Neg: { gradient: negative, affine: [0] },
  BatchNormalization: { gradient: batchNormalization, affine: [0] },
  Max: { gradient: extremum },
  Min: { gradient: extremum },
  Relu: { gradient: relu },
  LeakyRelu: { gradient: leakyRelu },
  PRelu: { gradient: pRelu },
  Clip: { gradient: clip },
  Abs: { gradient: (reader) => pointwise(reader, { value: Math.abs, slope: Math.sign }) },
};
