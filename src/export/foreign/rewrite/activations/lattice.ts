/**
 * Householder activations of order 2 (Singla et al. 2021): the plane is cut into four sectors, which are reflected and
 * rotated in turn. Each half of the result is max over some i of min over some k of linear functions, as every
 * continuous piecewise linear function is (Ovchinnikov 2002). The proof takes that, with a bound above 1.
 */
import type { Builder } from '../rewriter.ts';

/** Directions with the same map: φ ↦ sign·φ + offset. */
export interface Sector {
  readonly sign: 1 | -1;
  readonly offset: number;
  /** A direction in its middle. */
  readonly middle: number;
}

type Row = readonly [number, number];

/** For one half of the result: the rows of min over each list, and max over the lists. */
type Lattice = readonly (readonly Row[])[];

const TOLERANCE = 1e-6;
const DIRECTIONS = 720;
const at = ([x, y]: Row, angle: number) => x * Math.cos(angle) + y * Math.sin(angle);

/** Row `half` of the sector's matrix. */
function rowOf({ sign, offset }: Sector, half: number): Row {
  const [c, s] = [Math.cos(offset), Math.sin(offset)];
  return half === 0 ? [c, -sign * s] : [s, sign * c];
}

/** The ray at which the maps of two neighbours, one a reflection, agree. */
function rayBetween(a: Sector, b: Sector): number {
  const ray = (b.offset - a.offset) / (a.sign - b.sign);
  const end = b.middle > a.middle ? b.middle : b.middle + 2 * Math.PI;
  return ray + Math.PI * Math.round(((a.middle + end) / 2 - ray) / Math.PI);
}

const latticeAt = (lattice: Lattice, angle: number) =>
  Math.max(...lattice.map((rows) => Math.min(...rows.map((row) => at(row, angle)))));

/** Leaves out what does not change the function. */
function shortened(lattice: Lattice): Lattice {
  const angles = Array.from({ length: DIRECTIONS }, (_, i) => (2 * Math.PI * (i + 0.37)) / DIRECTIONS);
  const values = angles.map((angle) => latticeAt(lattice, angle));
  const same = (other: Lattice) =>
    other.every((rows) => rows.length > 0) &&
    other.length > 0 &&
    angles.every((angle, i) => Math.abs(latticeAt(other, angle) - values[i]!) < TOLERANCE);
  let result = lattice;
  for (let i = lattice.length - 1; i >= 0; i--) {
    const without = result.filter((_, other) => other !== i);
    if (same(without)) result = without;
  }
  for (let i = 0; i < result.length; i++) {
    for (let k = result[i]!.length - 1; k >= 0; k--) {
      const without = result.map((rows, other) => (other === i ? rows.filter((_, own) => own !== k) : rows));
      if (same(without)) result = without;
    }
  }
  return result;
}

/** Both halves of a pair's function; null if neighbours are not a reflection and a rotation. */
export function latticesOf(sectors: readonly Sector[]): readonly [Lattice, Lattice] | null {
  const next = (i: number) => sectors[(i + 1) % sectors.length]!;
  if (sectors.length < 2 || sectors.some((sector, i) => sector.sign === next(i).sign)) return null;
  const ends = sectors.map((sector, i) => rayBetween(sector, next(i)));
  const half = (which: number): Lattice => {
    const rows = sectors.map((sector) => rowOf(sector, which));
    return shortened(
      rows.map((own, i) => {
        const rays = [ends.at(i - 1)!, ends[i]!];
        return rows.filter((row) => rays.every((ray) => at(row, ray) >= at(own, ray) - TOLERANCE));
      }),
    );
  };
  return [half(0), half(1)];
}

/** The pair's result for (a, b). */
export function latticeValue(lattices: readonly [Lattice, Lattice], [a, b]: Row): Row {
  const [length, angle] = [Math.hypot(a, b), Math.atan2(b, a)];
  return [length * latticeAt(lattices[0], angle), length * latticeAt(lattices[1], angle)];
}

/** A matrix on the channels, from rows [outputs, inputs]. */
export type ChannelMap = (x: string, outputs: number, inputs: number, rows: Float32Array) => string;

/** All rows at once, and the min and the max over two axes of their own; `axis` is that of the channels. */
export function writeLattices(
  make: Builder,
  source: string,
  pairs: readonly (readonly [Lattice, Lattice])[],
  dims: readonly number[],
  axis: number,
  map: ChannelMap,
): string {
  const all = pairs.flat();
  const terms = Math.max(...all.map(({ length }) => length));
  const size = Math.max(...all.flatMap((lattice) => lattice.map(({ length }) => length)));
  const channels = 2 * pairs.length;
  const V = new Float32Array(size * terms * channels * channels);
  pairs.forEach((halves, pair) => {
    halves.forEach((lattice, half) => {
      for (let t = 0; t < terms; t++) {
        const rows = lattice[Math.min(t, lattice.length - 1)]!;
        for (let k = 0; k < size; k++) {
          const [a, b] = rows[Math.min(k, rows.length - 1)]!;
          const output = (k * terms + t) * channels + half * pairs.length + pair;
          V[output * channels + pair] = a;
          V[output * channels + pairs.length + pair] = b;
        }
      }
    });
  });
  const rows = map(source, size * terms * channels, channels, V);
  const rest = dims.slice(1);
  const split = make.op('Reshape', [rows, make.integers([-1, ...rest.toSpliced(axis - 1, 1, size, terms, channels)])]);
  const least = make.op('ReduceMin', [split, make.integers([axis])], { keepdims: 0 });
  return make.op('ReduceMax', [least, make.integers([axis])], { keepdims: 0 });
}
