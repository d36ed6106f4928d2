/** The linear map between two tensors as one matrix in float64, with a bound of its rounding. Lemma 20. */

import { type Matrix, transpose } from '../bounds/matrix-norm.ts';
import { addUp, gamma64, mulUp, UNDERFLOW_64 } from '../bounds/rounding.ts';
import { eachEntry, entryCount, roundings } from './entries.ts';
import type { Node } from './node.ts';

/** The map from `leaf` to `last` along `nodes`, in which all other tensors before these are taken for 0. */
export interface Path {
  readonly leaf: Node;
  readonly last: Node;
  /** Each after its operands. */
  readonly nodes: readonly Node[];
}

/** The multiply-adds for one vector, in one direction. */
export function pathCost({ nodes }: Path): number {
  let cost = 0;
  for (const { step, operands } of nodes) for (const { size } of operands) cost += entryCount(step!, size);
  return cost;
}

/**
 * The map, or its adjoint, applied to `count` vectors at once: element e of vector k is at e·count + k. Activations on
 * the way multiply element e by slopes[e], or by 1.
 */
export function applied(
  { leaf, last, nodes }: Path,
  vectors: Float64Array,
  {
    count,
    adjoint,
    slopes,
  }: { readonly count: number; readonly adjoint: boolean; readonly slopes?: Float64Array | undefined },
): Float64Array {
  const values = new Map<Node, Float64Array>([[adjoint ? last : leaf, vectors.slice()]]);
  const valuesOf = (node: Node): Float64Array => {
    const known = values.get(node) ?? new Float64Array(node.size * count);
    values.set(node, known);
    return known;
  };
  for (const node of adjoint ? nodes.toReversed() : nodes) {
    const step = node.step!;
    const scales = step.kind === 'pointwise' ? slopes : undefined;
    node.operands.forEach((operand, part) => {
      const [from, to] = adjoint ? [valuesOf(node), valuesOf(operand)] : [valuesOf(operand), valuesOf(node)];
      eachEntry(step, part, operand.size, (row, col, entry) => {
        const value = scales === undefined ? entry : entry * scales[row]!;
        const i = (adjoint ? row : col) * count;
        const j = (adjoint ? col : row) * count;
        for (let k = 0; k < count; k++) to[j + k]! += value * from[i + k]!;
      });
    });
  }
  return valuesOf(adjoint ? leaf : last);
}

/** Vectors that are taken through the path together. */
const BATCH = 32;

/** A matrix in float64, and what it may be off by: ‖computed − exact‖₂. */
export interface Rounded {
  readonly matrix: Matrix;
  readonly error: number;
}

/** The matrix of the path, column by column, or row by row if there are fewer rows. */
export function denseMatrix(path: Path): Rounded {
  const [rows, cols] = [path.last.size, path.leaf.size];
  const adjoint = rows < cols;
  const [count, length] = adjoint ? [rows, cols] : [cols, rows];
  // Row k holds the image of unit vector k.
  const values = new Float64Array(count * length);
  for (let from = 0; from < count; from += BATCH) {
    const batch = Math.min(BATCH, count - from);
    const units = new Float64Array(count * batch);
    for (let k = 0; k < batch; k++) units[(from + k) * batch + k] = 1;
    const images = applied(path, units, { count: batch, adjoint });
    for (let e = 0; e < length; e++)
      for (let k = 0; k < batch; k++) values[(from + k) * length + e] = images[e * batch + k]!;
  }
  const images = { rows: count, cols: length, values };
  return { matrix: adjoint ? images : transpose(images), error: roundingOf(path) };
}

/**
 * Every entry is a sum over ways through the path of products of entries, each with at most Σ roundings; the sums of
 * the moduli of these products are a matrix of norm ≤ A, which is bounded step by step. An underflow costs 2⁻¹⁰⁷⁴ and is
 * magnified by at most the moduli of the steps after it.
 */
function roundingOf({ leaf, last, nodes }: Path): number {
  const moduli = new Map<Node, number>([[leaf, 1]]);
  let [terms, growth] = [0, 1];
  for (const node of nodes) {
    const step = node.step!;
    let modulus = 0;
    terms += roundings(step) + node.operands.length;
    const own = 'absolute' in step ? step.absolute : 1;
    growth = mulUp(growth, Math.max(1, own));
    for (const operand of node.operands) modulus = addUp(modulus, mulUp(own, moduli.get(operand) ?? 0));
    growth = mulUp(growth, node.operands.length);
    moduli.set(node, modulus);
  }
  return addUp(mulUp(gamma64(terms), moduli.get(last) ?? 0), mulUp(growth, UNDERFLOW_64));
}
