/**
 * Mutation test of the proof: switches off one condition of `trusted/{bounds,walk,rules}`, `head.ts`, `head-graph.ts` and `margin.ts` at a time, and reports which of
 * these mutants the suite does not notice. `make mutate`; no part of `make test`.
 *
 *   node --import tsx pipeline/mutate.ts [--only TEXT] [--tests TEXT,…] [--again] [--every N] [--jobs N] [--out FILE] [--root FOLDER]
 *
 * --only: files of the proof whose path contains TEXT. --tests: test files likewise. --every: each Nth mutant, an estimate.
 * --again: only what lived in the recorded run, of the same sources. The result of a whole run is written to docs/mutation.json, that of
 * a part to --out. Survivors that nothing can kill are in pipeline/mutate/equivalent.json, each with its reason.
 * Exit 1 where fewer than 95 % of the others are killed.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleTests, mutatedFiles } from './mutate/bundle.ts';
import { inParallel, Worker } from './mutate/pool.ts';
import {
  type Fate,
  isOneOf,
  type Mutant,
  mutantsOf,
  nameOf,
  readEquivalents,
  type Score,
  scoreOf,
} from './mutate/score.ts';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const LEAST = 0.95;

/** Milliseconds that a test may take without a mutant, and that a brief one takes. */
const LONGEST = 600_000;
const BRIEF = 1000;

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
const TRUSTED = 'src/certify-runtime/trusted';

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** Where the whole result is kept; that of a part only where it is asked for. */
const record = options.out ?? join(HERE, 'docs/mutation.json');
const whole = !options.again && options.every === '1' && options.only === '' && options.tests === '';

/**
 * What holds the proof: its own tests, the margin's, and the attacks that look for a false radius. Left out are ten thousand
 * graphs for each mutant, and the hostile files, whose test takes the prover from a folder that it is told.
 */
const SUITE = [
  /^test\/certify-runtime\/trusted\/(?!campaign|combinations|formats|hostile|mutation|onnx).*\.test\.ts$/,
  /^test\/evaluate\/attack\/(large-bias|summation-orders|known-radius)\.test\.ts$/,
];

const proof = await Promise.all(['bounds', 'walk', 'rules'].map((room) => filesUnder(`${TRUSTED}/${room}`)));
const files = [...proof.flat(), ...['head.ts', 'head-graph.ts', 'margin.ts'].map((name) => `${TRUSTED}/${name}`)];
const sources = files.filter((file) => file.includes(options.only));
const wanted = options.tests.split(',');
const tests = (await filesUnder('test')).filter(
  (file) => SUITE.some((kind) => kind.test(file)) && wanted.some((text) => file.includes(text)),
);
const mutated = await mutatedFiles(root, sources);
const points = mutated.reduce((n, file) => n + file.points.length, 0);
const all = mutantsOf(mutated);
const equivalents = await readEquivalents(join(HERE, 'pipeline/mutate/equivalent.json'));

// Inside the project, so that packages are found from the bundles.
const folder = join(HERE, 'node_modules/.cache/glean-mutate', String(process.pid));
await mkdir(folder, { recursive: true });
const workers = Array.from({ length: Number(options.jobs) }, () => new Worker());
const begin = performance.now();
const elapsed = (): string => `${Math.round((performance.now() - begin) / 1000)} s`;

/** A test that was run once without mutants. */
interface Timed {
  readonly bundle: string;
  readonly unit: number;
  readonly name: string;
  readonly reached: ReadonlySet<number>;
  readonly files: ReadonlySet<string>;
  readonly ms: number;
}

/** Tests that fail without any mutant, and so tell nothing of one. */
const useless: string[] = [];

