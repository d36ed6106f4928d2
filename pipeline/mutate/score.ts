/** What the mutation test found of one file; and the survivors that nothing can kill. */

import { createHash } from 'node:crypto';
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
  readonly within: string;
  readonly original: string;
  readonly mutated: string;
}

/** A mutant that no test can kill, and why; without `within` it is meant wherever it is found in the file. */
export interface Equivalent extends Omit<Named, 'within'> {
  readonly file: string;
  readonly within?: string;
  readonly reason: string;
}

/** One that lived; with a reason if it is equivalent. */
type Lived = Named & { readonly line: number; readonly unreached?: true; readonly reason?: string };

/** What is recorded of a file. */
export interface FileScore {
  /** Of the source that was mutated. */
  readonly sha256: string;
  readonly mutants: number;
  readonly killed: number;
  /** Of the killed ones, those that never returned. */
  readonly timedOut: number;
  readonly survivors: readonly Lived[];
  readonly equivalents: readonly Lived[];
}

const plain = (text: string): string => text.replace(/\s+/g, ' ');

export function nameOf({ variant, place }: Mutant): Named {
  return { within: place.within, original: plain(place.original), mutated: plain(place.variants[variant]!) };
}

export function mutantsOf({ file, first, points }: Mutated): Mutant[] {
  return points.flatMap((place, i) => place.variants.map((_, variant) => ({ file, point: first + i, variant, place })));
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export async function readEquivalents(path: string): Promise<Equivalent[]> {
  return JSON.parse(await readFile(path, 'utf8')) as Equivalent[];
}

function fits(entry: Omit<Named, 'within'> & { readonly within?: string }, name: Named): boolean {
  return (
    (entry.within ?? name.within) === name.within && entry.original === name.original && entry.mutated === name.mutated
  );
}

/** The entry of the list that says why a mutant is equivalent. */
export function equivalentOf(mutant: Mutant, list: readonly Equivalent[]): Equivalent | undefined {
  const name = nameOf(mutant);
  return list.find((one) => one.file === mutant.file && fits(one, name));
}

/** What is known of a mutant from an earlier run of the same source: nothing of those that lived, for whatever reason. */
export function fateBefore(mutant: Mutant, before: FileScore | undefined): Fate {
  if (before === undefined) return 'unknown';
  const name = nameOf(mutant);
  return [...before.survivors, ...before.equivalents].some((one) => fits(one, name)) ? 'unknown' : 'killed';
}

export function scoreOf(
  { text }: Mutated,
  mutants: readonly Mutant[],
  fates: readonly Fate[],
  list: readonly Equivalent[],
): FileScore {
  const survivors: Lived[] = [];
  const equivalents: Lived[] = [];
  mutants.forEach((mutant, i) => {
    const fate = fates[i]!;
    if (fate === 'killed' || fate === 'timeout') return;
    const reason = equivalentOf(mutant, list)?.reason;
    const lived: Lived = {
      ...nameOf(mutant),
      line: mutant.place.line,
      ...(fate === 'unreached' ? { unreached: true } : {}),
    };
    if (reason === undefined) survivors.push(lived);
    else equivalents.push({ ...lived, reason });
  });
  return {
    sha256: digestOf(text),
    mutants: mutants.length,
    killed: mutants.length - survivors.length - equivalents.length,
    timedOut: fates.filter((fate) => fate === 'timeout').length,
    survivors,
    equivalents,
  };
}
