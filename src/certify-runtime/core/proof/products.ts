/** A product taken in parts: Σ_i M_i·v_i, bounded as the one product [M_1 M_2 …]·(v_1, v_2, …). Lemma 8 and its corollary. */

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

/** The norms of a matrix of constants, for linearMeasure. */
export function matrixMap(site: Site, m: Matrix): Pick<LinearMap, 'norm' | 'absolute' | 'column' | 'terms' | 'weight'> {
  site.spend(normsCost(m.rows, m.cols));
  const absolute = absoluteNormUpper(m);
  return {
    // |‖M‖₂| ≤ ‖|M|‖₂ always; the smaller of two upper bounds is one.
    norm: Math.min(spectralNormUpper(m), absolute),
    absolute,
    column: columnNormUpper(m),
    terms: m.cols,
    weight: largestMagnitude(m.values),
  };
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
 * The sum of `summands`, where all are products of constants with parts of one tensor; null where they are not.
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
    ({ matrix, operand }, i) =>
      operand.base === base &&
      matrix.rows === outputs &&
      summands[i]!.shape.length === shape.length &&
      summands[i]!.shape.every((dim, axis) => dim === shape[axis]),
  );
  if (!alike) return null;
  const matrix = sideBySide(products.map((part) => part.matrix));
  checkView(site, matrix.cols);
  const parts = products.map(({ operand }) => ({ ...operand, shape: [product(operand.shape)] }));
  const joined: Data = { kind: 'data', shape: [matrix.cols], base, view: joinViews(parts, 0) };
  const longest = Math.max(...products.map((part) => part.matrix.cols));
  const map: LinearMap = {
    ...matrixMap(site, matrix),
    terms: (site.node.op === 'Sum' ? longest : matrix.cols) + products.length,
    operations: matrix.cols + products.length * (EXTRA_ROUNDINGS + 1),
    inputs: matrix.cols,
    outputs,
    bias: 0,
  };
  return { outputs: [computed(shape, linearMeasure(site, map, measureOf(joined)))], upper: map.norm };
}
