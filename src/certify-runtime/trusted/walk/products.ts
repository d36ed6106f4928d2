/** Bounds Σ_i M_i·v_i as one product [M_1 M_2 …]·(v_1, v_2, …) with constants. Lemma 8, its corollary, and Lemma 19. */

import {
  absoluteNormUpper,
  columnNormUpper,
  largestMagnitude,
  type Matrix,
  normsCost,
  spectralNormUpper,
} from '../bounds/matrix-norm.ts';
import { joinViews } from './join.ts';
import { EXTRA_ROUNDINGS, type LinearMap, linearMeasure } from './linear.ts';
import { checkView } from './rearrange.ts';
import type { RuleResult } from './rule.ts';
import type { Site } from './site.ts';
import { computed, type Data, holdsPadding, inShape, measureOf, sizeOf, viewOf } from './state.ts';

/** How a tensor came out of a product with constants, without a bias and without a scale. */
export interface Factorisation {
  /** Matrices of outputs × inputs, one for each entry of the axes `blocks`, row-major. */
  readonly matrices: readonly Matrix[];
  /** The sizes of the axes before the last two that have their own matrix for each entry. */
  readonly blocks: readonly number[];
  /** The operand's axis that is contracted; the output's axis of the same number takes its place. */
  readonly axis: number;
  readonly operand: Data;
  /** Whether its node may take another summand as the start of its sums, as a Gemm may. */
  readonly accumulates: boolean;
}

/**
 * What is known about a tensor beyond its elements. It is kept by the tensor's identity and not as a field of it, so
 * that no code that moves, reshapes or copies elements, a spread of the fields included, can carry it along by mistake:
 * the factorisation is about the very tensor that came out of the product, and every other tensor has none.
 */
const factorisations = new WeakMap<Data, Factorisation>();

/** Records that `data` came out of this product, and returns it. */
export function factored(data: Data, factorisation: Factorisation): Data {
  factorisations.set(data, factorisation);
  return data;
}

/**
 * The result of an operator that changes nothing, such as an Add of 0. ONNX Runtime drops it, and then fuses what is
 * around it, so what fusions look at is still there.
 */
export function unchanged(data: Data, result: RuleResult): RuleResult {
  const [{ shape, base }] = result.outputs as readonly [Data];
  return { ...result, outputs: [computed(shape, base.measure, { ...data.base.marks, isPadded: holdsPadding(data) })] };
}

/** Whether `data` is a MatMul's output that was rearranged or is not of rank 2: its axis 1 is not the MatMul's last. */
export function isMovedProduct(data: Data): boolean {
  return data.base.marks.isProduct === true && !(factorisations.has(data) && data.shape.length === 2);
}

/** The norms of a block diagonal matrix of constants, for linearMeasure: the largest of its blocks' norms. */
export function matrixMap(
  site: Site,
  matrices: readonly Matrix[],
): Pick<LinearMap, 'norm' | 'absolute' | 'column' | 'terms' | 'weight'> {
  const map = { norm: 0, absolute: 0, column: 0, terms: matrices[0]!.cols, weight: 0 };
  for (const m of matrices) {
    site.spend(normsCost(m.rows, m.cols));
    const absolute = absoluteNormUpper(m);
    map.absolute = Math.max(map.absolute, absolute);
    // ‖M‖₂ ≤ ‖|M|‖₂ always holds, and the smaller of two upper bounds is an upper bound.
    map.norm = Math.max(map.norm, Math.min(spectralNormUpper(m), absolute));
    map.column = Math.max(map.column, columnNormUpper(m));
    map.weight = Math.max(map.weight, largestMagnitude(m.values));
  }
  return map;
}

/** The matrices side by side; they have equally many rows. */
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

const sameList = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((entry, i) => entry === b[i]);

/**
 * The factorisations of `summands` if they are aligned: all have one shape, and all are products with parts of one
 * tensor, along one axis, with matrices for the same blocks and as many rows. Then every vector along the axis, at
 * every place of the other axes, is Σ_i M_i·v_i with the M_i of its block and the v_i of its place. Otherwise null.
 */
function alignedFactors(summands: readonly Data[]): readonly Factorisation[] | null {
  const factors: Factorisation[] = [];
  for (const data of summands) {
    const factor = factorisations.get(data);
    if (factor === undefined) return null;
    const first = factors[0] ?? factor;
    const aligned =
      sameList(data.shape, summands[0]!.shape) &&
      factor.operand.base === first.operand.base &&
      factor.axis === first.axis &&
      sameList(factor.blocks, first.blocks) &&
      factor.matrices.every(({ rows }) => rows === data.shape[factor.axis]);
    if (!aligned) return null;
    factors.push(factor);
  }
  return factors;
}

/**
 * The sum of `summands` as one product, if alignedFactors says that it is one; otherwise null.
 *
 * The multiplicity of the joined view counts whatever the parts have in common. If a Sum adds the products of MatMuls,
 * every part is finished before it is added (docs/soundness.md, A4): n_i roundings in a part and B in the sum are those
 * of a dot product of max n_i + B terms. The summand of an Add or a Gemm may start the other's sums: Σ n_i + B.
 */
export function sumOfProducts(site: Site, summands: readonly Data[]): RuleResult | null {
  const factors = alignedFactors(summands);
  if (factors === null) return null;
  const { shape } = summands[0]!;
  const { operand, matrices: firsts } = factors[0]!;
  // Before they are copied into one; in a hostile file they may be the same few over and over.
  site.checkShape([factors.reduce((n, part) => n + firsts.length * part.matrices[0]!.values.length, 0)]);
  const matrices = firsts.map((_, f) => sideBySide(factors.map((part) => part.matrices[f]!)));
  const { cols } = matrices[0]!;
  const parts = factors.map((part) => inShape(part.operand, [sizeOf(part.operand.shape)]));
  const inputs = parts.reduce((n, part) => n + part.shape[0]!, 0);
  checkView(site, inputs);
  const joined = viewOf(operand.base, [inputs], joinViews(parts, 0));
  const longest = Math.max(...factors.map((part) => part.matrices[0]!.cols));
  const apart = site.node.op === 'Sum' && !factors.some(({ accumulates }) => accumulates);
  const map: LinearMap = {
    ...matrixMap(site, matrices),
    terms: (apart ? longest : cols) + factors.length,
    operations: cols + factors.length * (EXTRA_ROUNDINGS + 1),
    inputs,
    outputs: sizeOf(shape),
    bias: 0,
  };
  return { outputs: [computed(shape, linearMeasure(site, map, measureOf(joined)))], upper: map.norm };
}
