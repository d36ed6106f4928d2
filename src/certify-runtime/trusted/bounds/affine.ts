/** Arithmetic of affine bounds c + l2·‖x‖₂ + l1·‖x‖₁, every coefficient rounded up. */

import type { AffineBound } from './bound.ts';
import { addUp, hypotUp, mulUp } from './rounding.ts';

export const ZERO: AffineBound = { constant: 0, l2: 0, l1: 0 };

/** The bound that is c for every image. */
export function constantBound(constant: number): AffineBound {
  return { constant, l2: 0, l1: 0 };
}

/** The sum of the bounds. */
export function sum(...bounds: readonly AffineBound[]): AffineBound {
  return bounds.reduce((a, b) => ({
    constant: addUp(a.constant, b.constant),
    l2: addUp(a.l2, b.l2),
    l1: addUp(a.l1, b.l1),
  }));
}

/** k·bound, k ≥ 0. */
export function scale(k: number, bound: AffineBound): AffineBound {
  if (k === 1) return bound;
  return { constant: mulUp(k, bound.constant), l2: mulUp(k, bound.l2), l1: mulUp(k, bound.l1) };
}

/** A bound of √(a² + b²), by Minkowski's inequality for each coefficient. */
export function quadrature(a: AffineBound, b: AffineBound): AffineBound {
  return { constant: hypotUp(a.constant, b.constant), l2: hypotUp(a.l2, b.l2), l1: hypotUp(a.l1, b.l1) };
}

function dominates(a: AffineBound, b: AffineBound): boolean {
  return a.constant <= b.constant && a.l2 <= b.l2 && a.l1 <= b.l1;
}

/** How many alternatives are carried along; dropping one is always allowed. */
const ALTERNATIVES = 3;

/** Removes the bounds that another one dominates, and keeps at most ALTERNATIVES of the rest. */
function prune(bounds: readonly AffineBound[]): readonly AffineBound[] {
  const kept: AffineBound[] = [];
  for (const bound of bounds) {
    if (kept.some((other) => dominates(other, bound))) continue;
    for (let i = kept.length - 1; i >= 0; i--) if (dominates(bound, kept[i]!)) kept.splice(i, 1);
    kept.push(bound);
  }
  return kept.slice(0, ALTERNATIVES);
}

/** Combines every a with every b. */
export function combine(
  as: readonly AffineBound[],
  bs: readonly AffineBound[],
  operation: (a: AffineBound, b: AffineBound) => AffineBound,
): readonly AffineBound[] {
  return prune(as.flatMap((a) => bs.map((b) => operation(a, b))));
}

export function isFiniteBound(bound: AffineBound): boolean {
  return [bound.constant, bound.l2, bound.l1].every((c) => Number.isFinite(c) && c >= 0);
}
