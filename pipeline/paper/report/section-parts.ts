/** What the sections of results share: the problems, and the rows and blocks that are there. */
import type { Section, Task } from '../experiment.ts';
import { type Block, type Figure, paragraph } from './document.ts';
import { type Evidence, placed } from './evidence.ts';
import { NOT_RUN } from './tables.ts';

/** The paper's three problems, or their substitutes here; `place` says in whose place one stands. */
export const MAIN_TASKS: readonly { readonly task: Task; readonly title: string; readonly place?: string }[] = [
  { task: 'cmnist', title: 'Coloured MNIST' },
  { task: 'avatars', title: 'avatars', place: 'in the place of CelebA' },
  { task: 'avatars-glasses', title: 'avatars-glasses', place: 'which nobody tuned on' },
  {
    task: 'emoji-cue',
    title: 'emoji, style as the cue',
    place: "in the place of DomainNet as the paper's code uses it",
  },
  { task: 'emoji-cue-large', title: 'emoji, style as the cue, more icons', place: 'with twice as many icons' },
  {
    task: 'emoji-large',
    title: 'more emoji, openmoji held out',
    place: 'in the place of DomainNet with one domain held out',
  },
  { task: 'emoji-large-noto', title: 'more emoji, noto held out', place: 'with another domain held out' },
  {
    task: 'emoji-large-high-contrast',
    title: 'more emoji, fluent-emoji-high-contrast held out',
    place: 'with a third domain held out',
  },
  { task: 'emoji', title: 'emoji, openmoji held out', place: 'on fewer icons and families' },
];

export const present = <T>(...values: readonly (T | undefined)[]): T[] => values.flatMap((value) => value ?? []);

export function rowsOf(evidence: readonly Evidence[], section: Section, task?: Task): readonly Evidence[] {
  return placed(evidence, section, task).map(({ of }) => of);
}

/** GLEAN's row of a problem: the plan's first sealed experiment that is told no more than the others. */
export function gleanOf(rows: readonly Evidence[]): Evidence | undefined {
  return rows.find(({ experiment }) => experiment.measurement.kind === 'sealed' && experiment.oracle === null);
}

/** A line for figures without results. */
export function absent(figures: readonly (Figure | undefined)[]): readonly Block[] {
  const missing = figures.filter((figure) => figure === undefined).length;
  return missing === 0 ? [] : [paragraph(`${missing} of ${figures.length} figures: ${NOT_RUN}.`)];
}
