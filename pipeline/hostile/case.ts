/** What one hostile file is: a graph that a broken prover seals, and the images that show its claim to be false. */

import type { ImageSpec } from '../../test/support/hostile/hostile.ts';
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';

export interface HostileCase {
  /** The file's name, without `.onnx`. */
  readonly id: string;
  readonly kind: string;
  /** What is wrong with the claim that a broken prover makes about it. */
  readonly what: string;
  /** The shape of an image, [H, W, C]. */
  readonly shape: readonly [number, number, number];
  /** Adds the nodes and gives the name of the logits. */
  readonly build: (b: GraphBuilder) => string;
  /** Images to look at in addition to random ones. */
  readonly images?: readonly ImageSpec[];
  /** Sizes of batches in which all images are run as well. */
  readonly batches?: readonly number[];
  /** Whether the answers are also compared with float64. */
  readonly exact?: boolean;
}

/** The image as rows of `n`. */
export const flat = (b: GraphBuilder, n: number): string => b.node('Reshape', ['image', b.ints([0, n])]);

/** Logits ±(w·z − t): the label tells on which side of t the sum lies. */
export function sides(b: GraphBuilder, latent: string, weights: readonly number[], t: number): string {
  const rows = [...weights, ...weights.map((w) => -w)];
  return b.node('Gemm', [latent, b.floats([2, weights.length], rows), b.floats([2], [-t, t])], { transB: 1 });
}

export const ones = (n: number): number[] => Array<number>(n).fill(1);

/** rows × cols, row-major, zero except for the given entries. */
export function sparse(rows: number, cols: number, entries: Readonly<Record<string, number>>): number[] {
  const values = Array<number>(rows * cols).fill(0);
  for (const [place, value] of Object.entries(entries)) {
    const [row, col] = place.split(',').map(Number) as [number, number];
    values[row * cols + col] = value;
  }
  return values;
}

/** A constant of int32. */
export const int32 = (b: GraphBuilder, values: readonly number[]): string =>
  b.tensor({ type: 'int32', dims: [values.length], data: Int32Array.from(values) });
