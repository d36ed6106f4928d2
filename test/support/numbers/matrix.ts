/** Naive float64 linear algebra and differences: what the tests of training hold TensorFlow's float32 against. */

/** Rows of a matrix. */
export type Rows = readonly (readonly number[])[];

export const rowsOf = (data: ArrayLike<number>, columns: number): number[][] =>
  Array.from({ length: data.length / columns }, (_, r) =>
    Array.from({ length: columns }, (_, c) => data[r * columns + c]!),
  );
export const identity = (n: number): number[][] =>
  Array.from({ length: n }, (_, r) => Array.from({ length: n }, (_, c) => (r === c ? 1 : 0)));
export const transpose = (a: Rows): number[][] => a[0]!.map((_, c) => a.map((row) => row[c]!));
const combine = (a: Rows, b: Rows, f: (x: number, y: number) => number): number[][] =>
  a.map((row, r) => row.map((x, c) => f(x, b[r]![c]!)));
export const add = (a: Rows, b: Rows) => combine(a, b, (x, y) => x + y);
export const subtract = (a: Rows, b: Rows) => combine(a, b, (x, y) => x - y);
export const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
export const norm = (a: Rows): number => Math.sqrt(a.reduce((sum, row) => sum + dot(row, row), 0));

export function multiply(a: Rows, b: Rows): number[][] {
  return a.map((row) => {
    const out = new Array<number>(b[0]!.length).fill(0);
    row.forEach((x, k) => {
      const source = b[k]!;
      for (let c = 0; c < out.length; c++) out[c]! += x * source[c]!;
    });
    return out;
  });
}

/** A⁻¹ by Gauss–Jordan elimination with partial pivoting. */
export function invert(a: Rows): number[][] {
  const n = a.length;
  const work = a.map((row, r) => [...row, ...identity(n)[r]!]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let r = column + 1; r < n; r++) {
      if (Math.abs(work[r]![column]!) > Math.abs(work[pivot]![column]!)) pivot = r;
    }
    [work[column], work[pivot]] = [work[pivot]!, work[column]!];
    const top = work[column]!;
    const scale = top[column]!;
    if (scale === 0) throw new RangeError('singular');
    for (let c = 0; c < 2 * n; c++) top[c]! /= scale;
    for (let r = 0; r < n; r++) {
      const factor = r === column ? 0 : work[r]![column]!;
      if (factor !== 0) for (let c = column; c < 2 * n; c++) work[r]![c]! -= factor * top[c]!;
    }
  }
  return work.map((row) => row.slice(n));
}

/** Largest entry of |A − B|. */
export function distance(a: Rows, b: Rows): number {
  return combine(a, b, (x, y) => Math.abs(x - y)).reduce(
    (worst, row) => row.reduce((w, x) => Math.max(w, x), worst),
    0,
  );
}

/** ∂f/∂x_i by central differences with step h; error O(h²). */
export function differences(f: (x: number[]) => number, x: readonly number[], h: number): number[] {
  return x.map((value, i) => {
    const at = (moved: number) => f(x.map((other, j) => (j === i ? moved : other)));
    return (at(value + h) - at(value - h)) / (2 * h);
  });
}
