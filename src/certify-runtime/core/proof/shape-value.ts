/** Integers that a graph computes from shapes: Shape, and what is done to its output before a Reshape takes it. */

/** perSample·N + constant, N the batch size; at most one of the two is not 0. */
export interface ShapeEntry {
  readonly perSample: number;
  readonly constant: number;
}

/** A rank-1 tensor of such integers, or a scalar one (rank 0, one entry). */
export interface ShapeValue {
  readonly kind: 'shape';
  readonly rank: 0 | 1;
  readonly entries: readonly ShapeEntry[];
}

export function shapeValue(entries: readonly ShapeEntry[], rank: 0 | 1 = 1): ShapeValue {
  return { kind: 'shape', rank, entries };
}
