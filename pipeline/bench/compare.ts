/** Times two contenders in turn. */
import { type Figure, quartiles } from './bench.ts';

async function medianTime(runs: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const begin = performance.now();
    await work();
    times.push(performance.now() - begin);
  }
  return quartiles(times)[1];
}

export interface Pair {
  readonly name: string;
  readonly limit?: number;
  readonly plain: () => Promise<unknown>;
  readonly ours: () => Promise<unknown>;
}

/**
 * The ratio of medians, round by round, because neighbours in time see the same state of the machine. The contender
 * that goes first changes each round.
 */
export async function compare({ name, limit, plain, ours }: Pair, runs: number, rounds: number): Promise<Figure> {
  const ratios: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const times = { plain: 0, ours: 0 };
    const order = round % 2 === 0 ? (['plain', 'ours'] as const) : (['ours', 'plain'] as const);
    for (const key of order) times[key] = await medianTime(runs, key === 'plain' ? plain : ours);
    if (round >= 0) ratios.push(times.ours / times.plain);
  }
  const [low, value, high] = quartiles(ratios);
  const figure: Figure = { name, value, unit: '×', spread: [low, high] };
  return limit === undefined ? figure : { ...figure, limit: { at: 'most', value: limit } };
}
