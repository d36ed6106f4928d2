/** Upper bounds of the norms of a zero-padded convolution: the smallest of all that the budget allows. Lemma 7. */

import type { Site } from '../walk/site.ts';
import { MAX_ELEMENTS } from './budget.ts';
import { cellsBound } from './conv-cells.ts';
import { chooseGrid, frequencyBound } from './conv-frequency.ts';
import { absoluteSum, gramKernel, gramKernelBound, gramKernelCost } from './conv-gram.ts';
import {
  adjointTaps,
  type ConvGeometry,
  denseMatrix,
  denseSize,
  type Taps,
  tapsOfGroup,
  tapsSize,
} from './conv-taps.ts';
import { absoluteNormUpper, columnNormUpper, largestMagnitude, normsCost, spectralNormUpper } from './matrix-norm.ts';
import type { Floats } from './precision.ts';
import { divUp, powerOfTwoScale, sqrtUp } from './rounding.ts';

export interface ConvNorms {
  /** ‖K‖₂, ‖|K|‖₂ and the largest column norm. */
  readonly norm: number;
  readonly absolute: number;
  readonly column: number;
}

/** Multiply-adds that one layer may spend on cells or a grid of frequencies, and on the matrix of the whole convolution. */
const GRID_WORK = 1.2e9;
const CELLS_WORK = 3e9;
const DENSE_WORK = 3e8;
const DENSE_ENTRIES = 2 ** 21;

/** A bound this close above the largest column norm (which is below ‖K‖₂) needs no better one. */
const TIGHT = 1 + 2 ** -11;

/**
 * All three norms, of a Conv of a circularly padded image if it `wraps`. Groups are blocks of a block-diagonal matrix,
 * so each norm is the largest over the groups.
 */
export function convNorms(site: Site, weights: Floats, geometry: ConvGeometry, wraps = false): ConvNorms {
  const key = JSON.stringify([geometry, wraps]);
  const cache = caches.get(site.walk) ?? new Map();
  caches.set(site.walk, cache);
  const known = cache.get(weights);
  if (known?.key === key) return known.norms;
  let [norm, absolute, column] = [0, 0, 0];
  for (let group = 0; group < geometry.groups; group++) {
    const one = groupNorms(site, weights, geometry, group, wraps);
    norm = Math.max(norm, one.norm);
    absolute = Math.max(absolute, one.absolute);
    column = Math.max(column, one.column);
  }
  const norms = { norm, absolute, column };
  cache.set(weights, { key, norms });
  return norms;
}

/** A constant that several nodes share is bounded once in each proof, during which nothing changes it. */
const caches = new WeakMap<object, Map<Floats, { readonly key: string; readonly norms: ConvNorms }>>();

function groupNorms(site: Site, weights: Floats, geometry: ConvGeometry, group: number, wraps: boolean): ConvNorms {
  const [rows, cols, ...extent] = tapsSize(geometry);
  if (!(rows * cols * extent[0] * extent[1] <= MAX_ELEMENTS)) {
    site.refuse(
      `its kernel spans [${extent}] strides, too many for ${rows} x ${cols} channels (limit of the verifier)`,
    );
  }
  const taps = tapsOfGroup(weights, geometry, group);
  const magnitude = taps.matrices.reduce((most, matrix) => Math.max(most, largestMagnitude(matrix)), 0);
  if (magnitude === 0) return { norm: 0, absolute: 0, column: 0 };
  const scale = powerOfTwoScale(magnitude);
  const scaled: Taps = { ...taps, matrices: taps.matrices.map((matrix) => matrix.map((w) => w * scale)) };
  const onLattice = latticeNorms(site, scaled, geometry.groups);
  const lattice = {
    norm: divUp(onLattice.norm, scale),
    absolute: divUp(onLattice.absolute, scale),
    column: divUp(onLattice.column, scale),
  };
  return wraps ? lattice : smallerOf(lattice, denseNorms(site, weights, geometry, group, lattice));
}

/** The norms of the convolution on all of Z², of which a zero-padded one is a part. */
function latticeNorms(site: Site, taps: Taps, groups: number): ConvNorms {
  const sum = absoluteSum(taps);
  const absolute = absoluteNormUpper(sum);
  // Column c of the polyphase kernel stacks the columns c of all matrices.
  const stacked = new Float64Array(taps.matrices.length * taps.rows * taps.cols);
  for (const [i, matrix] of taps.matrices.entries()) stacked.set(matrix, i * matrix.length);
  const column = columnNormUpper({ rows: taps.matrices.length * taps.rows, cols: taps.cols, values: stacked });

  const narrow = taps.rows <= taps.cols ? taps : adjointTaps(taps);
  site.spend(gramKernelCost(narrow));
  const kernel = gramKernel(narrow, absolute);
  let norm = Math.min(absolute, sqrtUp(gramKernelBound(kernel)));
  if (norm > column * TIGHT) {
    const allowed = Math.min(CELLS_WORK / groups, site.workLeft / 4);
    const cells = cellsBound(kernel, narrow.extent, absolute, allowed);
    site.spend(cells.work);
    if (cells.bound < Number.POSITIVE_INFINITY) return { norm: Math.min(norm, sqrtUp(cells.bound)), absolute, column };
    const chosen = chooseGrid(narrow.extent, kernel.size, Math.min(GRID_WORK / groups, site.workLeft / 2));
    if (chosen !== null) {
      site.spend(chosen.cost);
      norm = Math.min(norm, sqrtUp(frequencyBound(kernel, narrow.extent, chosen.grid, absolute)));
    }
  }
  return { norm, absolute, column };
}

/** The norms of the whole convolution's matrix, if it is small and they may be better; otherwise `lattice` again. */
function denseNorms(site: Site, weights: Floats, geometry: ConvGeometry, group: number, lattice: ConvNorms): ConvNorms {
  const { rows, cols } = denseSize(geometry);
  const cost = normsCost(rows, cols);
  if (
    lattice.norm <= lattice.column * TIGHT ||
    rows * cols > DENSE_ENTRIES ||
    cost > Math.min(DENSE_WORK / geometry.groups, site.workLeft / 2)
  ) {
    return lattice;
  }
  site.spend(cost);
  const matrix = denseMatrix(weights, geometry, group);
  return { norm: spectralNormUpper(matrix), absolute: absoluteNormUpper(matrix), column: columnNormUpper(matrix) };
}

function smallerOf(a: ConvNorms, b: ConvNorms): ConvNorms {
  return {
    norm: Math.min(a.norm, b.norm, a.absolute, b.absolute),
    absolute: Math.min(a.absolute, b.absolute),
    column: Math.min(a.column, b.column),
  };
}
