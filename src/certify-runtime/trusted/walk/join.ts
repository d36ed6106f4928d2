/** Joins parts of one tensor side by side again. */

import { type Data, sizeOf } from './state.ts';
import { materialise, type View } from './view.ts';

/** The views side by side on one axis, row-major. */
export function joinViews(parts: readonly Data[], axis: number): View {
  const views = parts.map((part) => materialise(part.view, sizeOf(part.shape)));
  const runs = parts.map((part) => sizeOf(part.shape.slice(axis)));
  const rows = sizeOf(parts[0]!.shape.slice(0, axis));
  const size = rows * runs.reduce((a, b) => a + b, 0);
  const first = new Int32Array(size);
  const pair = views.some((view) => view.pair !== null) ? new Int32Array(size).fill(-1) : null;
  let e = 0;
  for (let row = 0; row < rows; row++) {
    views.forEach((view, i) => {
      const run = runs[i]!;
      first.set(view.first.subarray(row * run, (row + 1) * run), e);
      if (view.pair !== null) pair!.set(view.pair.subarray(row * run, (row + 1) * run), e);
      e += run;
    });
  }
  return { first, pair };
}
