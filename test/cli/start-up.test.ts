/** What `glean --help` has to load: no time is judged here, only that a command's work stays out of everybody else's start. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build } from 'esbuild';

for (const [where, entryPoints] of [
  ['a clone', ['pipeline/glean.ts', 'src/cli/terminal/output.ts']],
  ['the package', ['src/cli/glean.ts']],
] as const)
  test(`the help of ${where} loads the declarations of the commands: of packages, yargs alone`, async () => {
    const { metafile } = await build({
      entryPoints: [...entryPoints],
      bundle: true,
      metafile: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      write: false,
      outdir: 'out',
      logLevel: 'error',
    });
    const loaded = new Set<string>();
    const packages = new Set<string>();
    const waiting: string[] = [...entryPoints];
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (loaded.has(file)) continue;
      loaded.add(file);
      for (const { path, kind, external } of metafile.inputs[file]!.imports) {
        if (kind !== 'import-statement') continue;
        if (external !== true) waiting.push(path);
        else if (!path.startsWith('node:')) packages.add(path);
      }
    }
    assert.deepEqual([...packages], ['yargs']);
    // Each file costs every start some milliseconds; what works, not declares, is in a folder of its own.
    for (const file of loaded) assert.doesNotMatch(file, /\/actions\/|-run\.ts$/);
    assert.ok(loaded.has('src/cli/commands/verify.ts') && loaded.size < 40, [...loaded].join('\n'));
  });
