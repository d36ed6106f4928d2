/** AveragePool, GlobalAveragePool, MaxPool and GlobalMaxPool. Lemmas 8 and 14. */

import { scale } from '../bounds/affine.ts';
import { divUp, gamma64, mulUp, sqrtUp, up } from '../bounds/rounding.ts';
import { linearMeasure } from '../walk/linear.ts';
import { rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import {
  carried,
  computed,
  type Data,
  holdsPadding,
  measureOf,
  newChain,
  nonexpansive,
  sizeOf,
} from '../walk/state.ts';
import { recorded, type Step } from '../walk/steps.ts';
import { readWindow, type WindowAxis } from './window.ts';

function spatialOf(site: Site, data: Data): number[] {
  if (data.shape.length < 3) site.refuse(`[N·${data.shape}] has no spatial dimensions`);
  return data.shape.slice(2);
}

function poolWindow(site: Site, data: Data): WindowAxis[] {
  const spatial = spatialOf(site, data);
  const kernel = site.ints('kernel_shape');
  if (kernel === null || kernel.length !== spatial.length || kernel.some((k) => k < 1 || k > 2 ** 20)) {
    site.refuse(`kernel_shape [${kernel}] does not fit [N·${data.shape}]`);
  }
  const axes = readWindow(site, spatial, kernel);
  if (axes.some((axis) => Math.max(axis.padBegin, axis.padEnd) >= axis.kernel))
    site.refuse('a window may lie in the padding');
  return axes;
}

/** The pixels of each window of an axis, as `visit` gets them: those of output o, without the padding. */
function eachWindow(site: Site, axis: WindowAxis, visit: (pixels: readonly number[], o: number) => void): void {
  site.spend(axis.output * axis.kernel);
  for (let o = 0; o < axis.output; o++) {
    const pixels: number[] = [];
    for (let tap = 0; tap < axis.kernel; tap++) {
      const pixel = o * axis.stride - axis.padBegin + tap * axis.dilation;
      if (pixel >= 0 && pixel < axis.input) pixels.push(pixel);
    }
    if (pixels.length === 0) site.refuse('a window lies in the padding');
    visit(pixels, o);
  }
}

/** ONNX Runtime moves the zeros of a Pad into the pads of the pool after it (PadFusion), where they are not counted. */
function refusePadded(site: Site, data: Data): void {
  if (holdsPadding(data)) {
    site.refuse(
      "zeros padded before it would be counted or not, as the provider has it (ONNX Runtime's PadFusion); use the pool's own pads",
    );
  }
}

/** An averaging matrix M, and M₀ of the sums that it divides: ‖M‖₂ = ‖|M|‖₂, its largest column norm, and ‖M₀‖₂. */
interface Average {
  readonly norm: number;
  readonly column: number;
  readonly sums: number;
}

/**
 * The averaging matrix of one axis: output o is Σ v/nₒ over its window, where nₒ is k, or the part of k that is not
 * padding. It is non-negative, so ‖M‖₂ ≤ √(largest row sum · largest column sum).
 */
function averageAxis(site: Site, axis: WindowAxis, countPadding: boolean): Average {
  const sums = new Float64Array(axis.input);
  const squares = new Float64Array(axis.input);
  const uses = new Int32Array(axis.input);
  eachWindow(site, axis, (pixels, o) => {
    const beyond = o * axis.stride + axis.kernel > axis.input + axis.padBegin + axis.padEnd;
    if (countPadding && beyond)
      site.refuse('programs differ about count_include_pad where a window of ceil_mode reaches beyond the padding');
    const weight = divUp(1, countPadding ? axis.kernel : pixels.length);
    for (const i of pixels) {
      sums[i]! += weight;
      squares[i]! += weight * weight;
      uses[i]! += 1;
    }
  });
  const outward = up(1 + gamma64(2 * axis.kernel + 4));
  let [sum, square, most] = [0, 0, 0];
  for (let i = 0; i < axis.input; i++) {
    sum = Math.max(sum, mulUp(sums[i]!, outward));
    square = Math.max(square, mulUp(squares[i]!, outward));
    most = Math.max(most, uses[i]!);
  }
  // Every row of M sums to at most 1, and every row of M₀ to at most k.
  return { norm: sqrtUp(sum), column: sqrtUp(square), sums: sqrtUp(axis.kernel * most) };
}

/** Whether every window lies in the data. */
function isFull({ input, output, kernel, stride, dilation, padBegin }: WindowAxis): boolean {
  return padBegin === 0 && (output - 1) * stride + (kernel - 1) * dilation < input;
}

/** What the pool makes of a sample, as a matrix. */
interface Pooled {
  readonly shape: readonly number[];
  readonly weights: Average & { readonly terms: number };
  /** The windows, if the values of each are divided by the same number. */
  readonly windows: readonly WindowAxis[] | null;
}

/** The pool is a Kronecker product of its axes, so every norm is the product of theirs. */
export function averagePooled(site: Site, data: Data): Pooled {
  const countPadding = site.flag('count_include_pad', false);
  if (!countPadding) refusePadded(site, data);
  const axes = poolWindow(site, data);
  const shape = [...data.shape.slice(0, 2), ...axes.map((axis) => axis.output)];
  site.checkShape(shape);
  const factors = axes.map((axis) => averageAxis(site, axis, countPadding));
  const all = (of: (factor: Average) => number) => factors.reduce((n, factor) => mulUp(n, of(factor)), 1);
  const whole = { norm: all(({ norm }) => norm), column: all(({ column }) => column), sums: all(({ sums }) => sums) };
  const equal = countPadding || axes.every((axis) => isFull(axis));
  const terms = sizeOf(axes.map((axis) => axis.kernel));
  return { shape, weights: { ...whole, terms }, windows: equal ? axes : null };
}

export function globalAveragePooled(site: Site, data: Data): Pooled {
  const spatial = spatialOf(site, data);
  const shape = [...data.shape.slice(0, 2), ...spatial.map(() => 1)];
  return { shape, weights: means(sizeOf(spatial)), windows: null };
}

function averagePool(site: Site): RuleResult {
  const data = site.data(0);
  const { shape, weights, windows } = averagePooled(site, data);
  const result = average(site, data, shape, weights);
  const step = averageStep(data, windows, weights.norm);
  if (step !== null) recorded(result.outputs[0] as Data, step, [rebased(site, data)]);
  return result;
}

/** The pool as a Conv of each channel with equal weights, if all its windows count the same. */
function averageStep(data: Data, windows: readonly WindowAxis[] | null, absolute: number): Step | null {
  const [rows, channels] = data.shape as [number, number];
  if (windows === null || windows.length > 2) return null;
  const both = (of: (axis: WindowAxis) => number, missing: number): [number, number] =>
    windows.length === 1 ? [missing, of(windows[0]!)] : [of(windows[0]!), of(windows[1]!)];
  const kernel = both((axis) => axis.kernel, 1);
  const geometry = {
    ...{ inputChannels: channels, outputChannels: channels, groups: channels, kernel },
    stride: both((axis) => axis.stride, 1),
    dilation: both((axis) => axis.dilation, 1),
    padBegin: both((axis) => axis.padBegin, 0),
    input: both((axis) => axis.input, 1),
    output: both((axis) => axis.output, 1),
  };
  const weights = new Float64Array(channels * sizeOf(kernel)).fill(1 / sizeOf(kernel));
  return { kind: 'conv', weights, geometry, rows, absolute };
}

function globalAveragePool(site: Site): RuleResult {
  const data = site.data(0);
  const { shape, weights } = globalAveragePooled(site, data);
  const axes = spatialOf(site, data).map((_, i) => i + 2);
  return reduced(site, data, shape, weights, axes, 1 / weights.terms);
}

/** The mean of `terms` values has norm 1/√terms; their sum has norm √terms. */
export function means(terms: number): Average & { readonly terms: number } {
  return { norm: divUp(1, Math.sqrt(terms) * (1 - 2 ** -52)), column: divUp(1, terms), sums: sqrtUp(terms), terms };
}

/** The sums over axes, times a weight. */
export function reduced(
  site: Site,
  data: Data,
  shape: readonly number[],
  weights: Average & { readonly terms: number },
  axes: readonly number[],
  weight: number,
): RuleResult {
  const result = average(site, data, shape, weights);
  const step = { kind: 'reduce', shape: data.shape, axes, weight, absolute: weights.norm } as const;
  recorded(result.outputs[0] as Data, step, [rebased(site, data)]);
  return result;
}

/** Means are sums and one division, usually in this order; the sums are n times as large (Lemma 14). */
export function average(
  site: Site,
  data: Data,
  shape: readonly number[],
  { norm, column, sums, terms }: Average & { readonly terms: number },
): RuleResult {
  const sizes = { inputs: sizeOf(data.shape), outputs: sizeOf(shape) };
  const scaled = { absolute: sums, alpha: 1, beta: 1, bias: 0 };
  const map = { norm, absolute: norm, column, terms, ...sizes, bias: 0, weight: 1, scaled };
  return { outputs: [computed(shape, linearMeasure(site, map, measureOf(rebased(site, data))))], upper: norm };
}

/**
 * |max a − max b|² ≤ Σ|a − b|² on each window, and an element is in `times` windows at most: the whole has norm
 * √times. On the axes of an image, the largest numbers of windows multiply.
 */
function maxPool(site: Site): RuleResult {
  const data = site.data(0);
  if (site.int('storage_order', 0) !== 0) site.refuse('storage_order has no rule');
  refusePadded(site, data);
  const axes = poolWindow(site, data);
  const same = site.string('auto_pad', 'NOTSET').startsWith('SAME');
  if (same && axes.some((axis) => axis.dilation !== 1))
    site.refuse('dilations with auto_pad have no rule (ONNX Runtime pads as if there were none); write the pads');
  const times = axes.reduce((all, axis) => all * mostUses(site, axis), 1);
  return largest(site, data, [...data.shape.slice(0, 2), ...axes.map((axis) => axis.output)], times);
}

/** The largest number of windows of an axis that a pixel is in. */
function mostUses(site: Site, axis: WindowAxis): number {
  const uses = new Int32Array(axis.input);
  eachWindow(site, axis, (pixels) => {
    for (const i of pixels) uses[i]! += 1;
  });
  return uses.reduce((a, b) => Math.max(a, b), 0);
}

function globalMaxPool(site: Site): RuleResult {
  const data = site.data(0);
  return largest(site, data, [...data.shape.slice(0, 2), ...spatialOf(site, data).map(() => 1)]);
}

/** The largest (or smallest) elements of groups, where each element is in `times` of them at most. */
export function largest(site: Site, data: Data, shape: readonly number[], times = 1): RuleResult {
  site.checkShape(shape);
  const v = measureOf(data);
  const factor = sqrtUp(times);
  const norm = scale(factor, v.norm);
  const repeated = carried(
    v,
    {
      lipschitz: mulUp(factor, v.lipschitz),
      norm,
      l1Norm: v.l1Norm && scale(times, v.l1Norm),
      chain: newChain(norm),
    },
    (errors) => errors.map((error) => scale(factor, error)),
    (before) => mulUp(factor, before),
  );
  const measure = nonexpansive(repeated, Math.max(sizeOf(data.shape), sizeOf(shape)));
  site.limitMagnitude(measure.norm);
  return { outputs: [computed(shape, measure)], upper: factor };
}

export const poolRules: Rules = {
  AveragePool: {
    attributes: ['auto_pad', 'ceil_mode', 'count_include_pad', 'kernel_shape', 'pads', 'strides'],
    apply: averagePool,
  },
  GlobalAveragePool: { attributes: [], apply: globalAveragePool },
  MaxPool: {
    attributes: ['auto_pad', 'ceil_mode', 'dilations', 'kernel_shape', 'pads', 'storage_order', 'strides'],
    apply: maxPool,
  },
  GlobalMaxPool: { attributes: [], apply: globalMaxPool },
};
