/** The record of the mutation test, docs/mutation.json: an entry for each file, made from the source whose digest it has. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../src/files/atomic-file.ts';
import type { FileScore } from './score.ts';

export type Entries = Readonly<Record<string, FileScore>>;

export interface Totals {
  /** Killed ÷ those that are not equivalent; 1 if there are none. */
  readonly score: number;
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly equivalent: number;
  readonly survivors: number;
}

export function totalsOf(entries: readonly FileScore[]): Totals {
  const total = (of: (entry: FileScore) => number): number => entries.reduce((sum, entry) => sum + of(entry), 0);
  const mutants = total((entry) => entry.mutants);
  const killed = total((entry) => entry.killed);
  const equivalent = total((entry) => entry.equivalents.length);
  return {
    score: mutants === equivalent ? 1 : killed / (mutants - equivalent),
    mutants,
    killed,
    timedOut: total((entry) => entry.timedOut),
    equivalent,
    survivors: total((entry) => entry.survivors.length),
  };
}

export async function readRecord(path: string): Promise<Entries> {
  if (!existsSync(path)) return {};
  return (JSON.parse(await readFile(path, 'utf8')) as { readonly files: Entries }).files;
}

/** Writes the entries in the order of their paths, below their totals. */
export async function writeRecord(path: string, entries: Entries): Promise<void> {
  const files = Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFileAtomic(path, `${JSON.stringify({ ...totalsOf(Object.values(files)), files }, null, 2)}\n`);
}
