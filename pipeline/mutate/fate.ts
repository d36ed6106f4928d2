/** What becomes of one mutant: tests are run against it, the quickest first, until one of them fails. */

import type { Worker } from './pool.ts';
import type { Fate, Mutant } from './score.ts';
import type { Timed } from './survey.ts';

/** What is known to be equivalent is only tried with tests of so many milliseconds, to see whether it still is. */
const QUICK = 300;

/** Milliseconds that a worker needs to start, and how many times longer than without a mutant a test may take. */
const START = 5000;
const LONGER = 10;

export async function fateOf(worker: Worker, mutant: Mutant, timed: readonly Timed[], known: boolean): Promise<Fate> {
  const { file, point, variant, place } = mutant;
  const relevant = timed.filter(({ reached, files }) => (place.atLoad ? files.has(file) : reached.has(point)));
  if (relevant.length === 0) return 'unreached';
  // What a module calls while it is loaded shows only where it is loaded anew.
  const again = place.atLoad ? [] : relevant.filter(({ atLoad }) => atLoad.has(point));
  for (const [tests, fresh] of [
    [relevant, place.atLoad],
    [again, true],
  ] as const) {
    for (const { bundle, unit, ms } of tests.filter((test) => !known || test.ms < QUICK)) {
      const reply = await worker.ask({ kind: 'run', bundle, unit, point, variant, fresh }, START + LONGER * ms);
      if (reply === null) return 'timeout';
      if (reply.failure !== null) return 'killed';
    }
  }
  return 'survived';
}
