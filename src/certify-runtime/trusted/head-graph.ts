/**
 * The certificate head of format 3: margin.ts as ONNX nodes, from `image` and `logits` to `label` and `radius`, with as
 * few nodes as we could, and one pass over the pixels. docs/soundness.md, section "The radius as a graph", bounds its
 * float32 arithmetic; the constants below name its lemmas.
 */

import type { AffineBound } from './bounds/bound.ts';
import { FLUSH_32, gamma32 } from './bounds/rounding.ts';
import { UnprovableError } from './errors.ts';
import {
  assembled,
  checkCap,
  float,
  type HeadConstant,
  type HeadGraph,
  type HeadNode,
  int,
  integers,
  ints,
  real,
} from './head-nodes.ts';
import { floorToFloat32, type MarginTerms, slope } from './margin.ts';

/**
 * Up to so many classes there is a column for each ordered pair of them. With more, the rows of the label's distances
 * are gathered, which takes more nodes and fewer products.
 */
export const MOST_IN_PAIRS = 12;
/**
 * Bounds in the norm are multiplied by (1 + γ_{n+16})². The norm takes n + 1 roundings, what is made of it at most eight
 * more, and as many the terms that cancel; at least 14 are left for this arithmetic and for rounding to float32. Lemma 16.
 */
const SLACK_ROUNDINGS = 16;
/** The roundings that a term of a pair passes through (Lemma 17: at most 4). */
const PAIR_ROUNDINGS = 8;
/** Three roundings can raise a gathered distance, each by a factor of at most 1 + u: (1 + u)³ ≤ 1/(1 − 6u). Lemma 17. */
const DISTANCE_ROUNDINGS = 6;
/** Squares of pixels below 2⁻⁶³ may be flushed to zero, which hides at most this much per pixel from ‖x‖₂. */
const HIDDEN_PIXEL = 2 ** -62;
/** Operands and results of a Gemm's products and sums may be flushed to zero. */
const HIDDEN_SUM = 64 * FLUSH_32;
/** An image is taken for one on another scale if its norm is above √n by more than what float32 may make of it. */
const LONGEST = 1.01;
const LARGEST_32 = (2 - 2 ** -23) * 2 ** 127;

/** A bound in the norm alone: constant + slope·‖x‖₂, as ‖x‖₁ ≤ √n‖x‖₂. */
interface NormBound {
  readonly constant: number;
  readonly slope: number;
}

/**
 * The head for a network with `inputs` pixels. Its radius is never above what marginCertificate gives for the same
 * logits in exact arithmetic, whatever the order of its sums:
 *
 *     deficit_cj = S(‖x‖₂) + 4ρ(‖x‖₂)·inverse_cj − (ŷ_c − ŷ_j)·inverse_cj    (+∞ where ‖x‖₂ > limit)
 *     radius     = −min(0, min_c max_j≠c kept(deficit_cj)),    kept(t) = t > −cap ? t : 0
 *
 * Only the label can have the minimum if it is negative. `kept` is a ThresholdedRelu, a comparison with which a NaN
 * becomes 0, and so does what is beyond −cap; so the radius is 0 wherever the image or a logit is not finite.
 *
 * @throws UnprovableError if a bound of the errors is beyond float32
 */
