/** What a measurement of `glean bench` is. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** '×' for a ratio of two things measured in one run. */
  readonly unit: string;
  /** First and third quartile of the rounds, or lowest and highest where there are few. */
  readonly spread?: readonly [number, number];
  /** What the project asks for. */
  readonly limit?: { readonly at: 'most' | 'least'; readonly value: number };
}

export interface BenchSection {
  readonly name: string;
  readonly title: string;
  run(options: { readonly quick: boolean; readonly say: (line: string) => void }): Promise<readonly Figure[]>;
}

/** Whether the figure is what is asked for; true where nothing is. */
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
