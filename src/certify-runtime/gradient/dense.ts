/** Gradients of MatMul and Gemm by constants. */
import { leftProduct, rightProduct } from './blocks.ts';
import { type NodeReader, type Operator, sizeOf, type Twins } from './operator.ts';

/** y = xM + b for every row of the last axis; M is [inputs, outputs], row-major. */
function linear(
  reader: NodeReader,
  matrix: { readonly inputs: number; readonly outputs: number; readonly values: Float64Array },
  bias: Float64Array | undefined,
): Operator {
  const shape = reader.dataShape(0);
  const { inputs, outputs, values } = matrix;
  if (shape.length === 0 || shape.at(-1) !== inputs) reader.fail(`its matrix does not fit [N, ${shape}]`);
  const rows = sizeOf(shape) / inputs;
  return {
    outputShapes: [[...shape.slice(0, -1), outputs]],
    work: rows * inputs * outputs,
    forward([x], n) {
      const y = new Float64Array(n * rows * outputs);
      if (bias !== undefined) for (let row = 0; row < n * rows; row++) y.set(bias, row * outputs);
      for (let i = 0; i < inputs; i += 4) {
        for (let row = 0; row < n * rows; row++)
          addFour(y, row * outputs, x!, row * inputs + i, inputs - i, values, i * outputs, outputs);
      }
      return [y];
    },
    backward(_inputs, _outputs, [gy], [gx], n) {
      for (let i = 0; i < inputs; i++) {
        dots(gx!, i, inputs, values, i * outputs, gy!, outputs, n * rows);
      }
    },
  };
}

/** y += Σ of up to four x_i times row i of M: with four at a time, y is read and written only once for them. */
function addFour(
  y: Float64Array,
  to: number,
  x: Float64Array,
  from: number,
  left: number,
  m: Float64Array,
  row: number,
  length: number,
): void {
  const a = x[from]!;
  const b = left > 1 ? x[from + 1]! : 0;
  const c = left > 2 ? x[from + 2]! : 0;
  const d = left > 3 ? x[from + 3]! : 0;
  // Rows past the last one have weight 0; the first row is read again for them, which keeps NaN out.
  const second = left > 1 ? length : 0;
  const third = left > 2 ? 2 * length : 0;
  const fourth = left > 3 ? 3 * length : 0;
  for (let j = row; j < row + length; j++, to++) {
    y[to]! += a * m[j]! + b * m[j + second]! + c * m[j + third]! + d * m[j + fourth]!;
  }
}

/** gx[row·stride + i] += Σ_j m_j v_{row, j} for all rows, in four sums that do not wait for each other. */
function dots(
  gx: Float64Array,
  i: number,
  stride: number,
  m: Float64Array,
  at: number,
  v: Float64Array,
  length: number,
  rows: number,
): void {
  for (let row = 0; row < rows; row++) {
    const from = row * length;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let j = 0;
    for (; j + 3 < length; j += 4) {
      a += m[at + j]! * v[from + j]!;
      b += m[at + j + 1]! * v[from + j + 1]!;
      c += m[at + j + 2]! * v[from + j + 2]!;
      d += m[at + j + 3]! * v[from + j + 3]!;
    }
    for (; j < length; j++) a += m[at + j]! * v[from + j]!;
    gx[row * stride + i]! += a + b + c + d;
  }
}

function readMatrix(reader: NodeReader, transposed: boolean, factor: number): Parameters<typeof linear>[1] {
  const { dims } = reader.constant(1);
  const data = reader.floats(1);
  if (dims.length !== 2) reader.fail(`a matrix [${dims}]`);
  const [rows, cols] = dims as [number, number];
  const values = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) values[transposed ? j * rows + i : i * cols + j] = factor * data[i * cols + j]!;
  }
  return transposed ? { inputs: cols, outputs: rows, values } : { inputs: rows, outputs: cols, values };
}

function matMul(reader: NodeReader): Operator {
  if (reader.shape(0) === undefined) return leftProduct(reader);
  if (reader.constant(1).dims.length > 2) return rightProduct(reader);
  return linear(reader, readMatrix(reader, false, 1), undefined);
}

function gemm(reader: NodeReader): Operator {
  if (reader.int('transA', 0) !== 0 || reader.dataShape(0).length !== 1) reader.fail('its input is not [N, d]');
  const matrix = readMatrix(reader, reader.int('transB', 0) !== 0, reader.number('alpha', 1));
  if (!reader.has(2)) return linear(reader, matrix, undefined);
  const data = reader.floats(2);
  const beta = reader.number('beta', 1);
  if (data.length !== 1 && data.length !== matrix.outputs) reader.fail(`a bias of ${data.length} values`);
  const bias = Float64Array.from({ length: matrix.outputs }, (_, j) => beta * data[data.length === 1 ? 0 : j]!);
  return linear(reader, matrix, bias);
}

export const denseTwins: Twins = {
  MatMul: { gradient: matMul, affine: [0, 1] },
  Gemm: { gradient: gemm, affine: [0] },
};
