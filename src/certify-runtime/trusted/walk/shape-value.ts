/**
 * Integers that a graph computes from shapes: Shape, and what is done to its output before a Reshape takes it.
 *
 * Exact, in the width of their type: where a program would wrap around, or ONNX leaves the result open, the node is refused.
 */

import type { Site } from './site.ts';

export type IntegerType = 'int32' | 'int64';

/** perSample·N + constant, N the batch size; at most one of the two is not 0. */
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

/** The largest batch that a run may have: docs/soundness.md, A5. */
const LARGEST_BATCH = 2n ** 31n;

/**
 * Entries computed at `site`, of a type that holds each of them, for every batch that a run may have.
 * @throws UnprovableError where it does not
 */
export function shapeValue(site: Site, type: IntegerType, entries: readonly ShapeEntry[], rank: 0 | 1 = 1): ShapeValue {
  const limit = type === 'int32' ? 2n ** 31n : 2n ** 63n;
  for (const { perSample, constant } of entries) {
    if (constant < -limit || constant >= limit) site.refuse(`${constant} is no ${type}`);
    // An image of that many pixels for each sample has fewer than 2³¹ in a batch; int64 has room for any batch.
    const most = type === 'int32' ? BigInt(site.walk.imageSize) : limit / LARGEST_BATCH - 1n;
    if (perSample < 0n || perSample > most) site.refuse(`${perSample} times the batch size may not fit ${type}`);
  }
  if (rank === 0 && entries.length !== 1) site.refuse(`${entries.length} integers are no scalar`);
  return { kind: 'shape', type, rank, entries };
}
