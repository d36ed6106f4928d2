/** The runtime as its users get it: built, packed, and installed beside ONNX Runtime in an empty folder. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './glean.ts';

async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const result = await runProgram(program, args, cwd);
  assert.equal(result.code, 0, `${program} ${args.join(' ')}\n${result.stderr}\n${result.stdout}`);
  return result.stdout;
}

/** Builds the package into src/certify-runtime/dist. */
export async function buildRuntime(): Promise<void> {
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'src/certify-runtime/tsconfig.json']);
}

/** A new folder with the packed tarball and these packages installed. */
export async function installPacked(...packages: readonly string[]): Promise<string> {
  await buildRuntime();
  const folder = await mkdtemp(join(tmpdir(), 'glean-packed-'));
  await run('npm', ['pack', './src/certify-runtime', '--pack-destination', folder, '--silent']);
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!;
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "type": "module", "private": true }\n');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--omit=optional'];
  await run('npm', ['install', `./${tarball}`, ...packages, ...options], folder);
  return folder;
}
