/** Test statistics shared by the smoothing tests. */

/** √N · sup |empirical − F|. */
export function kolmogorovSmirnov(sample: readonly number[], F: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  let D = 0;
  sorted.forEach((x, i) => {
    D = Math.max(D, Math.abs(F(x) - i / sorted.length), Math.abs(F(x) - (i + 1) / sorted.length));
  });
  return D * Math.sqrt(sorted.length);
}

/** Σ (observed − N p)² / (N p). */
export function chiSquare(observed: readonly number[], probabilities: readonly number[]): number {
  const N = observed.reduce((sum, count) => sum + count, 0);
  return observed.reduce((sum, count, i) => sum + (count - N * probabilities[i]!) ** 2 / (N * probabilities[i]!), 0);
}