/** Runs every test once for coverage and again for its time; a brief one twice, since most mutants meet it compiled. */
async function survey(): Promise<Timed[]> {
  const covering = await bundleTests(root, tests, mutated, join(folder, 'coverage'), true);
  const running = await bundleTests(root, tests, mutated, join(folder, 'run'), false);
  const timed: Timed[] = [];
  await inParallel(workers, running, async (worker, { test, bundle, files }, i) => {
    const reply = await worker.ask({ kind: 'survey', bundle: covering[i]!.bundle, points }, LONGEST);
    if (reply === null || reply.failure !== null) throw new Error(`${test}: ${reply?.failure ?? 'the worker died'}`);
    for (const [unit, { name, failure, reached }] of reply.units.entries()) {
      const none = { kind: 'run', bundle, unit, point: -1, variant: 0, fresh: false } as const;
      let again = await worker.ask(none, LONGEST);
      if (again !== null && again.ms < BRIEF) again = await worker.ask(none, LONGEST);
      const failed = failure ?? (again === null ? 'no answer' : again.failure);
      if (failed !== null) useless.push(`${test}, "${name}": ${failed}`);
      else timed.push({ bundle, unit, name, reached: new Set(reached), files, ms: again!.ms });
    }
  });
  return timed.sort((a, b) => a.ms - b.ms);
}

/** What is known to be equivalent is only tried with the quick tests, to see whether it still is. */
const QUICK = 300;

async function fateOf(worker: Worker, mutant: Mutant, timed: readonly Timed[]): Promise<Fate> {
  const { file, point, variant, place } = mutant;
  const fresh = place.atLoad;
  const relevant = timed.filter(({ reached, files }) => (fresh ? files.has(file) : reached.has(point)));
  if (relevant.length === 0) return 'unreached';
  const known = isOneOf(mutant, equivalents);
  for (const { bundle, unit, ms } of relevant.filter((test) => !known || test.ms < QUICK)) {
    const reply = await worker.ask({ kind: 'run', bundle, unit, point, variant, fresh }, 3000 + 10 * ms);
    if (reply === null) return 'timeout';
    if (reply.failure !== null) return 'killed';
  }
  return 'survived';
}

/** What is known of a mutant from an earlier run: nothing of those that lived, for whatever reason. */
function fateBefore(mutant: Mutant, before: Score | null): Fate {
  return before === null || isOneOf(mutant, [...before.survivors, ...before.equivalents]) ? 'unknown' : 'killed';
}

try {
  const timed = await survey();
  const seconds = timed.reduce((s, { ms }) => s + ms / 1000, 0);
  for (const one of useless) console.log(`fails without any mutant, left out: ${one}`);
  console.log(`${tests.length} files with ${timed.length} tests, ${seconds.toFixed(1)} s; surveyed in ${elapsed()}`);
  const before = options.again ? (JSON.parse(await readFile(record, 'utf8')) as Score) : null;
  const chosen = all.filter((_, i) => i % Number(options.every) === 0);
  const fates: Fate[] = chosen.map((mutant) => fateBefore(mutant, before));
  const mutants = [...chosen.keys()].filter((i) => fates[i] === 'unknown');
  console.log(`${all.length} mutants of ${sources.length} files, ${mutants.length} to run`);
  await inParallel(workers, mutants, async (worker, which, i) => {
    const mutant = chosen[which]!;
    const fate = await fateOf(worker, mutant, timed);
    fates[which] = fate;
    if (fate === 'survived' || fate === 'unreached') {
      const { file, within, original, mutated: text } = nameOf(mutant);
      console.log(`${fate} ${file}:${mutant.place.line} ${within}: ${original}  →  ${text}`);
    }
    if (i % 100 === 99) console.log(`… ${i + 1} of ${mutants.length}, ${elapsed()}`);
  });
  const score = scoreOf(chosen, fates, equivalents);
  if (options.out !== undefined || options.again || whole)
    await writeFile(record, `${JSON.stringify(score, null, 2)}\n`);
  for (const { file, original, mutated: text } of score.stale) console.log(`stale: ${file}: ${original}  →  ${text}`);
  console.log(
    `${score.killed} of ${score.mutants - score.equivalent} killed (${(100 * score.score).toFixed(1)} %), ` +
      `${score.equivalent} equivalent, ${score.survivors.length} survive; ${elapsed()}`,
  );
  process.exitCode = score.score >= LEAST ? 0 : 1;
} finally {
  for (const worker of workers) worker.end();
  await rm(folder, { recursive: true, force: true });
}
