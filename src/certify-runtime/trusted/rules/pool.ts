/** AveragePool, GlobalAveragePool, MaxPool and GlobalMaxPool. Lemmas 8 and 14. */

import { divUp, gamma64, mulUp, sqrtUp, up } from '../bounds/rounding.ts';
import { linearMeasure } from '../walk/linear.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, type Data, holdsPadding, measureOf, nonexpansive, sizeOf } from '../walk/state.ts';
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
  if (axes.some((axis) => axis.dilation !== 1)) site.refuse('dilations have no rule');
  return axes;
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
  site.spend(axis.output * axis.kernel);
  const sums = new Float64Array(axis.input);
  const squares = new Float64Array(axis.input);
  const uses = new Int32Array(axis.input);
  for (let o = 0; o < axis.output; o++) {
    const from = Math.max(0, o * axis.stride - axis.padBegin);
    const to = Math.min(axis.input, o * axis.stride - axis.padBegin + axis.kernel);
    const weight = divUp(1, countPadding ? axis.kernel : to - from);
    for (let i = from; i < to; i++) {
      sums[i]! += weight;
      squares[i]! += weight * weight;
      uses[i]! += 1;
    }
  }
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

/** The pool is a Kronecker product of its axes, so every norm is the product of theirs. */
function averagePool(site: Site): RuleResult {
  const data = site.data(0);
  const countPadding = site.flag('count_include_pad', false);
  if (!countPadding) refusePadded(site, data);
  const axes = poolWindow(site, data);
  const shape = [...data.shape.slice(0, 2), ...axes.map((axis) => axis.output)];
  site.checkShape(shape);
  const factors = axes.map((axis) => averageAxis(site, axis, countPadding));
  const all = (of: (factor: Average) => number) => factors.reduce((n, factor) => mulUp(n, of(factor)), 1);
  const whole = { norm: all(({ norm }) => norm), column: all(({ column }) => column), sums: all(({ sums }) => sums) };
  return average(site, data, shape, { ...whole, terms: sizeOf(axes.map((axis) => axis.kernel)) });
}

function globalAveragePool(site: Site): RuleResult {
  const data = site.data(0);
  const spatial = spatialOf(site, data);
  const terms = sizeOf(spatial);
  return average(site, data, [...data.shape.slice(0, 2), ...spatial.map(() => 1)], means(terms));
}

/** The mean of `terms` values has norm 1/√terms; their sum has norm √terms. */
export function means(terms: number): Average & { readonly terms: number } {
  return { norm: divUp(1, Math.sqrt(terms) * (1 - 2 ** -52)), column: divUp(1, terms), sums: sqrtUp(terms), terms };
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
  return { outputs: [computed(shape, linearMeasure(site, map, measureOf(data)))], upper: norm };
}

/** The windows do not overlap, and |max a − max b| ≤ ‖a − b‖∞ on each, so the whole is 1-Lipschitz. */
function maxPool(site: Site): RuleResult {
  const data = site.data(0);
  if (site.int('storage_order', 0) !== 0) site.refuse('storage_order has no rule');
  refusePadded(site, data);
  const axes = poolWindow(site, data);
  if (axes.some((axis) => axis.kernel > axis.stride))
    site.refuse('windows that overlap have no rule (kernel_shape > strides)');
  return largest(site, data, [...data.shape.slice(0, 2), ...axes.map((axis) => axis.output)]);
}

function globalMaxPool(site: Site): RuleResult {
  const data = site.data(0);
  return largest(site, data, [...data.shape.slice(0, 2), ...spatialOf(site, data).map(() => 1)]);
}

export function largest(site: Site, data: Data, shape: readonly number[]): RuleResult {
  site.checkShape(shape);
  return { outputs: [computed(shape, nonexpansive(measureOf(data), sizeOf(data.shape)))], upper: 1 };
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
