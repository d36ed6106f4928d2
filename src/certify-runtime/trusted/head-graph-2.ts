/**
 * The certificate head of format 2, for files that were sealed before format 3: margin.ts as ONNX nodes, from `image`
 * and `logits` to `label` and `radius`. docs/soundness.md, section "The radius as a graph", bounds its float32
 * arithmetic; the constants below name its lemmas.
 */

import { scale } from './bounds/affine.ts';
import type { AffineBound } from './bounds/bound.ts';
import { addUp, FLUSH_32, gamma32, mulUp, OVERFLOW_32, sqrtUp } from './bounds/rounding.ts';
import { UnprovableError } from './errors.ts';
import { assembled, checkCap, float, type HeadGraph, type HeadNode, int, integers } from './head-nodes.ts';
import { ceilToFloat32, floorToFloat32, type MarginTerms } from './margin.ts';

/**
 * ‖x‖ sums n squares (n roundings in any order; the root adds one and halves the others) or n magnitudes (n − 1). The
 * Gemm adds two products to a constant (4 roundings, fewer with FMA). All terms are ≥ 0: at most n + 5 relative
 * roundings. Lemma 16.
 */
const SLACK_ROUNDINGS = 8;
/**
 * Three roundings can raise the radius, each by a factor of at most 1 + u: those of the difference of logits, of its
 * product with inverse_cj, and of the last subtraction. (1 + u)³ ≤ 1/(1 − 6u). Lemma 17.
 */
const MARGIN_ROUNDINGS = 6;
/**
 * fl(ŷ_c − q), q ≥ 4ρ(x), is off by at most u|ŷ_c − q|. Apart from its flushes, ρ(x) is more than `roundings` times u|ŷ_c|,
 * so the error is covered if q is 4ρ(x) times this. Lemma 17.
 */
const lowered = (roundings: number) => 1 + 0.5 / roundings + 2 ** -23;
/** Squares of pixels below 2⁻⁶³ may be flushed to zero, which hides at most this much per pixel from ‖x‖₂. */
const HIDDEN_PIXEL = 2 ** -62;
/** Two products and two sums of the Gemm may be flushed to zero. Its weights are 0 or not subnormal. */
const HIDDEN_SLACK = 4 * FLUSH_32;
/** Two logits that are taken for zero can raise their difference by this much. */
export const HIDDEN_MARGIN = 2 * FLUSH_32;

/**
 * The head for a network with `inputs` pixels. Its radius is never above what marginCertificate gives for the same
 * logits in exact arithmetic, whatever the order of its sums:
 *
 *     nearest = second smallest of (max ŷ − 4ρ(x) − ŷ_j)·inverse_cj
 *     slack   = min_i latentSlack_i(x)
 *     radius  = image ∈ [0, 1] and ‖x‖₂ ≤ cap and slack ≤ cap and ‖ŷ‖₁ < ∞ ? clip(nearest − slack, 0, cap) : 0
 *
 * The product of j = c is 0. If all others are above 0, the second smallest is their minimum; otherwise, as in a tie,
 * it and the radius are 0 or less. A NaN in the image makes ‖x‖₂ a NaN, one in the logits ‖ŷ‖₁, and comparisons with it
 * are false. A product may overflow to infinity, which is clipped; the slack may not, since ∞ − ∞ is a NaN that
 * providers clip differently.
 *
 * @throws UnprovableError if a bound of the errors is beyond float32
 */
export function formerHead(terms: MarginTerms, inputs: number): HeadGraph {
  const head = assembleHead(terms, inputs, terms.latentSlack);
  if (head.initializers.some(({ data }) => data instanceof Float32Array && !data.every(Number.isFinite)))
    throw new UnprovableError('the float32 error of the network is too large to be computed in float32');
  return head;
}

/**
 * The head that subtracts the smallest of these bounds from every radius; `raised` is what logits that are taken for
 * zero can add to it.
 */
