/** What the mutation test found, as it is written down; and the survivors that nothing can kill. */

import { readFile } from 'node:fs/promises';
import type { Mutated } from './bundle.ts';
import type { Point } from './points.ts';

export interface Mutant {
  readonly file: string;
  readonly point: number;
  readonly variant: number;
  readonly place: Point;
}

export type Fate = 'unknown' | 'killed' | 'timeout' | 'survived' | 'unreached';

/** A mutant as the record names it: by what it does, since line numbers move. */
export interface Named {
  readonly file: string;
  readonly within: string;
  readonly original: string;
  readonly mutated: string;
}

/** A mutant that no test can kill, and why; without `within` it is meant wherever it is found in the file. */
export interface Equivalent extends Omit<Named, 'within'> {
  readonly within?: string;
  readonly reason: string;
}

export interface Score {
  readonly score: number;
  readonly mutants: number;
  readonly killed: number;
  /** Of the killed ones, those that never returned. */
  readonly timedOut: number;
  readonly equivalent: number;
  readonly files: Readonly<
    Record<string, { readonly mutants: number; readonly killed: number; readonly equivalent: number }>
  >;
  readonly survivors: readonly (Named & { readonly line: number; readonly unreached?: true })[];
  readonly equivalents: readonly (Equivalent & { readonly mutants: number })[];
  /** Entries of the list of equivalents that fit no survivor. */
  readonly stale: readonly Equivalent[];
}

const plain = (text: string): string => text.replace(/\s+/g, ' ');

export function nameOf({ file, variant, place }: Mutant): Named {
  return { file, within: place.within, original: plain(place.original), mutated: plain(place.variants[variant]!) };
}

export function mutantsOf(files: readonly Mutated[]): Mutant[] {
  return files.flatMap(({ file, first, points }) =>
    points.flatMap((place, i) => place.variants.map((_, variant) => ({ file, point: first + i, variant, place }))),
  );
}

export async function readEquivalents(path: string): Promise<Equivalent[]> {
  return JSON.parse(await readFile(path, 'utf8')) as Equivalent[];
}

function fits(entry: Pick<Equivalent, 'file' | 'within' | 'original' | 'mutated'>, name: Named): boolean {
  return (
    entry.file === name.file &&
    (entry.within ?? name.within) === name.within &&
    entry.original === name.original &&
    entry.mutated === name.mutated
  );
}

/** Whether a mutant is one of a list. */
export function isOneOf(mutant: Mutant, list: readonly Parameters<typeof fits>[0][]): boolean {
  const name = nameOf(mutant);
  return list.some((one) => fits(one, name));
}

export function scoreOf(mutants: readonly Mutant[], fates: readonly Fate[], list: readonly Equivalent[]): Score {
  const uses = list.map(() => 0);
  const files: Record<string, { mutants: number; killed: number; equivalent: number }> = {};
  const survivors: (Named & { line: number; unreached?: true })[] = [];
  mutants.forEach((mutant, i) => {
    files[mutant.file] ??= { mutants: 0, killed: 0, equivalent: 0 };
    const count = files[mutant.file]!;
    count.mutants++;
    const fate = fates[i]!;
    if (fate === 'killed' || fate === 'timeout') {
      count.killed++;
      return;
    }
    const name = nameOf(mutant);
    const entry = list.findIndex((one) => fits(one, name));
    if (entry >= 0) {
      uses[entry]!++;
      count.equivalent++;
    } else {
      survivors.push({ ...name, line: mutant.place.line, ...(fate === 'unreached' ? { unreached: true } : {}) });
    }
  });
  const total = (of: 'mutants' | 'killed' | 'equivalent'): number =>
    Object.values(files).reduce((n, count) => n + count[of], 0);
  return {
    score: total('killed') / (total('mutants') - total('equivalent')),
    mutants: total('mutants'),
    killed: total('killed'),
    timedOut: fates.filter((fate) => fate === 'timeout').length,
    equivalent: total('equivalent'),
    files,
    survivors,
    equivalents: list.map((one, i) => ({ ...one, mutants: uses[i]! })).filter((one) => one.mutants > 0),
    stale: list.filter((_, i) => uses[i] === 0),
  };
}
