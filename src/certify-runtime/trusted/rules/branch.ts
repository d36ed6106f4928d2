/** Concat, Max and Min, and the sort (GroupSort) if parts of one tensor meet in them again. Lemmas 12 and 13. */

import { combine, quadrature, sum } from '../bounds/affine.ts';
import { hypotUp } from '../bounds/rounding.ts';
import { spreadConstant } from '../walk/broadcast.ts';
import { joinViews } from '../walk/join.ts';
import { checkView, rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, inShape, type Measure, measureOf, nonexpansive, sizeOf, viewOf } from '../walk/state.ts';
import { materialise, pairUp } from '../walk/view.ts';
import { areMirrored, from, sourceOf } from './functions/origins.ts';

function concat(site: Site): RuleResult {
  const parts = site.node.inputs.map((_, i) => site.data(i));
  const rank = parts[0]!.shape.length;
  const axis = site.sampleAxis(site.int('axis', Number.NaN), rank);
  for (const { shape } of parts) {
    if (shape.length !== rank || shape.some((dim, i) => i !== axis && dim !== parts[0]!.shape[i])) {
      site.refuse(`shapes [N·${shape}] and [N·${parts[0]!.shape}] do not fit on axis ${axis}`);
    }
  }
  const shape = parts[0]!.shape.map((dim, i) =>
    i === axis ? parts.reduce((n, part) => n + part.shape[axis]!, 0) : dim,
  );
  site.checkShape(shape);
  // A sorted tensor beside its own elements, as in circular padding, is the base of all of them.
  for (const own of [parts, parts.map((part) => rebased(site, part))]) {
    if (own.some(({ base }) => base !== own[0]!.base)) continue;
    checkView(site, sizeOf(shape));
    return { outputs: [viewOf(own[0]!.base, shape, joinViews(own, axis))], upper: 1 };
  }
  return { outputs: [mirrored(site, parts, shape)], upper: 1 };
}

/**
 * The parts side by side, if they come from different tensors. (x, −x) is remembered for a Relu, and Relu(x) beside
 * Relu(−x) has the bound of x: where one of them has slope 1, the other has slope 0 (Lemma 26).
 */
function mirrored(site: Site, parts: readonly Data[], shape: readonly number[]): Data {
  const measure = joinMeasures(site, parts);
  const [a, b] = parts as [Data, Data];
  if (parts.length !== 2) return computed(shape, measure);
  if (areMirrored(a, b)) return from(computed(shape, measure), 'Mirror', a);
  const [x, y] = [sourceOf(a, 'Relu'), sourceOf(b, 'Relu')];
  if (x === null || y === null || !areMirrored(x, y)) return computed(shape, measure);
  return computed(shape, { ...measure, lipschitz: mirroredBound(x, y) });
}

/** The bound of a function of x and y = −x that has slopes of one of the two at a time. */
function mirroredBound(x: Data, y: Data): number {
  return Math.min(measureOf(x).lipschitz, measureOf(y).lipschitz);
}

/** √Σ over the tensors that the parts come from, after parts of one tensor are taken together. */
export function joinMeasures(site: Site, parts: readonly Data[]): Measure {
  const groups = new Map<object, Data[]>();
  for (const part of parts) groups.set(part.base, [...(groups.get(part.base) ?? []), part]);
  const measures = [...groups.values()].map((group) => {
    const size = group.reduce((n, part) => n + sizeOf(part.shape), 0);
    if (group.length === 1) return measureOf(group[0]!);
    checkView(site, size);
    return measureOf(viewOf(group[0]!.base, [size], joinViews(group.map(asRow), 0)));
  });
  return measures.reduce(beside);
}

function asRow(part: Data): Data {
  return inShape(part, [sizeOf(part.shape)]);
}

/** The measure of (v, w): each of its bounds is √(v's² + w's²). */
function beside(v: Measure, w: Measure): Measure {
  const norm = quadrature(v.norm, w.norm);
  return {
    lipschitz: hypotUp(v.lipschitz, w.lipschitz),
    norm,
    l1Norm: v.l1Norm && w.l1Norm && sum(v.l1Norm, w.l1Norm),
    errors: combine(v.errors, w.errors, quadrature),
    chain: {
      terms: Math.max(v.chain.terms, w.chain.terms),
      extra: Math.max(v.chain.extra, w.chain.extra),
      scales: Math.max(v.chain.scales, w.chain.scales),
      weight: Math.max(v.chain.weight, w.chain.weight),
      growth: Math.max(v.chain.growth, w.chain.growth),
      reach: quadrature(v.chain.reach, w.chain.reach),
      peak: quadrature(v.chain.peak, w.chain.peak),
      flush: quadrature(v.chain.flush, w.chain.flush),
    },
  };
}

function extremum(site: Site): RuleResult {
  const operation = site.node.op as 'Max' | 'Min';
  const tensors: Data[] = [];
  const constants: number[] = [];
  site.node.inputs.forEach((_, i) => {
    const value = site.value(i);
    if (value.kind === 'data') tensors.push(value);
    else constants.push(i);
  });
  if (tensors.length === 0) site.refuse('it has no input that depends on the image');
  let result = tensors[0]!;
  for (const other of tensors.slice(1)) result = extremumOfTwo(site, operation, result, other);
  for (const i of constants) {
    const { norm, l1Norm } = spreadConstant(site, i, result);
    result = computed(result.shape, nonexpansive(measureOf(result), sizeOf(result.shape), norm, l1Norm));
    site.limitMagnitude(result.base.measure.norm);
  }
  return { outputs: [result], upper: 1 };
}

/** |max(a, b) − max(a', b')| ≤ max(|a − a'|, |b − b'|), and the same for min. */
function extremumOfTwo(site: Site, operation: 'Max' | 'Min', a: Data, b: Data): Data {
  const { shape } = a;
  if (shape.length !== b.shape.length || shape.some((dim, axis) => dim !== b.shape[axis])) {
    site.refuse(`shapes [N·${shape}] and [N·${b.shape}] would be broadcast`);
  }
  const size = sizeOf(shape);
  if (a.base === b.base) {
    checkView(site, size);
    const view = pairUp(materialise(a.view, size), materialise(b.view, size), operation);
    if (view !== null) return viewOf(a.base, shape, view);
  }
  const measure = nonexpansive(joinMeasures(site, [a, b]), size);
  if (!areMirrored(a, b)) return computed(shape, measure);
  return computed(shape, { ...measure, lipschitz: mirroredBound(a, b) });
}

export const branchRules: Rules = {
  Concat: { attributes: ['axis'], apply: concat },
  Max: { attributes: [], apply: extremum },
  Min: { attributes: [], apply: extremum },
};
