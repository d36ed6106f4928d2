/** MatMul and Gemm with a constant matrix. Lemma 8. */

import { MAX_ELEMENTS } from '../budget.ts';
import { linearMeasure } from '../linear.ts';
import { type Matrix, transpose, vectorNormUpper } from '../matrix-norm.ts';
import { matrixMap } from '../products.ts';
import { mulUp, sqrtUp } from '../rounding.ts';
import type { RuleResult, Rules } from '../rule.ts';
import type { Site } from '../site.ts';
import { computed, type Data, measureOf, product } from '../state.ts';

/** A constant of rank 2, as float64 times `factor` (exact: the product of two float32 has 48 bits). */
function matrixInput(site: Site, i: number, factor = 1): Matrix {
  const { dims, values } = site.floats(i);
  if (dims.length !== 2) site.refuse(`the constant matrix must have rank 2, not [${dims}]`);
  const [rows, cols] = dims as [number, number];
  if (rows < 1 || cols < 1) site.refuse(`the constant matrix is empty: [${dims}]`);
  if (rows * cols > MAX_ELEMENTS)
    site.refuse(`its matrix [${dims}] has more than ${MAX_ELEMENTS} entries (limit of the verifier)`);
  return { rows, cols, values: Float64Array.from(values, (w) => w * factor) };
}

const NO_BIAS = [0];

/** m (outputs × inputs) applied to `copies` disjoint parts of a sample, each with the bias b. */
function apply(
  site: Site,
  data: Data,
  m: Matrix,
  copies: number,
  shape: readonly number[],
  bias: ArrayLike<number>,
): RuleResult {
  site.checkShape(shape);
  const map = {
    ...matrixMap(site, m),
    inputs: product(data.shape),
    outputs: product(shape),
    bias: mulUp(sqrtUp(copies * (m.rows / bias.length)), vectorNormUpper(bias)),
  };
  const output = computed(shape, linearMeasure(site, map, measureOf(data)));
  const single = copies === 1 && m.cols === product(data.shape) && bias === NO_BIAS;
  return { outputs: [single ? { ...output, product: { matrix: m, operand: data } } : output], upper: map.norm };
}

function matMul(site: Site): RuleResult {
  const left = site.value(0);
  const right = site.value(1);
  if (left.kind === 'data' && right.kind === 'data')
    site.refuse('the product of two tensors that depend on the image has no bound');
  if (left.kind === 'data') {
    const m = transpose(matrixInput(site, 1));
    const { shape } = left;
    if (shape.length < 2) site.refuse('its input has rank 1');
    if (shape.at(-1) !== m.cols) site.refuse(`[N·${shape}] does not fit a matrix of ${m.cols} rows`);
    const out = [...shape.slice(0, -1), m.rows];
    return apply(site, left, m, product(out) / m.rows, out, NO_BIAS);
  }
  const data = site.data(1);
  const m = matrixInput(site, 0);
  const { shape } = data;
  if (shape.length < 3) site.refuse('a constant on the left of a matrix would mix the samples of the batch');
  if (shape.at(-2) !== m.cols) site.refuse(`a matrix of ${m.cols} columns does not fit [N·${shape}]`);
  const out = [...shape.slice(0, -2), m.rows, shape.at(-1)!];
  return apply(site, data, m, product(out) / m.rows, out, NO_BIAS);
}

function gemm(site: Site): RuleResult {
  const data = site.data(0);
  if (site.int('transA', 0) !== 0) site.refuse('transA would mix the samples of the batch');
  const stored = matrixInput(site, 1, site.number('alpha', 1));
  const m = site.int('transB', 0) === 0 ? transpose(stored) : stored;
  const { shape } = data;
  if (shape.length !== 2) site.refuse(`its input must have rank 2, not [N·${shape}]`);
  if (shape[1] !== m.cols) site.refuse(`[N·${shape}] does not fit a matrix of ${m.cols} inputs`);
  const out = [shape[0]!, m.rows];
  return apply(site, data, m, shape[0]!, out, gemmBias(site, m.rows));
}

/** beta·C, one value for each output or one for all. */
function gemmBias(site: Site, outputs: number): ArrayLike<number> {
  if (!site.has(2)) return NO_BIAS;
  const { dims, values } = site.floats(2);
  const fits = dims.length <= 2 && (dims.length < 2 || dims[0] === 1) && [1, outputs].includes(dims.at(-1) ?? 1);
  if (!fits) site.refuse(`the constant [${dims}] must not vary with the batch and fit ${outputs} outputs`);
  const beta = site.number('beta', 1);
  return Float64Array.from(values, (b) => b * beta);
}

export const denseRules: Rules = {
  MatMul: { attributes: [], apply: matMul },
  Gemm: { attributes: ['alpha', 'beta', 'transA', 'transB'], apply: gemm },
};
