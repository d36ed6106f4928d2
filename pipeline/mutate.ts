/**
 * Mutation test of the proof: switches off one condition, bound or rounding of src/certify-runtime/trusted at a time, and
 * reports which of these mutants the suite does not notice. `make mutate`; no part of `make test`.
 *
 *   node --import tsx pipeline/mutate.ts [--only TEXT,…] [--again] [--tests TEXT,…] [--every N] [--jobs N] [--out FILE] [--root FOLDER]
 *
 * --only: sources whose path contains one of the texts. --again: what is recorded as killed, in a source that has not
 * changed since, is believed; so a run that was ended goes on. --tests: test files whose path contains one of the texts,
 * and --every: each Nth mutant; for an estimate, which is recorded nowhere but in --out.
 *
 * Each file that is done is written to docs/mutation.json at once, with the SHA-256 of the source, so a run may be of any
 * part; the last lines say which entries are of a source that is no more. Survivors that nothing can kill are in
 * pipeline/mutate/equivalent.json, each with its reason. Exit 1 where fewer than 95 % of the others were killed.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Mutated, mutatedFiles } from './mutate/bundle.ts';
import { fateOf } from './mutate/fate.ts';
import { inParallel, Worker } from './mutate/pool.ts';
import { type Entries, readRecord, totalsOf, writeRecord } from './mutate/record.ts';
import {
  digestOf,
  equivalentOf,
  type Fate,
  type FileScore,
  fateBefore,
  mutantsOf,
  nameOf,
  readEquivalents,
  scoreOf,
} from './mutate/score.ts';
import { PARTS, type Part } from './mutate/suite.ts';
import { survey, type Timed } from './mutate/survey.ts';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const TRUSTED = 'src/certify-runtime/trusted';
const LEAST = 0.95;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    tests: { type: 'string', default: '' },
    again: { type: 'boolean', default: false },
    every: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string' },
    root: { type: 'string', default: HERE },
  },
});
const root = resolve(options.root);
const containsOneOf = (path: string, texts: string): boolean => texts.split(',').some((text) => path.includes(text));

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

const estimate = options.every !== '1' || options.tests !== '';
const record = options.out ?? (estimate ? undefined : join(HERE, 'docs/mutation.json'));
const recorded = async (): Promise<Entries> => (record === undefined ? {} : readRecord(record));

const allSources = await filesUnder(TRUSTED);
const allTests = await filesUnder('test');
const equivalents = await readEquivalents(join(HERE, 'pipeline/mutate/equivalent.json'));
const digests = new Map((await mutatedFiles(root, allSources)).map(({ file, text }) => [file, digestOf(text)]));

// Inside the project, so that packages are found from the bundles.
const folder = join(HERE, 'node_modules/.cache/glean-mutate', String(process.pid));
await mkdir(folder, { recursive: true });
const workers = Array.from({ length: Number(options.jobs) }, () => new Worker());
const begin = performance.now();
const elapsed = (): string => `${Math.round((performance.now() - begin) / 1000)} s`;

async function scoreFile(source: Mutated, timed: readonly Timed[], before: FileScore | undefined): Promise<FileScore> {
  const mutants = mutantsOf(source).filter((_, i) => i % Number(options.every) === 0);
  const fates: Fate[] = mutants.map((mutant) => fateBefore(mutant, before));
  const open = [...mutants.keys()].filter((i) => fates[i] === 'unknown');
  await inParallel(workers, open, async (worker, which) => {
    const mutant = mutants[which]!;
    const known = equivalentOf(mutant, equivalents) !== undefined;
    const fate = await fateOf(worker, mutant, timed, known);
    fates[which] = fate;
    if (!known && (fate === 'survived' || fate === 'unreached')) {
      const { within, original, mutated } = nameOf(mutant);
      console.log(`${fate} ${source.file}:${mutant.place.line} ${within}: ${original}  →  ${mutated}`);
    }
  });
  return scoreOf(source, mutants, fates, equivalents);
}

const line = (name: string, entries: readonly FileScore[]): string => {
  const { score, mutants, killed, equivalent, survivors } = totalsOf(entries);
  const share = (100 * score).toFixed(1);
  return `${name}: ${killed} of ${mutants - equivalent} killed (${share} %), ${equivalent} equivalent, ${survivors} survive; ${elapsed()}`;
};

const done: Record<string, FileScore> = {};

async function runPart(part: Part): Promise<void> {
  const before = options.again ? await recorded() : {};
  const sources = allSources.filter(
    (file) => part.sources.test(relative(TRUSTED, file)) && containsOneOf(file, options.only),
  );
  if (sources.length === 0) return;
  const tests = allTests.filter(
    (file) => part.tests.some((kind) => kind.test(file)) && containsOneOf(file, options.tests),
  );
  const mutated = await mutatedFiles(root, sources);
  const progress = (files: number): void => {
    if (files % 10 === 0) console.log(`… ${files} of ${tests.length} test files surveyed, ${elapsed()}`);
  };
  const { timed, useless } = await survey({ root, tests, mutated, folder, workers, progress });
  for (const one of useless) console.log(`fails without any mutant, left out: ${one}`);
  const seconds = timed.reduce((sum, { ms }) => sum + ms / 1000, 0).toFixed(1);
  console.log(`${part.name}: ${tests.length} files with ${timed.length} tests, ${seconds} s; surveyed in ${elapsed()}`);
  for (const source of mutated) {
    const known = before[source.file];
    const score = await scoreFile(source, timed, known?.sha256 === digestOf(source.text) ? known : undefined);
    done[source.file] = score;
    console.log(line(relative(TRUSTED, source.file), [score]));
    if (record === undefined) continue;
    const kept = Object.entries(await recorded()).filter(([file]) => digests.has(file));
    await writeRecord(record, { ...Object.fromEntries(kept), [source.file]: score });
  }
}

/** Reasons that fit no survivor of the files that were run. */
function tellUnused(): void {
  for (const { file, original, mutated, within } of equivalents) {
    const used = done[file]?.equivalents.some(
      (one) => one.original === original && one.mutated === mutated && (within ?? one.within) === one.within,
    );
    if (used === false || !digests.has(file)) console.log(`no such survivor: ${file}: ${original}  →  ${mutated}`);
  }
}

try {
  for (const part of PARTS) await runPart(part);
  tellUnused();
  if (record !== undefined) {
    const entries = await recorded();
    console.log(line('recorded', Object.values(entries)));
    const changed = [...digests].filter(([file, digest]) => entries[file]?.sha256 !== digest).map(([file]) => file);
    const tell = (what: string, files: readonly string[]): void => {
      const names = files.map((file) => relative(TRUSTED, file)).join(', ');
      if (names !== '') console.log(`${what}: ${names}`);
    };
    tell(
      'recorded of another source',
      changed.filter((file) => entries[file] !== undefined),
    );
    tell(
      'not recorded',
      changed.filter((file) => entries[file] === undefined),
    );
  }
  console.log(line('this run', Object.values(done)));
  process.exitCode = totalsOf(Object.values(done)).score >= LEAST ? 0 : 1;
} finally {
  for (const worker of workers) worker.end();
  await rm(folder, { recursive: true, force: true });
}
