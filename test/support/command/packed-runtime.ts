/** The runtime as its users get it: built, packed, and installed beside ONNX Runtime in an empty folder. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runProgram } from './glean.ts';

async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const result = await runProgram(program, args, cwd);
  assert.equal(result.code, 0, `${program} ${args.join(' ')}\n${result.stderr}\n${result.stdout}`);
  return result.stdout;
}

const RUNTIME = 'src/certify-runtime';
const STAMP = 'node_modules/.cache/glean/runtime';

/** What the build is made from. */
async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(RUNTIME, { recursive: true })).filter((name) =>
    /^(?!dist|node_modules).*\.(ts|json)$/.test(name),
  );
  for (const name of names.sort()) hash.update(name).update(await readFile(join(RUNTIME, name)));
  return hash.digest('hex');
}

/** Builds the package into src/certify-runtime/dist where it is not up to date: beside it first, as tests run side by side. */
export async function buildRuntime(): Promise<void> {
  const digest = await sourceDigest();
  const stamp = await readFile(STAMP, 'utf8').catch(() => '');
  if (stamp === digest && existsSync(`${RUNTIME}/dist/node.js`)) return;
  const draft = await mkdtemp(`${RUNTIME}/dist-`);
  try {
    const compiler = 'node_modules/typescript/bin/tsc';
    await run(process.execPath, [compiler, '-p', `${RUNTIME}/tsconfig.json`, '--outDir', draft]);
    await rm(`${RUNTIME}/dist`, { recursive: true, force: true });
    await rename(draft, `${RUNTIME}/dist`).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster; what it built is the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await mkdir(dirname(STAMP), { recursive: true });
  await writeFile(STAMP, digest);
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
