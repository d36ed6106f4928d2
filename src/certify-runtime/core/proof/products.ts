/** A product taken in parts: Σ_i M_i·v_i, bounded as the one product [M_1 M_2 …]·(v_1, v_2, …), block by block. Lemma 8 and its corollary. */

import { joinViews } from './join.ts';
import { EXTRA_ROUNDINGS, type LinearMap, linearMeasure } from './linear.ts';
import {
  absoluteNormUpper,
  columnNormUpper,
  largestMagnitude,
  type Matrix,
  normsCost,
  spectralNormUpper,
} from './matrix-norm.ts';
import { checkView } from './rearrange.ts';
import type { RuleResult } from './rule.ts';
import type { Site } from './site.ts';
import { computed, type Data, measureOf, product } from './state.ts';

/** The norms of a block diagonal matrix of constants, for linearMeasure: the largest of the blocks'. */
export function matrixMap(
  site: Site,
  matrices: readonly Matrix[],
): Pick<LinearMap, 'norm' | 'absolute' | 'column' | 'terms' | 'weight'> {
  const map = { norm: 0, absolute: 0, column: 0, terms: matrices[0]!.cols, weight: 0 };
  for (const m of matrices) {
    site.spend(normsCost(m.rows, m.cols));
    const absolute = absoluteNormUpper(m);
    map.absolute = Math.max(map.absolute, absolute);
    // ‖M‖₂ ≤ ‖|M|‖₂ always; the smaller of two upper bounds is one.
    map.norm = Math.max(map.norm, Math.min(spectralNormUpper(m), absolute));
    map.column = Math.max(map.column, columnNormUpper(m));
    map.weight = Math.max(map.weight, largestMagnitude(m.values));
  }
  return map;
}

/** The matrices side by side. */
function sideBySide(matrices: readonly Matrix[]): Matrix {
  const rows = matrices[0]!.rows;
  const cols = matrices.reduce((n, m) => n + m.cols, 0);
  const values = new Float64Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    let at = row * cols;
    for (const m of matrices) {
      values.set(m.values.subarray(row * m.cols, (row + 1) * m.cols), at);
      at += m.cols;
    }
  }
  return { rows, cols, values };
}

/**
 * The sum of `summands`, where all are products of constants with parts of one tensor, along one axis; null where they are
 * not. Of equal shape and axis, they are aligned: each vector along the axis is Σ_i M_i·v_i with the M_i of its block.
 *
 * Whatever the parts have in common is counted by the multiplicity of the joined view. In a Sum, every part is finished
 * before it is added (docs/soundness.md, A4): n_i roundings in a part and B in the sum are those of a dot product of
 * max n_i + B terms. An Add may become the C of a Gemm and start the accumulation of the other part: Σ n_i + B.
 */
export function sumOfProducts(site: Site, summands: readonly Data[]): RuleResult | null {
  const products = summands.flatMap((data) => (data.view === null && data.product !== undefined ? [data.product] : []));
  const first = products[0];
  if (first === undefined || products.length !== summands.length) return null;
  const { shape } = summands[0]!;
  const base = first.operand.base;
  const outputs = product(shape);
  const alike = products.every(
    ({ matrices, axis, operand }, i) =>
      operand.base === base &&
      axis === first.axis &&
      matrices.length === first.matrices.length &&
      summands[i]!.shape.length === shape.length &&
      summands[i]!.shape.every((dim, axis) => dim === shape[axis]),
  );
  if (!alike) return null;
  const matrices = first.matrices.map((_, f) => sideBySide(products.map((part) => part.matrices[f]!)));
  const { cols } = matrices[0]!;
  const parts = products.map(({ operand }) => ({ ...operand, shape: [product(operand.shape)] }));
  const inputs = parts.reduce((n, part) => n + part.shape[0]!, 0);
  checkView(site, inputs);
  const joined: Data = { kind: 'data', shape: [inputs], base, view: joinViews(parts, 0) };
  const longest = Math.max(...products.map((part) => part.matrices[0]!.cols));
  const map: LinearMap = {
    ...matrixMap(site, matrices),
    terms: (site.node.op === 'Sum' ? longest : cols) + products.length,
    operations: cols + products.length * (EXTRA_ROUNDINGS + 1),
    inputs,
    outputs,
    bias: 0,
  };
  return { outputs: [computed(shape, linearMeasure(site, map, measureOf(joined)))], upper: map.norm };
}
