/**
 * What the GLEAN paper reports (Qiao, Yin, Chen & Ma, Certified Causal Defense with Generalizable Robustness, AAAI
 * 2025, arXiv 2408.15451): its Tables 1 and 2. Nothing here is estimated from a picture.
 */
import { readFileSync } from 'node:fs';
import type { Task } from './tasks.ts';

/** A row of Table 2. */
export interface PublishedRow {
  /** The problem here that it stands beside. */
  readonly task: Task;
  /** The paper's data set. */
  readonly dataSet: string;
  readonly method: string;
  /** Certified accuracy as fractions of 1, by radius. */
  readonly certifiedAccuracy: Readonly<Record<string, number>>;
  readonly acr: number;
}

/** A row of Table 1: randomized smoothing with σ = 0.25. */
interface PublishedShift {
  readonly dataSet: string;
  /** As a fraction of 1. */
  readonly accuracy: number;
  readonly acr: number;
}

/** The paper's data sets, and the problems here that have the same task or stand in their place. */
const BESIDE: Readonly<Record<string, Task>> = { CMNIST: 'cmnist', CelebA: 'avatars', DomainNet: 'emoji-cue' };

/** The lines of a table, the first of which names the columns. */
function readTable(name: string): readonly (readonly string[])[] {
  const text = readFileSync(new URL(`./published/${name}.csv`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(','));
}

const percent = (value: string) => Number((Number(value) / 100).toFixed(6));

/** Table 1. */
export const SHIFT: readonly PublishedShift[] = readTable('table-1')
  .slice(1)
  .map(([dataSet, accuracy, acr]) => ({ dataSet: dataSet!, accuracy: percent(accuracy!), acr: Number(acr) }));

function tableTwo(): readonly PublishedRow[] {
  const [columns, ...rows] = readTable('table-2');
  const radii = columns!.slice(2, -1).map((column) => column.replace('r=', ''));
  return rows.map(([dataSet, method, ...values]) => ({
    task: BESIDE[dataSet!]!,
    dataSet: dataSet!,
    method: method!,
    certifiedAccuracy: Object.fromEntries(radii.map((r, i) => [r, percent(values[i]!)])),
    acr: Number(values.at(-1)),
  }));
}

/** Table 2. */
export const PUBLISHED: readonly PublishedRow[] = tableTwo();

/**
 * With a quarter of the labels flipped independently of the cue, no classifier that uses only the shape is right more
 * often.
 */
export const CEILING = { accuracy: 0.75, acr: 0.343 } as const;
