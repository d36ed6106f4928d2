/** Random forms of every kind, made of small integers, and what holds of a form that was found. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Blocks, Form, Kernel } from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import type { Chance } from '../../../../support/reference/chance.ts';
import { apart, geometryOf, matrixOf, measured, type Rows, someBlocks, someGeometry, someKernel } from '../linear.ts';

export const seeds = fc.integer({ min: 1, max: 2 ** 30 });

/** Two maps, the second of which takes what the first one gives. */
export interface Following {
  readonly inputs: number;
  readonly a: Form;
  readonly b: Form;
  /** Whether the product must be found, must not be, or may be. */
  readonly found?: boolean;
}

/** A Conv whose weights are all 1. */
export function someKernelOf(plan: Parameters<typeof geometryOf>[0]): Kernel {
  const geometry = geometryOf(plan);
  const { outputChannels, inputChannels, groups, kernel } = geometry;
  const weights = new Float64Array((outputChannels * inputChannels * kernel[0] * kernel[1]) / groups).fill(1);
  return { kind: 'kernel', weights, geometry, rows: 1, wraps: false, error: 0, absolute: 1 };
}

export const elements = (n: number): readonly number[] => Array.from({ length: n }, (_, e) => e);

export const sizeAfter = ({ geometry: g, rows }: Kernel): number => rows * g.outputChannels * g.output[0] * g.output[1];
export const sizeBefore = ({ geometry: g, rows }: Kernel): number => rows * g.inputChannels * g.input[0] * g.input[1];

export function kernelOf(chance: Chance): Kernel {
  const input = [chance.between(2, 4), chance.between(2, 4)] as const;
  return someKernel(chance, chance.between(1, 2), someGeometry(chance, chance.between(1, 4), input));
}

/** [outer, count, before, cols, after]. */
export const layout = (chance: Chance) =>
  [1, 2, 1, 3, 1].map((most) => chance.between(1, most + 1)) as unknown as Layout;
export type Layout = readonly [number, number, number, number, number];

export const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

export function blocksOf(chance: Chance): { readonly inputs: number; readonly dims: Layout; readonly blocks: Blocks } {
  const dims = layout(chance);
  return { inputs: product(dims), dims, blocks: someBlocks(chance, dims, chance.between(1, 3)) };
}

/** The block and the row (or column) of element e. */
export const blockIndex = ({ matrices, before, after }: Blocks, side: 'rows' | 'cols') => {
  const length = matrices[0]![side];
  return (e: number): number =>
    (Math.floor(e / (after * length * before)) % matrices.length) * length + (Math.floor(e / after) % length);
};

/** A circle of places about an image [n₁, n₂], as two Gathers make it. */
export function circle(
  images: number,
  [n1, n2]: readonly number[],
  [begin1, begin2]: readonly number[],
  [m1, m2]: readonly number[],
) {
  const first: number[] = [];
  for (let image = 0; image < images; image++) {
    for (let p1 = 0; p1 < m1!; p1++) {
      for (let p2 = 0; p2 < m2!; p2++)
        first.push((image * n1! + ((p1 + begin1!) % n1!)) * n2! + ((p2 + begin2!) % n2!));
    }
  }
  return first;
}

export function centring(into: readonly number[], own: number, mean: number): Form {
  return measured({ kind: 'centring', into: Int32Array.from(into), own, mean, error: 0, absolute: 0 }, into.length);
}

/** `found` is `exact`, and its bounds hold; all numbers in it are small integers, or a few roundings from what is meant. */
export function holds(found: Form, exact: Rows, inputs: number): void {
  const own = matrixOf(found, inputs);
  const off = apart(own, exact);
  assert.ok(off <= 1e-12, `${found.kind} is off by ${off}`);
  const evenly = own.map((row) => row.reduce((s, v) => s + Math.abs(v), 0));
  assert.ok(found.absolute >= (Math.hypot(...evenly) / Math.sqrt(inputs)) * (1 - 1e-12), `‖|${found.kind}|‖`);
}
