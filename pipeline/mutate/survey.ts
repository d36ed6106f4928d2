/** What every test reaches without a mutant, and how long it takes. */

import { join } from 'node:path';
import { bundleTests, type Mutated } from './bundle.ts';
import { inParallel, type Worker } from './pool.ts';
import type { Reply } from './worker.ts';

/** Milliseconds of processor time that a test may take without a mutant, and that a brief one takes. */
const LONGEST = 600_000;
const BRIEF = 1000;

/** A test that was run once without mutants. */
export interface Timed {
  readonly bundle: string;
  readonly unit: number;
  /** Points that it reached. */
  readonly reached: ReadonlySet<number>;
  /** Points that its file reached while it was loaded. */
  readonly atLoad: ReadonlySet<number>;
  /** Mutated files that its bundle contains. */
  readonly files: ReadonlySet<string>;
  /** Of processor time. */
  readonly ms: number;
}

export interface Survey {
  /** The quickest first. */
  readonly timed: readonly Timed[];
  /** Tests that fail without any mutant, and so tell nothing of one. */
  readonly useless: readonly string[];
}

/** Runs every test once for coverage, and a brief one twice again for its time, since most mutants meet it compiled. */
export async function survey({
  root,
  tests,
  mutated,
  folder,
  workers,
  progress,
}: {
  readonly root: string;
  readonly tests: readonly string[];
  readonly mutated: readonly Mutated[];
  readonly folder: string;
  readonly workers: readonly Worker[];
  /** Called whenever a file is done. */
  readonly progress: (files: number) => void;
}): Promise<Survey> {
  const points = mutated.reduce((n, file) => n + file.points.length, 0);
  const covering = await bundleTests(root, tests, mutated, join(folder, 'coverage'), true);
  const running = await bundleTests(root, tests, mutated, join(folder, 'run'), false);
  const timed: Timed[] = [];
  const useless: string[] = [];
  let files = 0;
  await inParallel(workers, running, async (worker, { test, bundle, files: contained }, i) => {
    const reply = await worker.ask({ kind: 'survey', bundle: covering[i]!.bundle, points }, LONGEST);
    if (reply === null || reply.failure !== null) {
      useless.push(`${test}: ${reply?.failure ?? 'no answer'}`);
    }
    const atLoad = new Set(reply?.atLoad);
    for (const [unit, { name, failure, reached, ms }] of (reply?.units ?? []).entries()) {
      const none = { kind: 'run', bundle, unit, point: -1, variant: 0, fresh: false } as const;
      const again: (Reply | null)[] = [];
      while (failure === null && ms < BRIEF && again.length < 2) again.push(await worker.ask(none, LONGEST));
      const failed = failure ?? again.find((one) => one === null || one.failure !== null);
      if (failed === undefined) {
        const known = { bundle, unit, reached: new Set(reached), atLoad, files: contained };
        timed.push({ ...known, ms: again.at(-1)?.ms ?? ms });
      } else useless.push(`${test}, "${name}": ${typeof failed === 'string' ? failed : 'fails the second time'}`);
    }
    progress(++files);
  });
  return { timed: timed.sort((a, b) => a.ms - b.ms), useless };
}