export function headGraph(terms: MarginTerms, inputs: number): HeadGraph {
  checkCap(terms, inputs);
  const { classes } = terms;
  const cap = floorToFloat32(terms.cap);
  const limit = Math.min(cap, Math.fround(LONGEST * Math.sqrt(inputs)));
  const { deficits, nearest, constants } = classes <= MOST_IN_PAIRS ? inPairs(terms, inputs) : gathered(terms, inputs);
  const head = assembled(
    [
      ['Reshape', 'row', 'image row_shape'],
      ['Transpose', 'column', 'row', { perm: ints(0, 2, 1) }],
      ['MatMul', 'products', 'row column'],
      ['Reshape', 'squares', 'products squares_shape'],
      ['Sqrt', 'norm', 'squares'],
      // The norm where it is beyond the limit, and 0 elsewhere; its coefficient then makes every deficit infinite.
      ['ThresholdedRelu', 'beyond', 'norm', { alpha: real(limit) }],
      ['ArgMax', 'label', 'logits', { axis: int(1), keepdims: int(0), select_last_index: int(0) }],
      ...deficits,
      ['ThresholdedRelu', 'kept', 'deficits', { alpha: real(-cap) }],
      ...nearest,
      ['Clip', 'negative', 'least floor zero'],
      ['Abs', 'radius', 'negative'],
    ],
    {
      row_shape: integers(0, 1, inputs),
      squares_shape: integers(-1, 1),
      ...constants,
      axis: integers(1),
      floor: float([-cap]),
      zero: float([0]),
    },
  );
  if (head.initializers.some(({ data }) => data instanceof Float32Array && !data.every(Number.isFinite)))
    throw new UnprovableError('the float32 error of the network is too large to be computed in float32');
  return head;
}

/** How the deficits are computed, and the one of the label's nearest class found (`least`) among those kept. */
interface Decision {
  readonly deficits: readonly HeadNode[];
  readonly nearest: readonly HeadNode[];
  readonly constants: Readonly<Record<string, HeadConstant>>;
}

/**
 * All pairs at once, as [N, K + 2]·[K + 2, K(K − 1)]. A Gemm multiplies the logits before it subtracts them, which costs
 * roundings of the size of a logit. By Lemma 15 a logit is at most ρ·(1 + 1/γ_k) = ρ·2²⁴/k, so a share of ρ covers them.
 * Lemma 17.
 */
function inPairs(terms: MarginTerms, inputs: number): Decision {
  const { classes, inverse, logitRoundings } = terms;
  const slack = slackOf(terms, inputs);
  const doubt = inNorm(terms.logitSlack, inputs);
  const share = 1 + ((gamma32(PAIR_ROUNDINGS) / 2) * 2 ** 24) / logitRoundings;
  const pairs = classes * (classes - 1);
  const weights = new Float32Array((classes + 2) * pairs);
  const bias = new Float32Array(pairs);
  for (let column = 0; column < pairs; column++) {
    const c = Math.floor(column / (classes - 1));
    const other = column % (classes - 1);
    const j = other < c ? other : other + 1;
    const distance = inverse[c * classes + j]!;
    const factor = storedFactor(distance, terms.cap);
    const bound = inflated(addScaled(slack, share * distance, doubt), inputs, factor);
    weights[c * pairs + column] = -factor;
    weights[j * pairs + column] = factor;
    weights[classes * pairs + column] = bound.slope;
    weights[(classes + 1) * pairs + column] = LARGEST_32;
    bias[column] = bound.constant;
  }
  const largestOfOthers: readonly HeadNode[] = [
    ['Reshape', 'others', 'kept others_shape'],
    ['ReduceMax', 'largest', 'others others_axis', { keepdims: int(0) }],
  ];
  return {
    deficits: [
      ['Concat', 'features', 'logits norm beyond', { axis: int(1) }],
      ['Gemm', 'deficits', 'features pair_weights pair_bias'],
    ],
    // Of two classes, each has one other.
    nearest: [
      ...(classes === 2 ? [] : largestOfOthers),
      ['ReduceMin', 'least', `${classes === 2 ? 'kept' : 'largest'} axis`, { keepdims: int(0) }],
    ],
    constants: {
      pair_weights: float(weights, classes + 2, pairs),
      pair_bias: float(bias, pairs),
      ...(classes === 2 ? {} : { others_shape: integers(0, classes, classes - 1), others_axis: integers(2) }),
    },
  };
}

/**
 * The label's pairs alone: deficit_j = S + (ŷ_j − (max ŷ − 4ρ))·inverse_cj, with 0 for inverse_cc. So the label's own is
 * S > 0, and the nearest class has the second largest, if all others are negative; otherwise, as in a tie, that is not
 * negative either. Lemma 17.
 */
