/** What is known of a tensor, improved by bounding the whole way to it from an earlier one. Lemmas 20 and 21. */

import { combine, constantBound, scale, sum, ZERO } from '../bounds/affine.ts';
import type { AffineBound } from '../bounds/bound.ts';
import { MAX_WORK } from '../bounds/budget.ts';
import { normsCost, spectralNormUpper } from '../bounds/matrix-norm.ts';
import { addUp, mulUp, sqrtUp } from '../bounds/rounding.ts';
import { startVector } from '../bounds/symmetric.ts';
import type { Site } from '../walk/site.ts';
import { type Base, finishedNorm, isFresh, newChain, sinceOf, withFinishedNorm, withSince } from '../walk/state.ts';
import { blockBound } from './block.ts';
import { applied, denseMatrix, type Path, pathCost } from './dense.ts';
import type { Blocks, Form, Kernel } from './form.ts';
import { formNorm, formOf, frobeniusUpper } from './forms.ts';
import { type Node, nodeOf, nodesBetween } from './node.ts';
import { seriesNorm, seriesOf } from './series.ts';

/** How far back it is looked. */
const MOST_CLIMBS = 24;

/** Multiply-adds that one dense matrix may take, and its entries. */
const DENSE_WORK = 1.5e9;
const DENSE_ENTRIES = 2 ** 22;

/** Multiply-adds of the whole proof after which nothing more is tried: a few seconds. */
const SHARPEN_WORK = 8e9;

/** Multiply-adds of one estimate, and the gain below which nothing is tried. */
const ESTIMATE_WORK = 4e7;
const GAIN = 1 + 2 ** -12;

/** Improves what is known of `base`, before anything reads it. `passed`: whether it is read by one linear operator alone. */
export function sharpen(site: Site, base: Base, passed: boolean): void {
  const v = nodeOf(base);
  // The rest of the work is left to the rules, without which nothing is proven, and a load may not take minutes.
  if (finished.has(base) || site.workLeft < MAX_WORK - SHARPEN_WORK) return;
  if (!passed) finished.add(base);
  const lines: Path[] = [];
  const blocks: Path[] = [];
  let from = v.dominator;
  for (let i = 0; i < MOST_CLIMBS && from !== null; i++) {
    const nodes = nodesBetween(v, from);
    const activations = nodes?.filter(({ step }) => step?.kind === 'pointwise').length ?? 2;
    if (activations > 1) break;
    (activations === 0 ? lines : blocks).push({ leaf: from, last: v, nodes: nodes! });
    from = from.dominator;
  }
  if (!passed) tryLines(site, lines);
  for (const block of blocks) tryBlock(site, block);
}

/** Bases for which everything was tried; a Reshape of one has the same base. */
const finished = new WeakSet<Base>();

/** The linear maps to one tensor, from the nearest to the farthest. */
function tryLines(site: Site, lines: readonly Path[]): void {
  const several = lines.filter(({ nodes }) => nodes.length > 1);
  let longest: { path: Path; form: Form } | null = null;
  for (const path of several) {
    const form = formOf(site, path);
    if (form === null) break;
    longest = { path, form };
  }
  if (longest !== null && mayGain(site, longest.path)) improve(site, longest.path, formNorm(site, longest.form));
  const series = several
    .map((path) => ({ path, series: seriesOf(site, path) }))
    .findLast((found) => found.series !== null);
  if (series !== undefined) improve(site, series.path, seriesNorm(site, series.series!));
  for (const path of several.toReversed()) {
    if (!isAffordable(site, path)) continue;
    if (mayGain(site, path)) improve(site, path, denseNorm(site, path));
    return;
  }
}

/** One activation lies on the path. */
function tryBlock(site: Site, whole: Path): void {
  const { leaf: from, last: v, nodes } = whole;
  const hidden = nodes.find(({ step }) => step?.kind === 'pointwise')!;
  if (hidden === v || !mayGain(site, whole)) return;
  const rest = nodes.filter((node) => node !== hidden);
  const around = formOf(site, { leaf: from, last: v, nodes: rest });
  if (around?.kind !== 'diagonal' || around.factors.length !== 1) return;
  const inward: Path = { leaf: from, last: hidden, nodes: nodesBetween(hidden, from)! };
  const outward: Path = { leaf: hidden, last: v, nodes: rest };
  const { low, high } = hidden.step as { readonly low: number; readonly high: number };
  const layers = { hidden: hidden.size, around: around.factors[0]!, low, high };
  let own = Number.POSITIVE_INFINITY;
  for (const as of [asForm, asMatrix]) {
    const [w, g] = [as(site, inward), as(site, outward)];
    if (w !== null && g !== null) own = blockBound(site, { ...layers, inward: w, outward: g });
    if (own < Number.POSITIVE_INFINITY) break;
  }
  improve(site, whole, addUp(own, around.error));
}

function asForm(site: Site, path: Path): Blocks | Kernel | null {
  const form = formOf(site, path);
  return form?.kind === 'kernel' || form?.kind === 'blocks' ? form : null;
}

function asMatrix(site: Site, path: Path): Blocks | null {
  if (!isAffordable(site, path)) return null;
  site.spend(denseCost(path));
  const { matrix, error } = denseMatrix(path);
  return { kind: 'blocks', matrices: [matrix], before: 1, after: 1, error, absolute: frobeniusUpper(matrix) };
}

