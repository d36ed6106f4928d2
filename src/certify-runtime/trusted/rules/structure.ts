/** Operators that move values without changing them: Transpose, Slice, Gather, Pad and their relatives. Lemma 12. */

import { scale, sum } from '../bounds/affine.ts';
import type { Precision } from '../bounds/precision.ts';
import { gamma32, sqrtUp, up } from '../bounds/rounding.ts';
import { ElementType } from '../onnx/model.ts';
import { checkView, rearranged, transposeIndex } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, flushOf, holdsPadding, inShape, isFresh, measureOf, newChain, sizeOf } from '../walk/state.ts';
import { inSum, shifted } from './elementwise.ts';
import { onAxis, pick, reshaped } from './reshape.ts';

function squeeze(site: Site): RuleResult {
  const data = site.data(0);
  const axes = site.axes(1);
  if (axes === null) site.refuse('without axes it might remove the batch');
  const removed = new Set(axes.map((axis) => site.sampleAxis(axis, data.shape.length)));
  if ([...removed].some((axis) => data.shape[axis] !== 1))
    site.refuse(`axes [${axes}] of [N·${data.shape}] are not all 1`);
  return reshaped(
    site,
    data,
    data.shape.filter((_, axis) => !removed.has(axis)),
  );
}

function unsqueeze(site: Site): RuleResult {
  const data = site.data(0);
  const axes = site.axes(1);
  if (axes === null) site.refuse('its axes are missing');
  const rank = data.shape.length + axes.length;
  const added = new Set(axes.map((axis) => site.sampleAxis(axis, rank)));
  if (added.size !== axes.length) site.refuse(`axes [${axes}] repeat`);
  const rest = [...data.shape];
  return reshaped(
    site,
    data,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)),
  );
}

function identity(site: Site): RuleResult {
  return { outputs: [site.data(0)], upper: 1 };
}

function dropout(site: Site): RuleResult {
  if (site.has(2)) {
    const training = site.constant(2);
    if (training.type !== 'bool' || training.data.length !== 1 || Number(training.data[0]) !== 0) {
      site.refuse('training_mode must be the constant false');
    }
  }
  return identity(site);
}

const PRECISIONS: ReadonlyMap<number, Precision> = new Map([
  [ElementType.float32, 'float32'],
  [ElementType.float64, 'float64'],
]);

/**
 * From float64 to float32 it rounds once, the other way it is exact, and either may flush to zero (Lemma 22). The chain
 * and what fusions look at go on, since a provider may drop two casts that undo each other.
 */
function cast(site: Site): RuleResult {
  const precision =
    PRECISIONS.get(site.int('to', 0)) ?? site.refuse('only a cast to float32 or float64 has a rule; leave it out');
  if (precision === site.precision) return identity(site);
  const data = site.data(0);
  const v = measureOf(data);
  const size = sizeOf(data.shape);
  const gamma = precision === 'float32' ? gamma32(1) : 0;
  const flush = flushOf(size);
  const rounding = sum(scale(gamma, v.norm), flush);
  const norm = sum(v.norm, rounding);
  const reach = sum(scale(up(1 + gamma), v.chain.reach), flush);
  const chain = isFresh(v) ? newChain(norm) : { ...v.chain, reach };
  site.limitMagnitude(scale(2, sum(chain.peak, chain.reach)));
  const measure = {
    lipschitz: v.lipschitz,
    norm,
    l1Norm: v.l1Norm && sum(scale(up(1 + gamma), v.l1Norm), inSum(size, flush)),
    errors: v.errors.map((error) => sum(error, rounding)),
    chain,
  };
  const marks = { ...data.base.marks, isPadded: holdsPadding(data) };
  return { outputs: [computed(data.shape, measure, marks)], upper: 1, precision };
}

function transposeRule(site: Site): RuleResult {
  const data = site.data(0);
  const rank = data.shape.length;
  const perm = site.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    site.refuse(`perm [${perm}] is no permutation of ${rank} axes`);
  }
  if (perm[0] !== 0) site.refuse(`perm [${perm}] moves the batch axis`);
  const shape = perm.map((axis) => data.shape[axis]!);
  checkView(site, sizeOf(shape));
  return { outputs: [rearranged(site, data, shape, transposeIndex(data.shape, perm))], upper: 1 };
}

function slice(site: Site): RuleResult {
  const data = site.data(0);
  const [starts, ends] = [site.positions(1), site.positions(2)];
  if (starts.length !== ends.length) site.refuse('starts and ends do not fit each other');
  const axes = site.axes(3) ?? starts.map((_, i) => i);
  const steps = site.has(4) ? site.integers(4) : starts.map(() => 1);
  if (axes.length !== starts.length || steps.length !== starts.length)
    site.refuse('axes and steps do not fit the starts');
  const lists: (readonly number[] | null)[] = data.shape.map(() => null);
  starts.forEach((start, i) => {
    const axis = site.sampleAxis(axes[i]!, data.shape.length);
    if (lists[axis] !== null) site.refuse(`axis ${axis} is given twice`);
    lists[axis] = slicePositions(site, data.shape[axis]!, start, ends[i]!, steps[i]!);
  });
  const { part } = pick(site, data, lists);
  return { outputs: [part], upper: 1 };
}

