/** What a section of `glean bench` is and gives, and the statistics that sections share. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** '×' for a ratio of two things measured in one run. */
  readonly unit: string;
  /** The first and third quartile of the rounds, or the lowest and highest if there are few. */
  readonly spread?: readonly [number, number];
  /** The limit that the project asks for. */
  readonly limit?: { readonly at: 'most' | 'least'; readonly value: number };
}

export interface BenchSection {
  readonly name: string;
  readonly title: string;
  run(options: { readonly quick: boolean; readonly say: (line: string) => void }): Promise<readonly Figure[]>;
}

/** Whether the figure meets its limit; true if it has none. */
export function holds({ value, limit }: Figure): boolean {
  if (limit === undefined) return true;
  return limit.at === 'most' ? value <= limit.value : value >= limit.value;
}

/** First quartile, median and third quartile. */
export function quartiles(values: readonly number[]): readonly [number, number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return [at(0.25), at(0.5), at(0.75)];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
