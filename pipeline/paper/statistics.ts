/** Mean and standard deviation over seeds. */

export interface Spread {
  readonly mean: number;
  /** The sample's standard deviation (n − 1); null for a single value. */
  readonly deviation: number | null;
  readonly count: number;
}

/** @param values at least one */
export function spread(values: readonly number[]): Spread {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, deviation: null, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)), count };
}

/** `mean ± deviation` with these digits, times `scale`. */
export function formatSpread({ mean, deviation }: Spread, scale: number, digits: number): string {
  const value = (scale * mean).toFixed(digits);
  return deviation === null ? value : `${value} ± ${(scale * deviation).toFixed(digits)}`;
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
