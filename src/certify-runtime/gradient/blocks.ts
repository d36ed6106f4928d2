/**
 * Gradients of MatMul by constants on the left, or in blocks: one matrix for each entry of the axes before the last
 * two.
 */
import { type NodeReader, type Operator, sizeOf } from './operator.ts';

/** y[y + k] += w·x[x + k] for k < length. */
function addRun(y: Float64Array, to: number, w: number, x: Float64Array, from: number, length: number): void {
  for (let k = 0; k < length; k++) y[to + k]! += w * x[from + k]!;
}

/**
 * The constant input `side` as matrices [rows, cols] that multiply the parts [lines, length] of a sample, one matrix
 * after the other.
 */
function readBlocks(reader: NodeReader, side: 0 | 1) {
  const { dims } = reader.constant(side);
  const shape = reader.dataShape(1 - side);
  const [rows, cols] = dims.slice(-2) as [number, number];
  const [lines, length] = shape.slice(-2) as [number, number];
  const blocks = dims.slice(0, -2);
  const own = blocks.length === 0 ? [] : shape.slice(0, -2).slice(-blocks.length);
  if (shape.length < 2 || `${own}` !== `${blocks}` || (side === 1 ? rows !== length : cols !== lines)) {
    reader.fail(`constants [${dims}] do not fit [N, ${shape}]`);
  }
  return {
    rows,
    cols,
    lines,
    length,
    lead: shape.slice(0, -2),
    parts: sizeOf(shape.slice(0, -2)),
    /** The index at which the matrix of a part begins. */
    matrixOf: (part: number) => (part % sizeOf(blocks)) * rows * cols,
    values: reader.floats(side),
  };
}

/** y = M·x for the last two axes. */
export function leftProduct(reader: NodeReader): Operator {
  const { rows, cols, length, lead, parts, matrixOf, values } = readBlocks(reader, 0);
  const each = (n: number, visit: (weight: number, x: number, y: number) => void) => {
    for (let part = 0; part < n * parts; part++) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          visit(values[matrixOf(part) + i * cols + j]!, (part * cols + j) * length, (part * rows + i) * length);
        }
      }
    }
  };
  return {
    outputShapes: [[...lead, rows, length]],
    work: parts * rows * cols * length,
    forward([x], n) {
      const y = new Float64Array(n * parts * rows * length);
      each(n, (weight, from, to) => addRun(y, to, weight, x!, from, length));
      return [y];
    },
    backward(_inputs, _outputs, [gy], [gx], n) {
      each(n, (weight, from, to) => addRun(gx!, from, weight, gy!, to, length));
    },
  };
}

/** y = x·M for the last two axes, where M is the matrix of the part. */
export function rightProduct(reader: NodeReader): Operator {
  const { rows, cols, lines, lead, parts, matrixOf, values } = readBlocks(reader, 1);
  const each = (n: number, visit: (weights: number, x: number, y: number) => void) => {
    for (let part = 0; part < n * parts; part++) {
      for (let line = part * lines; line < (part + 1) * lines; line++) {
        for (let i = 0; i < rows; i++) visit(matrixOf(part) + i * cols, line * rows + i, line * cols);
      }
    }
  };
  return {
    outputShapes: [[...lead, lines, cols]],
    work: parts * lines * rows * cols,
    forward([x], n) {
      const y = new Float64Array(n * parts * lines * cols);
      each(n, (weights, from, to) => addRun(y, to, x![from]!, values, weights, cols));
      return [y];
    },
    backward(_inputs, _outputs, [gy], [gx], n) {
      each(n, (weights, from, to) => {
        let sum = 0;
        for (let k = 0; k < cols; k++) sum += values[weights + k]! * gy![to + k]!;
        gx![from]! += sum;
      });
    },
  };
}
