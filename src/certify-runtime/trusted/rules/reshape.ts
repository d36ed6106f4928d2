/** Reshape and Flatten, with the proof that they keep the samples of the batch apart, and Split. Lemma 12. */

import { VIEW_WORK } from '../bounds/budget.ts';
import { checkView, multiplicityOf, pickIndex, rearranged, rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { ShapeEntry } from '../walk/shape-value.ts';
import type { Site } from '../walk/site.ts';
import { type Data, inShape, sizeOf } from '../walk/state.ts';

/** The same elements in the same order. */
export function reshaped(site: Site, data: Data, shape: readonly number[]): RuleResult {
  site.checkShape(shape);
  if (sizeOf(shape) !== sizeOf(data.shape)) site.refuse(`[N·${data.shape}] has not the size of [N·${shape}]`);
  return { outputs: [inShape(data, shape)], upper: 1 };
}

function reshape(site: Site): RuleResult {
  const data = site.data(0);
  return reshaped(site, data, reshapeTarget(site, data.shape));
}

function flatten(site: Site): RuleResult {
  const data = site.data(0);
  const { shape } = data;
  const axis = site.int('axis', 1);
  const positive = axis < 0 ? axis + shape.length : axis;
  if (positive < 1 || positive > shape.length) site.refuse(`axis ${axis} would mix the samples of the batch`);
  return reshaped(site, data, [sizeOf(shape.slice(0, positive)), sizeOf(shape.slice(positive))]);
}

/**
 * The new shape, with the rows for each sample in place of dimension 0. A row-major tensor keeps its samples apart
 * exactly if dimension 0 stays a multiple k·N of the batch, with the same k for each sample (Lemma 12).
 */
function reshapeTarget(site: Site, shape: readonly number[]): number[] {
  if (site.int('allowzero', 0) !== 0) site.refuse('allowzero has no rule');
  const entries = targetEntries(site);
  const size = sizeOf(shape);
  let free = -1;
  const target = entries.map(({ perSample, constant }, axis) => {
    if (perSample !== 0n) {
      if (axis !== 0) site.refuse(`dimension ${axis} of its target depends on the batch size`);
      return Number(perSample);
    }
    if (constant === -1n) {
      if (free >= 0) site.refuse('its target has two dimensions of -1');
      free = axis;
      return 1;
    }
    if (constant === 0n) {
      if (axis >= shape.length) site.refuse(`dimension ${axis} of its target copies one that is not there`);
      return shape[axis]!;
    }
    if (axis === 0) site.refuse(`its target fixes dimension 0 to ${constant}, but the batch is free`);
    return Number(constant);
  });
  if (target.length === 0) site.refuse('its target has no batch dimension');
  if (target.some((dim) => dim < 1)) site.refuse(`its target [${target}] is not positive`);
  if (free >= 0) target[free] = size / sizeOf(target);
  if (target.some((dim) => !Number.isInteger(dim)) || sizeOf(target) !== size) {
    site.refuse(`a sample of [N·${shape}] does not fit [N·${target}]: samples would be mixed`);
  }
  return target;
}

function targetEntries(site: Site): readonly ShapeEntry[] {
  const value = site.value(1);
  if (value.kind !== 'shape') return site.integerEntries(1).map((constant) => ({ perSample: 0n, constant }));
  return value.rank === 1 ? value.entries : site.refuse('its target must be a list of integers');
}

/** The parts of one axis that lists of positions give. */
export function pick(
  site: Site,
  data: Data,
  lists: readonly (readonly number[] | null)[],
): { part: Data; times: number } {
  const shape = data.shape.map((dim, axis) => lists[axis]?.length ?? dim);
  site.checkShape(shape);
  checkView(site, sizeOf(shape));
  site.spend(VIEW_WORK * sizeOf(data.shape));
  const index = pickIndex(data.shape, lists);
  const times = multiplicityOf(index, sizeOf(data.shape));
  return { part: rearranged(site, rebased(site, data), shape, index), times };
}

function split(site: Site): RuleResult {
  const data = rebased(site, site.data(0));
  const axis = site.sampleAxis(site.int('axis', 0), data.shape.length);
  const dim = data.shape[axis]!;
  const sizes = site.has(1) ? site.integers(1) : equalParts(site, dim);
  if (sizes.length !== site.node.outputs.length)
    site.refuse(`${sizes.length} sizes for ${site.node.outputs.length} outputs`);
  if (sizes.some((size) => size < 1) || sizes.reduce((a, b) => a + b, 0) !== dim) {
    site.refuse(`sizes [${sizes}] do not divide an axis of ${dim}`);
  }
  let start = 0;
  const outputs = sizes.map((size) => {
    const positions = Array.from({ length: size }, (_, i) => start + i);
    start += size;
    return pick(site, data, onAxis(axis, positions)).part;
  });
  return { outputs, upper: 1 };
}

function equalParts(site: Site, dim: number): number[] {
  const parts = site.int('num_outputs', site.node.outputs.length);
  if (parts < 1 || parts > dim) site.refuse(`${parts} parts of an axis of ${dim}`);
  const size = Math.ceil(dim / parts);
  return Array.from({ length: parts }, (_, i) => Math.min(size, dim - i * size));
}

export function onAxis(axis: number, positions: readonly number[]): (readonly number[] | null)[] {
  return [...Array<null>(axis).fill(null), positions];
}

export const reshapeRules: Rules = {
  Reshape: { attributes: ['allowzero'], apply: reshape },
  Flatten: { attributes: ['axis'], apply: flatten },
  Split: { attributes: ['axis', 'num_outputs'], apply: split },
};
