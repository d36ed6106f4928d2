/** ReduceMax, ReduceMin, ReduceMean, ReduceSum and TopK along axes of a sample. Lemmas 12 and 14. */

import { sqrtUp } from '../bounds/rounding.ts';
import { checkView, pickIndex, rearranged } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, measureOf, nonexpansive, sizeOf, viewOf } from '../walk/state.ts';
import { materialise, pairUp } from '../walk/view.ts';
import { largest, means, reduced } from './pool.ts';

/** The reduced axes, in order, and the shape that is left. */
export function reduction(site: Site, data: Data): { axes: number[]; shape: number[]; terms: number } {
  const rank = data.shape.length;
  const given = site.axes(1);
  if (given === null) site.refuse('without axes it would mix the samples of the batch');
  const axes = [...new Set(given.map((axis) => site.sampleAxis(axis, rank)))].sort((a, b) => a - b);
  if (axes.length !== given.length) site.refuse(`axes [${given}] repeat`);
  const keep = site.flag('keepdims', true);
  const shape = data.shape.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  return { axes, shape, terms: sizeOf(axes.map((axis) => data.shape[axis]!)) };
}

function extremum(site: Site): RuleResult {
  const data = site.data(0);
  const { axes, shape, terms } = reduction(site, data);
  const pair = terms === 2 ? pairOnAxis(site, data, axes.find((axis) => data.shape[axis] === 2)!, shape) : null;
  return pair === null ? largest(site, data, shape) : { outputs: [pair], upper: 1 };
}

/** Max or min over an axis of 2, as one half of a sort; null if the values are such halves already. */
function pairOnAxis(site: Site, data: Data, axis: number, shape: readonly number[]): Data | null {
  checkView(site, sizeOf(data.shape));
  const before = Array<null>(axis).fill(null);
  const half = (i: number): Data => rearranged(site, data, shape, pickIndex(data.shape, [...before, [i]]));
  const [a, b] = [half(0), half(1)];
  const size = sizeOf(shape);
  const view = pairUp(
    materialise(a.view, size),
    materialise(b.view, size),
    site.node.op === 'ReduceMax' ? 'Max' : 'Min',
  );
  return view && viewOf(data.base, shape, view);
}

function mean(site: Site): RuleResult {
  const data = site.data(0);
  const { axes, shape, terms } = reduction(site, data);
  return reduced(site, data, shape, means(terms), axes, 1 / terms);
}

function total(site: Site): RuleResult {
  const data = site.data(0);
  const { axes, shape, terms } = reduction(site, data);
  return reduced(site, data, shape, { norm: sqrtUp(terms), column: 1, sums: sqrtUp(terms), terms }, axes, 1);
}

/** The k largest (or smallest) values in order, which are a part of a sort. */
function topK(site: Site): RuleResult {
  const data = site.data(0);
  const axis = site.sampleAxis(site.int('axis', -1), data.shape.length);
  const counts = site.integers(1);
  const k = counts[0]!;
  if (counts.length !== 1 || k < 1 || k > data.shape[axis]!)
    site.refuse(`k = [${counts}] of an axis of ${data.shape[axis]}`);
  if (!site.flag('sorted', true)) site.refuse('without sorted = 1 its order is not defined');
  const shape = data.shape.map((dim, i) => (i === axis ? k : dim));
  return { outputs: [computed(shape, nonexpansive(measureOf(data), sizeOf(data.shape)))], upper: 1 };
}

const attributes = ['keepdims', 'noop_with_empty_axes'];

export const reduceRules: Rules = {
  ReduceMax: { attributes, apply: extremum },
  ReduceMin: { attributes, apply: extremum },
  ReduceMean: { attributes, apply: mean },
  ReduceSum: { attributes, apply: total },
  TopK: { attributes: ['axis', 'largest', 'sorted'], apply: topK },
};