export function assembleHead(
  terms: MarginTerms,
  inputs: number,
  slackBounds: readonly AffineBound[],
  raised = 0,
): HeadGraph {
  checkCap(terms, inputs);
  const { classes, logitRoundings, inverse, logitSlack, cap } = terms;
  const sumInflation = addUp(1, gamma32(inputs + SLACK_ROUNDINGS));
  const inflate = (coefficient: number) =>
    coefficient === 0 ? 0 : ceilToFloat32(Math.max(FLUSH_32, mulUp(coefficient, mulUp(sumInflation, sumInflation))));
  /** The Gemm's matrix [‖x‖₂, ‖x‖₁] × bounds and its vector, with all that float32 may hide of them plus `hidden`. */
  const slackGemm = (bounds: readonly AffineBound[], hidden: number) => {
    const constants = bounds.map(({ constant, l2, l1 }) => {
      const pixels = addUp(mulUp(l2, mulUp(sqrtUp(inputs), HIDDEN_PIXEL)), mulUp(l1, mulUp(inputs, HIDDEN_PIXEL)));
      return inflate(addUp(constant, addUp(pixels, addUp(HIDDEN_SLACK, hidden))));
    });
    const weights = [...bounds.map(({ l2 }) => inflate(l2)), ...bounds.map(({ l1 }) => inflate(l1))];
    return { weights: float(weights, 2, bounds.length), bias: float(constants, bounds.length) };
  };
  const slack = slackGemm(slackBounds, raised);
  const doubt = slackGemm([scale(lowered(logitRoundings), logitSlack)], 2 * HIDDEN_MARGIN);
  const deflation = 1 - MARGIN_ROUNDINGS * 2 ** -24;

  const constants = {
    axis: integers(1),
    zero: float([0]),
    one: float([1]),
    cap: float([floorToFloat32(cap)]),
    slack_weights: slack.weights,
    slack_bias: slack.bias,
    inverse: float(
      inverse.map((value) => floorToFloat32(value * deflation)),
      classes,
      classes,
    ),
    two: integers(2),
    doubt_weights: doubt.weights,
    doubt_bias: doubt.bias,
    largest_sum: float([OVERFLOW_32]),
  };
  return assembled(NODES, constants);
}

const AXIS = (value: number) => ({ axis: int(value) });
const KEEP = { keepdims: int(1) };

const NODES: readonly HeadNode[] = [
  ['Flatten', 'flat', 'image', AXIS(1)],
  ['ReduceL2', 'l2', 'flat axis', KEEP],
  ['ReduceL1', 'l1', 'flat axis', KEEP],
  ['Concat', 'norms', 'l2 l1', AXIS(1)],
  ['Gemm', 'slacks', 'norms slack_weights slack_bias'],
  ['ReduceMin', 'slack', 'slacks axis', KEEP],

  ['ArgMax', 'label', 'logits', { ...AXIS(1), keepdims: int(0), select_last_index: int(0) }],
  ['ReduceMax', 'top', 'logits axis', KEEP],
  ['Gemm', 'doubt', 'norms doubt_weights doubt_bias'],
  ['Sub', 'lowered', 'top doubt'],
  ['Sub', 'margins', 'lowered logits'],
  ['Gather', 'inverse_row', 'inverse label', AXIS(0)],
  ['Mul', 'distances', 'margins inverse_row'],
  ['TopK', 'nearest_two', 'distances two', { ...AXIS(1), largest: int(0), sorted: int(1) }],
  ['Gather', 'nearest', 'nearest_two axis', AXIS(1)],
  ['Sub', 'difference', 'nearest slack'],
  ['Clip', 'clipped', 'difference zero cap'],

  ['ReduceMin', 'low', 'flat axis', KEEP],
  ['ReduceMax', 'high', 'flat axis', KEEP],
  ['GreaterOrEqual', 'not_below', 'low zero'],
  ['LessOrEqual', 'not_above', 'high one'],
  ['And', 'in_range', 'not_below not_above'],
  ['LessOrEqual', 'not_large', 'l2 cap'],
  ['LessOrEqual', 'not_vague', 'slack cap'],
  ['And', 'in_bounds', 'not_large not_vague'],
  ['ReduceL1', 'sum', 'logits axis', KEEP],
  ['LessOrEqual', 'finite', 'sum largest_sum'],
  ['And', 'certifiable', 'in_range in_bounds'],
  ['And', 'sound', 'certifiable finite'],
  ['Where', 'guarded', 'sound clipped zero'],
  ['Squeeze', 'radius', 'guarded axis'],
];