/**
 * start, start + step, … before end. Negative numbers count from the end, and all are clamped, as in ONNX. A backward
 * slice must start on the axis, because programs differ about a start before it.
 */
function slicePositions(site: Site, dim: number, start: number, end: number, step: number): number[] {
  if (step === 0) site.refuse('a step of 0');
  if (step < 0 && start < -dim) site.refuse(`a step of ${step} from ${start}, before an axis of ${dim}`);
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clamp = (i: number): number => Math.min(Math.max(i < 0 ? i + dim : i, low), high);
  const positions: number[] = [];
  const last = clamp(end);
  for (let i = clamp(start); step > 0 ? i < last : i > last; i += step) positions.push(i);
  if (positions.length === 0) site.refuse('nothing is left of an axis');
  return positions;
}

function gather(site: Site): RuleResult {
  const data = site.data(0);
  const axis = site.sampleAxis(site.int('axis', 0), data.shape.length);
  const dim = data.shape[axis]!;
  const { dims } = site.constant(1);
  const positions = site.integers(1).map((i) => (i < 0 ? i + dim : i));
  if (positions.length === 0 || positions.some((i) => i < 0 || i >= dim))
    site.refuse(`its indices are not in an axis of ${dim}`);
  const { part, times } = pick(site, data, onAxis(axis, positions));
  const shape = [...data.shape.slice(0, axis), ...dims, ...data.shape.slice(axis + 1)];
  site.checkShape(shape);
  return { outputs: [inShape(part, shape)], upper: sqrtUp(times) };
}

/** What stands at position i of an axis of `dim`, before 0 or from `dim` on: an element of the axis, or −1, a constant. */
const PADDINGS: ReadonlyMap<string, (i: number, dim: number) => number> = new Map([
  ['constant', (i, dim) => (i < dim ? Math.max(i, -1) : -1)],
  ['edge', (i, dim) => Math.min(Math.max(i, 0), dim - 1)],
  ['reflect', (i, dim) => (i < dim ? Math.abs(i) : 2 * (dim - 1) - i)],
]);

function pad(site: Site): RuleResult {
  const data = site.data(0);
  const mode = site.string('mode', 'constant');
  const padding = PADDINGS.get(mode) ?? site.refuse(`mode ${mode} has no rule`);
  const rank = data.shape.length;
  // ONNX Runtime's TransposeOptimizer exchanges pads as if they were always those of all axes.
  if (site.has(3)) site.refuse('axes have no rule; write its pads for every axis');
  const pads = site.integers(1);
  if (pads.length !== 2 * rank) site.refuse(`pads [${pads}] do not fit [N·${data.shape}]`);
  const lists: (number[] | null)[] = data.shape.map(() => null);
  data.shape.forEach((dim, axis) => {
    const [before, after] = [pads[axis]!, pads[axis + rank]!];
    if (before === 0 && after === 0) return;
    if (before < 0 || after < 0) site.refuse(`negative pads [${pads}]`);
    site.sampleAxis(axis, rank);
    site.checkShape([before + dim + after]);
    if (mode === 'reflect' && Math.max(before, after) >= dim)
      site.refuse(`pads [${pads}] reflect an axis of ${dim} more than once`);
    lists[axis] = Array.from({ length: before + dim + after }, (_, j) => padding(j - before, dim));
  });
  const { part, times } = pick(site, data, lists);
  if (mode !== 'constant') return { outputs: [part], upper: sqrtUp(times) };
  const value = site.has(2) ? site.float(2) : 0;
  if (value === 0) return { outputs: [part], upper: 1 };
  // The zeros become `value`, a constant added on the padded positions and bounded as if added everywhere it can be.
  const added = sizeOf(part.shape) - sizeOf(data.shape);
  const padded = computed(part.shape, measureOf(part));
  return shifted(site, padded, {
    norm: sqrtUp(added) * Math.abs(value) * (1 + 2 ** -50),
    l1Norm: added * Math.abs(value) * (1 + 2 ** -50),
  });
}

export const structureRules: Rules = {
  Squeeze: { attributes: [], apply: squeeze },
  Unsqueeze: { attributes: [], apply: unsqueeze },
  Identity: { attributes: [], apply: identity },
  Dropout: { attributes: ['seed'], apply: dropout },
  Cast: { attributes: ['to'], apply: cast },
  Transpose: { attributes: ['perm'], apply: transposeRule },
  Slice: { attributes: [], apply: slice },
  Gather: { attributes: ['axis'], apply: gather },
  Pad: { attributes: ['mode'], apply: pad },
};
