/** The examples as somebody has copied them: in a folder of their own, with the packed glean-certify installed. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { runProgram, SHIPPED_MODEL } from '../command/glean.ts';
import { buildRuntime } from '../command/packed-runtime.ts';

export const EXAMPLES = 'examples';

/** What somebody who tried an example in place has left there. */
const MADE = /^(node_modules|dist|\.next|.*\.onnx|.*\.tgz)$/;

/** The names of the examples, which are their folders. */
export async function exampleNames(): Promise<string[]> {
  const entries = await readdir(EXAMPLES, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !MADE.test(entry.name)).map(({ name }) => name);
}

/** Where an example expects its model. */
const modelOf = (name: string): string => join(name, name === 'next' ? 'public' : '', 'model.onnx');

async function npm(args: readonly string[], folder?: string): Promise<void> {
  const { code, stdout, stderr } = await runProgram('npm', args, folder);
  assert.equal(code, 0, `npm ${args.join(' ')}\n${stderr}\n${stdout}`);
}

/** A new folder with all examples, what their lock file names, and a sealed model for each. */
export async function installExamples(): Promise<string> {
  const [folder] = await Promise.all([mkdtemp(join(tmpdir(), 'glean-examples-')), buildRuntime()]);
  try {
    const filter = (from: string): boolean =>
      !relative(EXAMPLES, from)
        .split(sep)
        .some((part) => MADE.test(part));
    await cp(EXAMPLES, folder, { recursive: true, filter });
    await npm(['pack', './src/certify-runtime', '--pack-destination', folder, '--silent']);
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!;
    await rename(join(folder, tarball), join(folder, 'glean-certify.tgz'));
    await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], folder);
    for (const name of await exampleNames()) {
      const model = join(folder, modelOf(name));
      await mkdir(dirname(model), { recursive: true });
      await cp(SHIPPED_MODEL, model);
    }
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
