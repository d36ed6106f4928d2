/** Bounds sup_ω ‖Â(ω)‖₂² of a convolution by ruling out every cell of frequencies in which it could be larger. Lemma 7d. */

import { frequencyCost, gramAt, gramError } from './conv-frequency.ts';
import type { GramKernel } from './conv-gram.ts';
import { LARGEST_ORDER, ROOT_ERROR, rootsOfUnity } from './roots-of-unity.ts';
import { down } from './rounding.ts';
import { estimate, isAtMost, startVector } from './symmetric.ts';

type Pair = readonly [number, number];

/** The frequencies 2πj/LARGEST_ORDER with |j − centre| ≤ half on both axes. */
interface Cell {
  readonly centre: Pair;
  readonly half: Pair;
}

/** How far above an estimate of the supremum the proof is tried. */
const SLACKS = [2 ** -12, 2 ** -9];

/** Cells from which the estimate climbs, and the points that it looks at for each. */
const CLIMBS = 3;
const CLIMB_POINTS = 64;

/**
 * A τ with λ_max(Ĝ(ω)) ≤ τ for every ω: if it were larger at some ω, then at the centre of ω's cell λ_max would be above
 * τ·cos²((n₁θ₁ + n₂θ₂)/2), for half widths θ and degrees n. Cells where a factorisation does not rule that out are
 * divided. The bound is Infinity if about `allowed` multiply-adds do not suffice.
 */
export function cellsBound(
  kernel: GramKernel,
  extent: Pair,
  absoluteNorm: number,
  allowed: number,
): { readonly bound: number; readonly work: number } {
  const degrees: Pair = [extent[0] - 1, extent[1] - 1];
  const cells = firstCells(degrees);
  const each = frequencyCost(kernel.size, kernel.shifts.length) / 2;
  const most = Math.floor(allowed / each);
  const failed = Number.POSITIVE_INFINITY;
  if (cells === null || most < 2 * cells.length + CLIMBS * CLIMB_POINTS) return { bound: failed, work: 0 };
  const guess = climb(kernel, cells);
  const error = gramError(kernel, absoluteNorm);
  let used = cells.length + CLIMBS * CLIMB_POINTS;
  for (const slack of SLACKS) {
    const tau = guess * (1 + slack) + error;
    const result = rulesOut(kernel, degrees, cells, { tau, error, tests: Math.floor((most - used) / 2) });
    used += result.used;
    if (result.done) return { bound: tau, work: used * each };
  }
  return { bound: failed, work: used * each };
}

/** Cells that cover half of all frequencies, since Ĝ(−ω) is the conjugate of Ĝ(ω); null if the degrees are too large. */
function firstCells([n1, n2]: Pair): readonly Cell[] | null {
  const counts = [n1, n2].map((degree) => {
    let count = 1;
    // n·θ ≤ π/4 on each axis.
    while (count < 4 * degree) count *= 2;
    return count;
  }) as [number, number];
  if (Math.max(...counts) > LARGEST_ORDER / 8) return null;
  const [step1, step2] = counts.map((count) => LARGEST_ORDER / count) as [number, number];
  const cells: Cell[] = [];
  for (let j1 = 0; j1 <= counts[0] / 2; j1++) {
    for (let j2 = 0; j2 < counts[1]; j2++) {
      const half: Pair = [counts[0] === 1 ? 0 : step1 / 2, counts[1] === 1 ? 0 : step2 / 2];
      cells.push({ centre: [j1 * step1, j2 * step2], half });
    }
  }
  return cells;
}

/** An estimate of the supremum, from below: the largest value at the centres, and near the best of them. */
function climb(kernel: GramKernel, cells: readonly Cell[]): number {
  const size = 2 * kernel.size;
  const h = new Float64Array(size * size);
  const roots = rootsOfUnity(LARGEST_ORDER);
  const valueAt = (at: Pair, rounds: number): number => {
    gramAt(h, kernel, [roots, roots], at);
    return estimate(h, size, startVector(size), rounds);
  };
  const found = cells.map((cell) => ({ cell, value: valueAt(cell.centre, 8) })).sort((a, b) => b.value - a.value);
  let best = found[0]!.value;
  for (const { cell } of found.slice(0, CLIMBS)) {
    let { centre: at } = cell;
    let value = valueAt(at, 30);
    for (let [s1, s2] = cell.half; s1 >= 1 || s2 >= 1; [s1, s2] = [s1 / 2, s2 / 2]) {
      for (const next of [
        [s1, 0],
        [-s1, 0],
        [0, s2],
        [0, -s2],
      ] as const) {
        if (!Number.isInteger(next[0]) || !Number.isInteger(next[1])) continue;
        const there: Pair = [at[0] + next[0], at[1] + next[1]];
        const other = valueAt(there, 30);
        if (other > value) [at, value] = [there, other];
      }
    }
    best = Math.max(best, value);
  }
  return best;
}

/** Whether every cell was ruled out, and the number of tests. */
function rulesOut(
  kernel: GramKernel,
  degrees: Pair,
  cells: readonly Cell[],
  { tau, error, tests }: { readonly tau: number; readonly error: number; readonly tests: number },
): { readonly done: boolean; readonly used: number } {
  const size = 2 * kernel.size;
  const [h, factor] = [new Float64Array(size * size), new Float64Array(size * size)];
  const roots = rootsOfUnity(LARGEST_ORDER);
  const pending = [...cells];
  let used = 0;
  for (let cell = pending.pop(); cell !== undefined; cell = pending.pop()) {
    if (++used > tests) return { done: false, used };
    const { centre, half } = cell;
    const angle = degrees[0] * half[0] + degrees[1] * half[1];
    // cos²(α/2) = (1 + cos α)/2, with α = 2π·angle/LARGEST_ORDER at most π/2.
    const part = down((1 + down(roots.cos[angle]! - ROOT_ERROR)) / 2);
    gramAt(h, kernel, [roots, roots], centre);
    if (isAtMost(h, size, down(down(tau * part) - error), factor)) continue;
    if (half.every((width) => width < 2)) return { done: false, used };
    pending.push(...parts(cell));
  }
  return { done: true, used };
}

/** The halves or quarters of a cell. */
function parts({ centre, half }: Cell): Cell[] {
  const [on1, on2] = half.map((width) => (width < 2 ? [0] : [-width / 2, width / 2])) as [number[], number[]];
  const [half1, half2] = half.map((width) => (width < 2 ? width : width / 2)) as [number, number];
  return on1.flatMap((s1) =>
    on2.map((s2): Cell => ({ centre: [centre[0] + s1, centre[1] + s2], half: [half1, half2] })),
  );
}
