/** Two arithmetics for the test interpreter: float64, and float32 as an unkind but legal provider might do it. */

import type { Random } from './random.ts';

export interface Arithmetic {
  /** Σ aᵢbᵢ + bias. */
  dot(a: readonly number[], b: readonly number[], bias: number): number;
  add(a: number, b: number): number;
  mul(a: number, b: number): number;
  div(a: number, b: number): number;
  sqrt(a: number): number;
  /** A value that is only moved or compared. */
  keep(a: number): number;
  /** A value that may be off by `allowed`. */
  near(a: number, allowed: number): number;
}

export const exact: Arithmetic = {
  dot: (a, b, bias) => a.reduce((s, v, i) => s + v * b[i]!, 0) + bias,
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  sqrt: Math.sqrt,
  keep: (a) => a,
  near: (a) => a,
};

const SMALLEST_NORMAL = 2 ** -126;

export type Order = 'forward' | 'backward' | 'shuffled' | 'pairwise' | 'lanes' | 'ascending';
export const ORDERS: readonly Order[] = ['forward', 'backward', 'shuffled', 'pairwise', 'lanes', 'ascending'];

/** float32 with a given order of summation, with or without fused multiply-add and flushes to zero (FTZ and DAZ). */
export function float32(random: Random, options: { order: Order; fma: boolean; flush: boolean }): Arithmetic {
  const keep = (a: number): number => (options.flush && Math.abs(a) < SMALLEST_NORMAL ? 0 : a);
  const round = (a: number): number => keep(Math.fround(a));
  const add = (a: number, b: number): number => round(keep(a) + keep(b));
  const mul = (a: number, b: number): number => round(keep(a) * keep(b));
  const pairwise = (values: number[]): number => {
    if (values.length === 1) return values[0]!;
    const half = values.length >> 1;
    return add(pairwise(values.slice(0, half)), pairwise(values.slice(half)));
  };
  const dot = (a: readonly number[], b: readonly number[], bias: number): number => {
    const n = a.length;
    let order = Array.from({ length: n }, (_, i) => i);
    if (options.order === 'backward') order.reverse();
    if (options.order === 'shuffled') order = random.shuffled(n);
    if (options.order === 'ascending') order.sort((i, j) => a[i]! * b[i]! - a[j]! * b[j]!);
    if (options.order === 'pairwise') return pairwise([...order.map((i) => mul(a[i]!, b[i]!)), keep(bias)]);
    const lanes = options.order === 'lanes' ? [keep(bias), 0, 0, 0] : [keep(bias)];
    order.forEach((i, position) => {
      const lane = position % lanes.length;
      const [x, y] = [keep(a[i]!), keep(b[i]!)];
      // The product of two float32 is exact in float64, so this is a fused multiply-add but for a double rounding.
      lanes[lane] = options.fma ? round(x * y + lanes[lane]!) : add(lanes[lane]!, mul(x, y));
    });
    return lanes.reduce(add);
  };
  const near = (a: number, allowed: number): number => {
    const off = round(a + 0.999 * allowed * (random.next() < 0.5 ? -1 : 1));
    return Math.abs(off - a) <= allowed ? off : round(a);
  };
  const div = (a: number, b: number): number => round(keep(a) / keep(b));
  return { dot, add, mul, div, sqrt: (a) => round(Math.sqrt(keep(a))), keep, near };
}
