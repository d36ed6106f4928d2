/** MatMul and Gemm with constant matrices. Lemma 8. */

import { MAX_ELEMENTS } from '../bounds/budget.ts';
import { type Matrix, transpose, vectorNormUpper } from '../bounds/matrix-norm.ts';
import { mulUp, sqrtUp } from '../bounds/rounding.ts';
import { linearMeasure } from '../walk/linear.ts';
import { type Factorisation, factored, matrixMap } from '../walk/products.ts';
import { rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, measureOf, sizeOf } from '../walk/state.ts';
import { recorded } from '../walk/steps.ts';

/** A constant [rows, cols], or [blocks…, rows, cols], in float64. */
function matricesInput(site: Site, i: number): { blocks: readonly number[]; matrices: readonly Matrix[] } {
  const { dims, values } = site.floats(i);
  if (dims.length < 2) site.refuse(`the constant matrix must have rank 2 or more, not [${dims}]`);
  if (values.length === 0) site.refuse(`the constant matrix is empty: [${dims}]`);
  if (values.length > MAX_ELEMENTS) site.refuse(`[${dims}] is too large (limit of the verifier)`);
  site.spend(0, values.length);
  const [rows, cols] = dims.slice(-2) as [number, number];
  const size = rows * cols;
  const matrices = Array.from({ length: values.length / size }, (_, f) => ({
    rows,
    cols,
    values: Float64Array.from(values.subarray(f * size, (f + 1) * size)),
  }));
  return { blocks: dims.slice(0, -2), matrices };
}

/** What a product with constants is made of. */
type Product = Omit<Factorisation, 'operand'>;

/** What a Gemm does besides the product: α(Mv) + βc. */
interface Extras {
  readonly alpha: number;
  readonly beta: number;
  readonly bias: ArrayLike<number> | null;
}

const PLAIN: Extras = { alpha: 1, beta: 1, bias: null };

/**
 * Applies the matrices (outputs × inputs) along `axis` to disjoint parts of a sample, each to as many as any other,
 * with the bias. This is a block diagonal matrix, whose norms are the largest of its blocks' norms.
 */
function apply(site: Site, data: Data, made: Product, extras: Extras): RuleResult {
  const { matrices, axis } = made;
  const shape = data.shape.with(axis, matrices[0]!.rows);
  site.checkShape(shape);
  const outputs = sizeOf(shape);
  const [alpha, beta] = [Math.abs(extras.alpha), Math.abs(extras.beta)];
  const own = matrixMap(site, matrices);
  const bias = extras.bias ?? [0];
  const unscaled = mulUp(sqrtUp(outputs / bias.length), vectorNormUpper(bias));
  const map = {
    ...own,
    norm: mulUp(own.norm, alpha),
    absolute: mulUp(own.absolute, alpha),
    column: mulUp(own.column, alpha),
    inputs: sizeOf(data.shape),
    outputs,
    bias: mulUp(beta, unscaled),
    scaled: { absolute: own.absolute, alpha: Math.max(1, alpha), beta: Math.max(1, beta), bias: unscaled },
  };
  const operand = rebased(site, data);
  const output = computed(shape, linearMeasure(site, map, measureOf(operand)), { isProduct: !made.accumulates });
  const [before, after] = axis === shape.length - 1 ? [data.shape.at(-2)!, 1] : [1, data.shape.at(-1)!];
  const step = { kind: 'matrix', matrices, before, after, factor: extras.alpha, absolute: map.absolute } as const;
  recorded(output, step, [operand]);
  const plain = extras.bias === null && extras.alpha === 1;
  return { outputs: [plain ? factored(output, { ...made, operand: data }) : output], upper: map.norm };
}

function matMul(site: Site): RuleResult {
  const left = site.value(0);
  const right = site.value(1);
  if (left.kind === 'data' && right.kind === 'data')
    site.refuse('the product of two tensors that depend on the image has no bound');
  const onRight = left.kind === 'data';
  const data = site.data(onRight ? 0 : 1);
  const { blocks, matrices: stored } = matricesInput(site, onRight ? 1 : 0);
  const matrices = onRight ? stored.map(transpose) : stored;
  const { cols } = matrices[0]!;
  const { shape } = data;
  const rank = shape.length;
  if (rank < 2) site.refuse('its input has rank 1');
  if (!onRight && rank < 3) site.refuse('a constant on the left of a matrix would mix the samples of the batch');
  const axis = onRight ? rank - 1 : rank - 2;
  if (shape[axis] !== cols) site.refuse(`[N·${shape}] does not fit a matrix of ${cols} inputs`);
  // Each block axis is an axis of the tensor: it is never axis 0, and is never stretched.
  const own = shape.slice(1, -2).slice(-blocks.length);
  if (blocks.length > 0 && `${own}` !== `${blocks}`)
    site.refuse(`[N·${shape}] does not fit matrices in blocks [${blocks}]`);
  return apply(site, data, { matrices, blocks, axis, accumulates: false }, PLAIN);
}

function gemm(site: Site): RuleResult {
  const data = site.data(0);
  if (site.int('transA', 0) !== 0) site.refuse('transA would mix the samples of the batch');
  const { blocks, matrices } = matricesInput(site, 1);
  if (blocks.length > 0) site.refuse('its constant matrix must have rank 2');
  const m = site.flag('transB', false) ? matrices[0]! : transpose(matrices[0]!);
  const { shape } = data;
  if (shape.length !== 2) site.refuse(`its input must have rank 2, not [N·${shape}]`);
  if (shape[1] !== m.cols) site.refuse(`[N·${shape}] does not fit a matrix of ${m.cols} inputs`);
  const extras = { alpha: site.number('alpha', 1), beta: site.number('beta', 1), bias: gemmBias(site, m.rows) };
  return apply(site, data, { matrices: [m], blocks, axis: 1, accumulates: true }, extras);
}

/** C, which has one value for each output or one for all. */
function gemmBias(site: Site, outputs: number): ArrayLike<number> | null {
  if (!site.has(2)) return null;
  const { dims, values } = site.floats(2);
  const fits = dims.length <= 2 && (dims.length < 2 || dims[0] === 1) && [1, outputs].includes(dims.at(-1) ?? 1);
  if (!fits) site.refuse(`the constant [${dims}] must not vary with the batch and fit ${outputs} outputs`);
  return values;
}

export const denseRules: Rules = {
  MatMul: { attributes: [], apply: matMul },
  Gemm: { attributes: ['alpha', 'beta', 'transA', 'transB'], apply: gemm },
};
