/**
 * The certificate head: margin.ts as ONNX nodes, from `image` and `logits` to `label` and `radius`.
 * docs/soundness.md, section "The radius as a graph", bounds its float32 arithmetic; the constants below name its lemmas.
 */

import { ceilToFloat32, floorToFloat32, type MarginTerms } from './margin.ts';
import { HEAD_PREFIX, TENSORS } from './names.ts';
import type { Attribute, OnnxNode, Tensor } from './onnx/model.ts';
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

  const initializers: Tensor[] = [];
  const constant = (name: string, data: Float32Array | BigInt64Array, dims: readonly number[]): string => {
    const type = data instanceof Float32Array ? 'float32' : 'int64';
    initializers.push({ name: HEAD_PREFIX + name, type, dims, data });
    return HEAD_PREFIX + name;
  };
  const nodes: OnnxNode[] = [];
  const node = (
    op: string,
    output: string,
    from: readonly string[],
    attributes: Record<string, number> = {},
  ): string => {
    const entries = Object.entries(attributes).map(([key, value]): [string, Attribute] => [
      key,
      { kind: 'int', value: BigInt(value) },
    ]);
    // The graph's outputs keep their plain names; everything else is the head's own.
    const name = Object.values<string>(TENSORS).includes(output) ? output : HEAD_PREFIX + output;
    const outputs = op === 'TopK' ? [name, `${name}_index`] : [name];
    nodes.push({ op, name: HEAD_PREFIX + output, inputs: from, outputs, attributes: new Map(entries) });
    return name;
  };

  const axis = constant('axis', BigInt64Array.of(1n), [1]);
  const zero = constant('zero', Float32Array.of(0), []);
  const one = constant('one', Float32Array.of(1), []);
  const capConstant = constant('cap', Float32Array.of(floorToFloat32(cap)), []);

  const flat = node('Flatten', 'flat', [TENSORS.image], { axis: 1 });
  const l2 = node('ReduceL2', 'l2', [flat, axis], { keepdims: 1 });
  const l1 = node('ReduceL1', 'l1', [flat, axis], { keepdims: 1 });
  const norms = node('Concat', 'norms', [l2, l1], { axis: 1 });
  const slacks = node('Gemm', 'slacks', [
    norms,
    constant('slack_weights', slackWeights, [2, slack.length]),
    constant('slack_bias', slackBias, [slack.length]),
  ]);
  const slackNode = node('ReduceMin', 'slack', [slacks, axis], { keepdims: 1 });

  const label = node('ArgMax', TENSORS.label, [TENSORS.logits], { axis: 1, keepdims: 0, select_last_index: 0 });
  const top = node('ReduceMax', 'top', [TENSORS.logits, axis], { keepdims: 1 });
  const margins = node('Sub', 'margins', [top, TENSORS.logits]);
  const inverses = constant(
    'inverse',
    Float32Array.from(inverse, (value) => floorToFloat32(value * deflation)),
    [classes, classes],
  );
  const row = node('Gather', 'inverse_row', [inverses, label], { axis: 0 });
  const distances = node('Mul', 'distances', [margins, row]);
  const nearest = node('TopK', 'nearest_two', [distances, constant('two', BigInt64Array.of(2n), [1])], {
    axis: 1,
    largest: 0,
    sorted: 1,
  });
  const second = node('Gather', 'nearest', [nearest, axis], { axis: 1 });
  const difference = node('Sub', 'difference', [second, slackNode]);
  const clipped = node('Clip', 'clipped', [difference, zero, capConstant]);

  const low = node('ReduceMin', 'low', [flat, axis], { keepdims: 1 });
  const high = node('ReduceMax', 'high', [flat, axis], { keepdims: 1 });
  const inRange = node('And', 'in_range', [
    node('GreaterOrEqual', 'not_below', [low, zero]),
    node('LessOrEqual', 'not_above', [high, one]),
  ]);
  const inBounds = node('And', 'in_bounds', [
    node('LessOrEqual', 'not_large', [l2, capConstant]),
    node('LessOrEqual', 'not_vague', [slackNode, capConstant]),
  ]);
  const certifiable = node('And', 'certifiable', [inRange, inBounds]);
  const guarded = node('Where', 'guarded', [certifiable, clipped, zero]);
  node('Squeeze', TENSORS.radius, [guarded, axis]);
  return { nodes, initializers };
}
