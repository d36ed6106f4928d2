/**
 * Integers that a graph computes from shapes: Shape, and the operations on its output before a Reshape takes it.
 *
 * They are exact within the width of their type: if a program would wrap around, or if ONNX leaves the result open, the
 * node is refused.
 */

export type IntegerType = 'int32' | 'int64';

/** perSample·N + constant, where N is the batch size; at most one of the two is not 0. */
export interface ShapeEntry {
  readonly perSample: bigint;
  readonly constant: bigint;
}

/** A rank-1 tensor of such integers, or a scalar one (rank 0, one entry). */
export interface ShapeValue {
  readonly kind: 'shape';
  readonly type: IntegerType;
  readonly rank: 0 | 1;
  readonly entries: readonly ShapeEntry[];
}
