/** The two packages as their users get them: built, packed, and installed beside ONNX Runtime in an empty folder. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildPackage } from '../../../pipeline/package.ts';
import { runProgram } from './glean.ts';

async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const result = await runProgram(program, args, cwd);
  assert.equal(result.code, 0, `${program} ${args.join(' ')}\n${result.stderr}\n${result.stdout}`);
  return result.stdout;
}

const RUNTIME = 'src/certify-runtime';
const CACHE = 'node_modules/.cache/glean';
const STAMP = join(CACHE, 'runtime');

/** SHA-256 over the sources of these folders and over these files. */
async function sourceDigest(folders: readonly string[], files: readonly string[] = []): Promise<string> {
  const hash = createHash('sha256');
  const names = [...files];
  for (const folder of folders) {
    for (const name of await readdir(folder, { recursive: true })) {
      if (/\.(ts|json|md)$/.test(name) && !/(^|\/)(dist|node_modules)/.test(name)) names.push(join(folder, name));
    }
  }
  for (const name of names.sort()) hash.update(name).update(await readFile(name));
  return hash.digest('hex');
}

/** A folder that was made in full beside `folder`, in its place; another process may have been faster, with the same. */
async function moveInto(draft: string, folder: string): Promise<void> {
  await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

/** Builds the runtime into src/certify-runtime/dist if it is not up to date: beside it first, as tests run side by side. */
export async function buildRuntime(): Promise<void> {
  const digest = await sourceDigest([RUNTIME]);
  const stamp = await readFile(STAMP, 'utf8').catch(() => '');
  if (stamp === digest && existsSync(`${RUNTIME}/dist/node.js`)) return;
  const draft = await mkdtemp(`${RUNTIME}/dist-`);
  try {
    const compiler = 'node_modules/typescript/bin/tsc';
    await run(process.execPath, [compiler, '-p', `${RUNTIME}/tsconfig.json`, '--outDir', draft]);
    await rm(`${RUNTIME}/dist`, { recursive: true, force: true });
    await moveInto(draft, `${RUNTIME}/dist`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await mkdir(dirname(STAMP), { recursive: true });
  await writeFile(STAMP, digest);
}

/** A folder that holds the tarball of `glean` and, as `package`, what is packed in it; built if it is not up to date. */
export async function packedGlean(): Promise<{ readonly folder: string; readonly tarball: string }> {
  const inputs = ['LICENSE', 'package.json', 'tsconfig.json', 'pipeline/package.ts', 'pipeline/imports.ts'];
  const digest = await sourceDigest(['src'], inputs);
  const own = `glean-${digest.slice(0, 16)}`;
  const folder = join(CACHE, own);
  if (!existsSync(folder)) {
    await mkdir(CACHE, { recursive: true });
    for (const name of await readdir(CACHE)) {
      // Of older sources; another test may have made this one's in the meantime.
      if (name.startsWith('glean-') && name !== own) await rm(join(CACHE, name), { recursive: true, force: true });
    }
    const draft = await mkdtemp(join(CACHE, 'draft-'));
    try {
      await buildPackage(join(draft, 'package'));
      await run('npm', ['pack', `./${draft}/package`, '--pack-destination', draft, '--silent']);
      await moveInto(draft, folder);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!;
  return { folder, tarball: join(process.cwd(), folder, tarball) };
}

/** Installs packages into a folder that has none: from the cache of npm as far as it goes. */
async function install(folder: string, packages: readonly string[], ...options: readonly string[]): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "type": "module", "private": true }\n');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...packages, ...quiet, ...options], folder);
}

/** A new folder with the packed runtime and these packages installed. */
export async function installPacked(...packages: readonly string[]): Promise<string> {
  await buildRuntime();
  const folder = await mkdtemp(join(tmpdir(), 'glean-packed-'));
  await run('npm', ['pack', './src/certify-runtime', '--pack-destination', folder, '--silent']);
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!;
  await install(folder, [`./${tarball}`, ...packages], '--omit=optional');
  return folder;
}

/** A new folder with the packed `glean` and these packages installed. */
export async function installGlean(...packages: readonly string[]): Promise<string> {
  const { tarball } = await packedGlean();
  const folder = await mkdtemp(join(tmpdir(), 'glean-installed-'));
  await install(folder, [tarball, ...packages]);
  return folder;
}
