/** Indices of rearrangements: they say which element of the input each element of the output is. */

import { MAX_VIEW_ELEMENTS, MAX_VIEWS_TOTAL, VIEW_WORK } from '../bounds/budget.ts';
import type { Site } from './site.ts';
import { computed, type Data, holdsPadding, markSource, measureOf, sizeOf, viewOf } from './state.ts';
import { compose, multiplicity } from './view.ts';

/** The elements at lists[axis] of each axis, row-major; null takes the whole axis, and −1 is a zero. */
export function pickIndex(shape: readonly number[], lists: readonly (readonly number[] | null)[]): Int32Array {
  let index: Int32Array = Int32Array.of(0);
  shape.forEach((dim, axis) => {
    const list = lists[axis] ?? Array.from({ length: dim }, (_, i) => i);
    const next = new Int32Array(index.length * list.length);
    let e = 0;
    for (const source of index) for (const i of list) next[e++] = source < 0 || i < 0 ? -1 : source * dim + i;
    index = next;
  });
  return index;
}

/** The source of each element e of the transposed tensor; output axis a is input axis perm[a]. */
export function transposeIndex(shape: readonly number[], perm: readonly number[]): Int32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  let index: Int32Array = Int32Array.of(0);
  for (const axis of perm) {
    const dim = shape[axis]!;
    const next = new Int32Array(index.length * dim);
    let e = 0;
    for (const source of index) for (let i = 0; i < dim; i++) next[e++] = source + i * strides[axis]!;
    index = next;
  }
  return index;
}

/** The tensor whose element e is element index[e] of `data`. */
export function rearranged(site: Site, data: Data, shape: readonly number[], index: Int32Array): Data {
  checkView(site, sizeOf(shape));
  site.spend(VIEW_WORK * data.base.size);
  return viewOf(data.base, shape, compose(data.view, index));
}

export function checkView(site: Site, size: number): void {
  site.spend(VIEW_WORK * size);
  site.walk.viewElements += size;
  if (size > MAX_VIEW_ELEMENTS || site.walk.viewElements > MAX_VIEWS_TOTAL)
    site.refuse('the view is too large (limit of the verifier)');
}

/**
 * The same tensor as its own base if it contains max and min of pairs, so that these can be taken apart again; its own
 * bound loses nothing. Each view has one such base, so that two slices of it are still parts of one tensor.
 */
export function rebased({ walk: { rebases } }: Site, data: Data): Data {
  if (data.view?.pair == null) return data;
  const marks = { isPadded: holdsPadding(data) };
  let base = rebases.get(data.view);
  if (base === undefined) {
    base = computed(data.shape, measureOf(data), marks).base;
    const { first, pair } = data.view;
    // No provider folds anything over a max or a min; over elements that only move it may.
    if (first.every((i, e) => i < 0 || pair![e]! >= 0)) markSource(base);
  }
  rebases.set(data.view, base);
  return viewOf(base, data.shape, null);
}

/** √multiplicity of an index list itself, which is the operator's own Lipschitz constant. */
export function multiplicityOf(index: Int32Array, inputSize: number): number {
  return multiplicity({ first: index, pair: null }, inputSize);
}
