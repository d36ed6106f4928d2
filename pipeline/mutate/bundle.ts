/** Bundles of test files, each with its own copy of the instrumented proof. */

import { readFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { instrument, PRELUDE } from './instrument.ts';
import { type Point, pointsOf } from './points.ts';

/** A file of the proof with its points, numbered from `first` on through all files. */
export interface Mutated {
  /** Relative to the root. */
  readonly file: string;
  readonly text: string;
  readonly first: number;
  readonly points: readonly Point[];
}

export async function mutatedFiles(root: string, files: readonly string[]): Promise<Mutated[]> {
  const mutated: Mutated[] = [];
  let first = 0;
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8');
    const points = pointsOf(file, text);
    mutated.push({ file, text, first, points });
    first += points.length;
  }
  return mutated;
}

const STAND_IN = fileURLToPath(new URL('node-test.ts', import.meta.url));

/** Tests that only measure time are no test of the proof, and would fail by chance on a busy machine. */
const NO_TIME = 'export function cpuSeconds(call) { call(); return 0; }';

const ENTRY = 'glean-suite';

function suite(root: string, mutated: readonly Mutated[], coverage: boolean): Plugin {
  const byPath = new Map(mutated.map((one) => [resolve(root, one.file), one]));
  return {
    name: 'mutants',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:test$/ }, () => ({ path: STAND_IN }));
      onResolve({ filter: /^suite:/ }, ({ path }) => ({ path: path.slice('suite:'.length), namespace: ENTRY }));
      // A test file is loaded by the stand-in, which gathers what it registers.
      onLoad({ filter: /.*/, namespace: ENTRY }, ({ path }) => ({
        contents: `import { collect } from ${JSON.stringify(STAND_IN)};
          export const collected = collect(() => import(${JSON.stringify(path)}));`,
        loader: 'js',
        resolveDir: root,
      }));
      onLoad({ filter: /support[/\\]cpu-time\.ts$/ }, () => ({ contents: NO_TIME, loader: 'js' }));
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const known = byPath.get(path);
        const text = known ? instrument(known.text, known.points, known.first, coverage) : await readFile(path, 'utf8');
        const contents = text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** Writes a bundle for each test file into `folder`; gives their paths and which mutated files each contains. */
export async function bundleTests(
  root: string,
  tests: readonly string[],
  mutated: readonly Mutated[],
  folder: string,
  coverage: boolean,
): Promise<{ readonly test: string; readonly bundle: string; readonly files: ReadonlySet<string> }[]> {
  const names = new Map(tests.map((test, i) => [test, `${i}-${basename(test, '.test.ts')}`]));
  const { metafile } = await build({
    entryPoints: tests.map((test) => ({ in: `suite:${resolve(root, test)}`, out: names.get(test)! })),
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', metafile: true },
    ...{ outdir: folder, outExtension: { '.js': '.mjs' }, absWorkingDir: root, logLevel: 'error' },
    banner: { js: PRELUDE },
    plugins: [suite(root, mutated, coverage)],
  });
  const inputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path, '.mjs'), Object.keys(output.inputs)]),
  );
  return tests.map((test) => {
    const own = inputs.get(names.get(test)!) ?? [];
    return {
      test,
      bundle: join(folder, `${names.get(test)}.mjs`),
      files: new Set(own.map((path) => relative(root, resolve(root, path)))),
    };
  });
}
