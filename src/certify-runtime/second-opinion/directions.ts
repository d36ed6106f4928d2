/**
 * Finds directions in which a network stretches images much, by power steps on JᵀJ, where J is the Jacobian of image ↦
 * latent. Nothing is measured here: only a difference quotient along such a direction counts.
 */

import type { DifferentiableNetwork } from '../gradient/network.ts';
import { createRandom, type Random } from '../smoothing/random.ts';
import { SEEDS } from '../smoothing/streams.ts';
import { norm } from './images.ts';

/**
 * The length of a difference in float64: small, so that it hardly ever leaves a linear piece, and far above rounding.
 */
const STEP_64 = 2 ** -20;

/** The length of a difference of the provider's float32 answers. */
export const STEP_32 = 2 ** -5;

/** Power steps on a small matrix that is already computed. */
const STEPS_AT_HAND = 24;

function unit(values: Float64Array): Float64Array | null {
  const length = norm(values);
  return length > 0 && Number.isFinite(length) ? values.map((value) => value / length) : null;
}

const normals = (random: Random, length: number) => Float64Array.from({ length }, () => random.normal());

/** The unit c for which Σ c_g·column_g is longest, found by power steps on the matrix of the columns. */
function longest(columns: readonly Float64Array[]): Float64Array {
  let c = unit(normals(createRandom(SEEDS.secondOpinion.columns), columns.length))!;
  const sum = new Float64Array(columns[0]!.length);
  for (let step = 0; step < STEPS_AT_HAND; step++) {
    sum.fill(0);
    columns.forEach((column, g) => {
      for (let j = 0; j < sum.length; j++) sum[j]! += c[g]! * column[j]!;
    });
    c = unit(Float64Array.from(columns, (column) => dot(column, sum))) ?? c;
  }
  return c;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** a += factor·b. */
function add(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}

/**
 * The unit vector that J at `point` stretches most within the span of v, JᵀJv, (JᵀJ)²v, …, for a random v; J is
 * computed by differences and Jᵀ by reverse mode. It comes far closer to the norm than the same number of power steps
 * (Lanczos).
 */
export function steepest(network: DifferentiableNetwork, point: Float64Array, steps: number, seed = 0): Float64Array {
  const here = network.trace(point, 1);
  const length = STEP_64 * Math.max(1, norm(point) / Math.sqrt(point.length));
  const basis: Float64Array[] = [];
  const columns: Float64Array[] = [];
  let next = unit(normals(createRandom(SEEDS.secondOpinion.power, seed), point.length));
  while (next !== null && basis.length < steps) {
    const moved = point.slice();
    add(moved, length, next);
    const column = network.trace(moved, 1).output.map((z, j) => (z - here.output[j]!) / length);
    basis.push(next);
    columns.push(column);
    const gradient = here.pullback(column);
    // Two passes are enough to be orthogonal to all that came before.
    for (let pass = 0; pass < 2; pass++) for (const v of basis) add(gradient, -dot(gradient, v), v);
    next = unit(gradient);
  }
  const c = longest(columns);
  const direction = new Float64Array(point.length);
  for (const [i, v] of basis.entries()) add(direction, c[i]!, v);
  return direction;
}

/** Orthonormal directions: direction g has `weight[i]` at the pixels i with group[i] = g, and 0 elsewhere. */
export interface Subspace {
  readonly dimension: number;
  readonly group: Int32Array;
  readonly weight: Float64Array;
}

function subspace(group: Int32Array, dimension: number, sign: (i: number) => number): Subspace {
  const members = new Int32Array(dimension);
  for (const g of group) if (g >= 0) members[g]!++;
  return {
    dimension,
    group,
    weight: Float64Array.from(group, (g, i) => (g < 0 ? 0 : sign(i) / Math.sqrt(members[g]!))),
  };
}

/**
 * Subspaces of R^size, of at most `room` dimensions together: all of it if there is room, otherwise the means of
 * neighbouring pixels, random ones, and some of the pixels themselves.
 */
export function subspaces(size: number, room: number): readonly Subspace[] {
  const plain = () => 1;
  if (size <= room)
    return [
      subspace(
        Int32Array.from({ length: size }, (_, i) => i),
        size,
        plain,
      ),
    ];
  const dimension = Math.max(1, Math.floor(room / 3));
  const random = createRandom(SEEDS.secondOpinion.subspaces);
  const neighbours = Int32Array.from({ length: size }, (_, i) => Math.floor((i * dimension) / size));
  // Every dimension must have a pixel, so the first ones are given out in order.
  const mixed = Int32Array.from({ length: size }, (_, i) => (i < dimension ? i : random.uint32() % dimension));
  const pixels = new Int32Array(size).fill(-1);
  for (let g = 0; g < dimension; g++) pixels[Math.floor((g * size) / dimension)] = g;
  return [
    subspace(neighbours, dimension, plain),
    subspace(mixed, dimension, () => (random.uint32() & 1) * 2 - 1),
    subspace(pixels, dimension, plain),
  ];
}

/** point + length·(direction g of the subspace). */
export function along(point: Float32Array, { group, weight }: Subspace, g: number, length: number): Float32Array {
  return point.map((pixel, i) => (group[i] === g ? pixel + length * weight[i]! : pixel));
}

/** The unit vector of a subspace that is stretched most, given the images of its directions as `columns`. */
export function steepestOf({ group, weight }: Subspace, columns: readonly Float64Array[]): Float64Array {
  const c = longest(columns);
  return Float64Array.from(group, (g, i) => (g < 0 ? 0 : c[g]! * weight[i]!));
}
