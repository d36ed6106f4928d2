/** Layers of blocks as numbers and matrices, and their bounds. */

import assert from 'node:assert/strict';
import { type Block, blockBound } from '../../../../src/certify-runtime/trusted/segments/block.ts';
import type { Blocks } from '../../../../src/certify-runtime/trusted/segments/form.ts';
import { siteOf, walkOf } from '../conditions/site.ts';
import { matrix, normOf, type Rows } from './linear.ts';

export const newSite = () => siteOf('Identity', walkOf([]));

export const bound = (block: Block): number => blockBound(newSite(), block);

/** A matrix for one axis, of a given error. */
export function dense(rows: Rows, error = 0, after = 1): Blocks {
  const own = matrix(rows.length, rows[0]!.length, rows.flat());
  return {
    kind: 'blocks',
    matrices: [own],
    before: 1,
    after,
    error,
    absolute: normOf(rows.map((row) => row.map(Math.abs))),
  };
}

export const number = (value: number, error = 0): Blocks => dense([[value]], error);

export const near = (found: number, truth: number, name: string, slack = 1e-9): void =>
  assert.ok(found >= truth * (1 - 1e-15) && found <= truth * (1 + slack) + 1e-14, `${name}: ${found}, not ${truth}`);

export const SLOPES = [
  [0, 1],
  [-1, 1],
  [0.25, 1],
  [-2, 0.5],
  [-1, -0.5],
] as const;

export const fitted = (rows: Rows, factors: readonly number[]): Rows =>
  rows[0]!.map((_, j) => rows.map((row, h) => -factors[h]! * row[j]!));