function gathered(terms: MarginTerms, inputs: number): Decision {
  const { classes, inverse, logitRoundings } = terms;
  const deflation = 1 - DISTANCE_ROUNDINGS * 2 ** -24;
  const factors = Float32Array.from(inverse, (distance) => storedFactor(distance * deflation, terms.cap));
  // fl(ŷ_c − q), q ≥ 4ρ(x), is off by at most u|ŷ_c − q|, and ρ(x) is more than `logitRoundings` times u|ŷ_c|.
  const lowered = 1 + 0.5 / logitRoundings;
  const none = { constant: 0, slope: 0 };
  const doubt = inflated(addScaled(none, lowered, inNorm(terms.logitSlack, inputs)), inputs, 1);
  const slack = inflated(slackOf(terms, inputs), inputs, 0);
  return {
    deficits: [
      ['ReduceMax', 'top', 'logits axis', { keepdims: int(1) }],
      ['Gemm', 'doubt', 'norm doubt_weights doubt_bias'],
      ['Sub', 'lowered', 'top doubt'],
      ['Sub', 'below', 'logits lowered'],
      ['Gather', 'factors', 'all_factors label', { axis: int(0) }],
      ['Mul', 'distances', 'below factors'],
      ['Concat', 'features', 'norm beyond', { axis: int(1) }],
      ['Gemm', 'slack', 'features slack_weights slack_bias'],
      ['Add', 'deficits', 'distances slack'],
    ],
    nearest: [
      ['TopK', 'largest', 'kept two', { axis: int(1), largest: int(1), sorted: int(1) }],
      ['Gather', 'least', 'largest second', { axis: int(1) }],
    ],
    constants: {
      doubt_weights: float([doubt.slope], 1, 1),
      doubt_bias: float([doubt.constant], 1),
      all_factors: float(factors, classes, classes),
      slack_weights: float([slack.slope, LARGEST_32], 2, 1),
      slack_bias: float([slack.constant], 1),
      two: integers(2),
      second: { type: 'int64', dims: [], data: BigInt64Array.of(1n) },
    },
  };
}

const inNorm = (bound: AffineBound, inputs: number): NormBound => ({
  constant: bound.constant,
  slope: slope(bound, inputs),
});

/** One bound of S holds as well as the smallest; this is the smallest one for an image of middling brightness. */
function slackOf({ latentSlack }: MarginTerms, inputs: number): NormBound {
  const norm = Math.sqrt(inputs) / 2;
  const value = (bound: NormBound) => bound.constant + bound.slope * norm;
  return latentSlack.map((bound) => inNorm(bound, inputs)).reduce((a, b) => (value(b) < value(a) ? b : a));
}

const addScaled = (a: NormBound, factor: number, b: NormBound): NormBound => ({
  constant: a.constant + factor * b.constant,
  slope: a.slope + factor * b.slope,
});

/**
 * A factor of logits, rounded down. It stays below cap/4, so that no logit outweighs a norm beyond cap times the largest
 * float32 (Theorem 3), and is 0 if it would be subnormal, since a flush must not take one product of two.
 */
function storedFactor(distance: number, cap: number): number {
  const factor = floorToFloat32(Math.min(distance, cap / 4));
  return factor < FLUSH_32 ? 0 : factor;
}

/** The bound as float32 coefficients of the computed norm, with what float32 may hide. Lemma 16. */
function inflated({ constant, slope }: NormBound, inputs: number, factor: number): NormBound {
  const room = 1 + gamma32(inputs + SLACK_ROUNDINGS);
  const up = (value: number) => Math.fround(Math.max(FLUSH_32, value * room * room));
  const hidden = slope * Math.sqrt(inputs) * HIDDEN_PIXEL + HIDDEN_SUM * (1 + factor);
  return { slope: up(slope), constant: up(constant + hidden) };
}
