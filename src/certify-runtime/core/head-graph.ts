/**
 * The certificate head: margin.ts as ONNX nodes, from `image` and `logits` to `label` and `radius`.
 * docs/soundness.md, section "The radius as a graph", bounds its float32 arithmetic; the constants below name its lemmas.
 */

import { ceilToFloat32, floorToFloat32, type MarginTerms } from './margin.ts';
import { HEAD_PREFIX, TENSORS } from './names.ts';
import type { OnnxNode, Tensor } from './onnx/model.ts';
import { addUp, FLUSH_32, gamma32, mulUp, sqrtUp } from './proof/rounding.ts';

/**
 * ‖x‖ sums n squares (n roundings in any order, one more for the root, which halves the others) or n magnitudes (n − 1).
 * The Gemm adds two products to a constant (4 roundings, fewer with FMA). All terms are ≥ 0: n + 5 relative ones at most. Lemma 16.
 */
const SLACK_ROUNDINGS = 8;
/**
 * Each can only raise the radius by 1 + u: the difference of logits, its product with inverse_cj, the last subtraction.
 * (1 + u)³ ≤ 1/(1 − 6u). Lemma 17.
 */
const MARGIN_ROUNDINGS = 6;
/** Squares of pixels below 2⁻⁶³ may be flushed to zero: that hides at most this per pixel from ‖x‖₂. */
const HIDDEN_PIXEL = 2 ** -62;
/** Of the Gemm, two products and two sums may be flushed to zero. Its weights are 0 or no subnormals. */
const HIDDEN_SLACK = 4 * FLUSH_32;
/** Two logits that are taken for zero can raise their difference by this. */
const HIDDEN_MARGIN = 2 * FLUSH_32;

export interface HeadGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Tensor[];
}

/**
 * The head for a network with `inputs` pixels. Its radius is never above what marginCertificate gives for the same
 * logits in exact arithmetic, whatever the order of its sums:
 *
 *     nearest = second smallest of (max ŷ − ŷ_j)·inverse_cj
 *     slack   = min_i slack_i(x)
 *     radius  = image ∈ [0, 1] and ‖x‖₂ ≤ cap and slack ≤ cap ? clip(nearest − slack, 0, cap) : 0
 *
 * The smallest of the K products is that of j = c, which is 0; the second smallest is the minimum over j ≠ c, so that a
 * tie gives 0. A NaN anywhere makes ‖x‖₂ a NaN, whose comparison is false. A product may overflow to infinity, which is
 * clipped; the slack may not, since ∞ − ∞ is a NaN that providers clip differently.
 */
export function headGraph(terms: MarginTerms, inputs: number): HeadGraph {
  const { classes, inverse, slack, cap } = terms;
  const sumInflation = addUp(1, gamma32(inputs + SLACK_ROUNDINGS));
  const inflate = (coefficient: number) =>
    coefficient === 0 ? 0 : ceilToFloat32(Math.max(FLUSH_32, mulUp(coefficient, mulUp(sumInflation, sumInflation))));
  const raised = mulUp(
    HIDDEN_MARGIN,
    inverse.reduce((a, b) => Math.max(a, b), 0),
  );
  const slackWeights = new Float32Array(2 * slack.length);
  const slackBias = new Float32Array(slack.length);
  slack.forEach((bound, i) => {
    slackWeights[i] = inflate(bound.l2);
    slackWeights[slack.length + i] = inflate(bound.l1);
    const hidden = addUp(
      mulUp(bound.l2, mulUp(sqrtUp(inputs), HIDDEN_PIXEL)),
      mulUp(bound.l1, mulUp(inputs, HIDDEN_PIXEL)),
    );
    slackBias[i] = inflate(addUp(bound.constant, addUp(hidden, addUp(HIDDEN_SLACK, raised))));
  });
  const deflation = 1 - MARGIN_ROUNDINGS * 2 ** -24;

  const float = (values: ArrayLike<number>, ...dims: number[]) =>
    ({ type: 'float32', dims, data: Float32Array.from(values) }) as const;
  const integer = (value: bigint) => ({ type: 'int64', dims: [1], data: BigInt64Array.of(value) }) as const;
  const constants = {
    axis: integer(1n),
    zero: float([0]),
    one: float([1]),
    cap: float([floorToFloat32(cap)]),
    slack_weights: float(slackWeights, 2, slack.length),
    slack_bias: float(slackBias, slack.length),
    inverse: float(
      inverse.map((value) => floorToFloat32(value * deflation)),
      classes,
      classes,
    ),
    two: integer(2n),
  };
  return {
    nodes: NODES.map(([op, output, inputs, attributes = {}]) => ({
      op,
      name: HEAD_PREFIX + output,
      inputs: inputs.split(' ').map(tensorName),
      outputs: (op === 'TopK' ? [output, `${output}_index`] : [output]).map(tensorName),
      attributes: new Map(
        Object.entries(attributes).map(([key, value]) => [key, { kind: 'int', value: BigInt(value) }]),
      ),
    })),
    initializers: Object.entries(constants).map(([name, constant]) => ({ name: HEAD_PREFIX + name, ...constant })),
  };
}

/** The graph's own tensors keep their plain names; everything else is the head's. */
const tensorName = (name: string) => (Object.hasOwn(TENSORS, name) ? name : HEAD_PREFIX + name);

const KEEP = { keepdims: 1 };

/** The head node by node: operator, output (which names the node), inputs, attributes. */
const NODES: readonly (readonly [op: string, output: string, inputs: string, attributes?: Record<string, number>])[] = [
  ['Flatten', 'flat', 'image', { axis: 1 }],
  ['ReduceL2', 'l2', 'flat axis', KEEP],
  ['ReduceL1', 'l1', 'flat axis', KEEP],
  ['Concat', 'norms', 'l2 l1', { axis: 1 }],
  ['Gemm', 'slacks', 'norms slack_weights slack_bias'],
  ['ReduceMin', 'slack', 'slacks axis', KEEP],

  ['ArgMax', 'label', 'logits', { axis: 1, keepdims: 0, select_last_index: 0 }],
  ['ReduceMax', 'top', 'logits axis', KEEP],
  ['Sub', 'margins', 'top logits'],
  ['Gather', 'inverse_row', 'inverse label', { axis: 0 }],
  ['Mul', 'distances', 'margins inverse_row'],
  ['TopK', 'nearest_two', 'distances two', { axis: 1, largest: 0, sorted: 1 }],
  ['Gather', 'nearest', 'nearest_two axis', { axis: 1 }],
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
  ['And', 'certifiable', 'in_range in_bounds'],
  ['Where', 'guarded', 'certifiable clipped zero'],
  ['Squeeze', 'radius', 'guarded axis'],
];
