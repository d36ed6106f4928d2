/** The target shape of a Reshape, and the proof that it keeps the samples of the batch apart. */

import type { Site } from '../site.ts';
import { product } from '../state.ts';

/**
 * The new shape, with the rows for each sample in place of dimension 0. A row-major tensor keeps its samples apart exactly
 * if dimension 0 stays a multiple k·N of the batch, k the same for each sample (Lemma 12).
 */
export function reshapeTarget(site: Site, shape: readonly number[]): number[] {
  if (site.int('allowzero', 0) !== 0) site.refuse('allowzero has no rule');
  const entries = targetEntries(site);
  const size = product(shape);
  let free = -1;
  const target = entries.map((entry, axis) => {
    if (entry.perSample !== 0) {
      if (axis !== 0 || entry.constant !== 0) site.refuse(`dimension ${axis} of its target depends on the batch size`);
      return entry.perSample;
    }
    if (entry.constant === -1) {
      if (free >= 0) site.refuse('its target has two dimensions of -1');
      free = axis;
      return 1;
    }
    if (entry.constant === 0) {
      if (axis >= shape.length) site.refuse(`dimension ${axis} of its target copies one that is not there`);
      return shape[axis]!;
    }
    if (axis === 0) return fixedRows(site, entry.constant);
    return entry.constant;
  });
  if (target.length === 0) site.refuse('its target has no batch dimension');
  if (target.some((dim) => dim < 1)) site.refuse(`its target [${target}] is not positive`);
  if (free >= 0) target[free] = size / product(target);
  if (target.some((dim) => !Number.isInteger(dim)) || product(target) !== size) {
    site.refuse(`a sample of [N·${shape}] does not fit [N·${target}]: samples would be mixed`);
  }
  return target;
}

function targetEntries(site: Site): readonly { perSample: number; constant: number }[] {
  const value = site.value(1);
  if (value.kind === 'shape') return value.entries;
  return site.integers(1).map((constant) => ({ perSample: 0, constant }));
}

/** A fixed number of rows is allowed only where the file fixes the batch. */
function fixedRows(site: Site, rows: number): number {
  const { batch } = site.walk;
  if (batch === null) site.refuse(`its target fixes dimension 0 to ${rows}, but the batch is free`);
  return rows / batch;
}
