/** Images at which a float32 execution is tried: ordinary ones, subnormal ones, and the largest that the proof allows. */

import type { Chance } from '../reference/chance.ts';
import type { Jacobian } from '../reference/jacobian.ts';

type Draw = (chance: Chance, n: number, largest: number, jacobian: Jacobian) => ArrayLike<number>;

const repeat = (n: number, of: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => of(i));

/** Pixels as they are, on [0, 1]. */
const pixels: Draw = (chance, n) => repeat(n, () => chance.next());

/** One grey, which makes the largest sums. */
const grey: Draw = (chance, n) => {
  const level = chance.is(0.4) ? 1 : chance.next();
  return repeat(n, () => level);
};

const subnormal: Draw = (chance, n) => {
  const size = 10 ** -chance.between(37, 44);
  return repeat(n, () => (chance.is(0.2) ? 0 : size * chance.next()));
};

/** Most pixels tiny or 0, a few not. */
const sparse: Draw = (chance, n) => {
  const size = chance.pick([0, 1e-39, 1e-30, 1e-10]);
  return repeat(n, () => (chance.is(0.3) ? chance.next() : size * chance.next()));
};

/** As large as the proof allows, with the signs of a row of the derivative: the largest output. */
const aligned: Draw = (chance, n, largest, { matrix, rows }) => {
  const row = chance.below(Math.max(1, rows));
  const level = largest / Math.sqrt(n);
  return repeat(n, (i) => ((matrix[row * n + i] ?? 0) < 0 ? -level : level));
};

const largestGrey: Draw = (_, n, largest) => repeat(n, () => largest / Math.sqrt(n));

/** In a direction of its own, of any size that the proof allows. */
const normal: Draw = (chance, n, largest) => {
  const x = repeat(n, () => chance.normal());
  const norm = Math.sqrt(x.reduce((s, v) => s + v * v, 0));
  const size = chance.is(0.5) ? largest : Math.min(largest, 10 ** chance.between(-3, 12));
  return x.map((v) => (v / norm) * size);
};

const DRAWS: readonly Draw[] = [pixels, pixels, grey, subnormal, sparse, aligned, aligned, largestGrey, normal];

/** ‖x‖₂ and ‖x‖₁. */
export function normsOf(x: ArrayLike<number>): { readonly l2: number; readonly l1: number } {
  let [squares, l1] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    squares += x[i]! * x[i]!;
    l1 += Math.abs(x[i]!);
  }
  return { l2: Math.sqrt(squares), l1 };
}

/** An image of n float32 pixels with ‖x‖₂ ≤ largest. */
export function drawImage(chance: Chance, n: number, largest: number, jacobian: Jacobian): Float32Array {
  const drawn = Float32Array.from(chance.pick(DRAWS)(chance, n, largest * (1 - 1e-6), jacobian));
  const { l2 } = normsOf(drawn);
  if (l2 <= largest) return drawn;
  return drawn.map((v) => v * (largest / l2) * (1 - 1e-6));
}