function denseCost(path: Path): number {
  const [rows, cols] = [path.last.size, path.leaf.size];
  return Math.min(rows, cols) * pathCost(path) + normsCost(rows, cols);
}

function isAffordable(site: Site, path: Path): boolean {
  const entries = path.last.size * path.leaf.size;
  return entries <= DENSE_ENTRIES && denseCost(path) <= Math.min(DENSE_WORK, site.workLeft / 4);
}

function denseNorm(site: Site, path: Path): number {
  site.spend(denseCost(path));
  const { matrix, error } = denseMatrix(path);
  return addUp(spectralNormUpper(matrix), error);
}

/** Rounds of one estimate. */
const ESTIMATE_ROUNDS = 10;

/** Whether the path's true constant seems to be below what L or the norm say of it; no proof rests on it. */
function mayGain(site: Site, path: Path): boolean {
  const { leaf, last, nodes } = path;
  const [before, measure] = [leaf.base.measure, last.base.measure];
  const known = Math.max(measure.lipschitz / before.lipschitz, measure.norm.l2 / before.norm.l2) / leaf.stretch;
  const hidden = nodes.find(({ step }) => step?.kind === 'pointwise');
  const patterns = hidden === undefined ? [undefined] : slopePatterns(hidden);
  const cost = 2 * ESTIMATE_ROUNDS * patterns.length * pathCost(path);
  if (cost > Math.min(ESTIMATE_WORK, site.workLeft / 4)) return true;
  site.spend(cost);
  return patterns.every((slopes) => estimate(path, slopes) * GAIN < known);
}

function slopePatterns({ step, size }: Node): Float64Array[] {
  const { low, high } = step as { readonly low: number; readonly high: number };
  const random = startVector(size);
  const middle = 0.6 / Math.sqrt(size);
  return [
    new Float64Array(size).fill(high),
    new Float64Array(size).fill(low),
    random.map((value) => (value > middle ? high : low)),
  ];
}

/** A lower bound of the norm of the path's derivative, up to rounding. */
function estimate(path: Path, slopes: Float64Array | undefined): number {
  let vector = startVector(path.leaf.size);
  let norm = 0;
  for (let round = 0; round < ESTIMATE_ROUNDS; round++) {
    const image = applied(path, vector, { count: 1, adjoint: false, slopes });
    norm = Math.sqrt(image.reduce((s, value) => s + value * value, 0));
    if (!(norm > 0)) return 0;
    vector = applied(path, image, { count: 1, adjoint: true, slopes });
    const length = Math.sqrt(vector.reduce((s, value) => s + value * value, 0));
    vector = vector.map((value) => value / length);
  }
  return norm;
}

/** Takes over what L ≤ `ofLeaf` of the map from the leaf to the last tensor says about the last, whose bounds follow from those of the leaf's base. */
function improve(site: Site, { leaf, last }: Path, ofLeaf: number): void {
  const bound = mulUp(ofLeaf, leaf.stretch);
  const [before, measure] = [leaf.base.measure, last.base.measure];
  const lipschitz = Math.min(measure.lipschitz, mulUp(bound, before.lipschitz));
  if (!(bound < Number.POSITIVE_INFINITY)) return;
  const own = sinceOf(measure).find(({ source }) => source === leaf.base);
  if (own === undefined) {
    last.base.measure = withSince({ ...measure, lipschitz }, sinceOf(measure));
    return;
  }
  const through = (errors: readonly AffineBound[]) =>
    combine(errors, own.errors, (error, since) => sum(scale(bound, error), since));
  const either = (a: readonly AffineBound[], b: readonly AffineBound[]) =>
    combine([...a, ...b], [ZERO], (error) => error);
  const since = sinceOf(measure).map((known) => {
    const earlier = sinceOf(before).find(({ source }) => source === known.source);
    if (earlier === undefined) return known;
    return {
      source: known.source,
      errors: either(through(earlier.errors), known.errors),
      offset: Math.min(known.offset, addUp(mulUp(bound, earlier.offset), own.offset)),
    };
  });
  const norm = smaller(
    site,
    finishedNorm(measure),
    sum(scale(bound, before.norm), constantBound(own.offset), inNorm(site, own.errors)),
  );
  const errors = either(through(before.errors), measure.errors);
  const better = isFresh(measure)
    ? { ...measure, lipschitz, norm, chain: newChain(norm), errors }
    : withFinishedNorm({ ...measure, lipschitz, errors }, norm);
  last.base.measure = withSince(better, since);
}

/** One of the bounds without ‖x‖₁ ≤ √n·‖x‖₂. */
function inNorm({ walk: { imageSize } }: Site, [first]: readonly AffineBound[]): AffineBound {
  const { constant, l2, l1 } = first!;
  return { constant, l2: addUp(l2, mulUp(sqrtUp(imageSize), l1)), l1: 0 };
}

/** The one that is smaller for an image of ones. */
function smaller({ walk: { imageSize } }: Site, a: AffineBound, b: AffineBound): AffineBound {
  const value = ({ constant, l2 }: AffineBound) => constant + l2 * Math.sqrt(imageSize);
  return value(b) < value(a) ? b : a;
}
