/**
 * Writes test/fixtures/hostile: `node --import tsx pipeline/hostile.ts [--measure ROOT]`.
 *
 * With `--measure`, each file is sealed by the tree at ROOT (the commit before the fixes), and what is false about its
 * claim there is written into the manifest; otherwise the numbers in the existing manifest are kept.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { examine, FIXTURES, type HostileEntry, type Measured, readManifest } from '../test/support/hostile/hostile.ts';
import { execute, flushingExecutor } from '../test/support/hostile/hostile-runs.ts';
import { sealerOf } from '../test/support/hostile/hostile-sealer.ts';
import { fileOf } from '../test/support/networks/brought.ts';
import { GraphBuilder } from '../test/support/networks/graph-builder.ts';
import { attributes } from './hostile/attributes.ts';
import { batches } from './hostile/batches.ts';
import type { HostileCase } from './hostile/case.ts';
import { flushes } from './hostile/flushes.ts';
import { functions } from './hostile/functions.ts';
import { fusions } from './hostile/fusions.ts';
import { integers } from './hostile/integers.ts';
import { means } from './hostile/means.ts';
import { products } from './hostile/products.ts';
import { ranks } from './hostile/ranks.ts';
import { scales } from './hostile/scales.ts';
import { shared } from './hostile/shared.ts';
import { shifts } from './hostile/shifts.ts';
import { vanishing } from './hostile/vanishing.ts';

export const cases: readonly HostileCase[] = [
  ...[...products, ...integers, ...batches, ...scales, ...means, ...flushes, ...attributes, ...fusions, ...functions],
  ...vanishing,
  ...ranks,
  ...shifts,
];

export function bytesOf({ shape, build }: HostileCase): Uint8Array {
  const builder = new GraphBuilder(['N', ...shape]);
  return fileOf(builder, build(builder));
}

const UNKNOWN: Measured = { claimed: 0, secant: 0, flip: null, found: [] };

/** The manifest entry of the case's file. */
function entryOf(about: Omit<HostileCase, 'shape' | 'build'>, base: Measured): HostileEntry {
  const { id, kind, what, images = [], batches = [], exact = false } = about;
  return { file: `${id}.onnx`, kind, what, seal: { layout: 'NHWC' }, images, batches, exact, base };
}

async function main(): Promise<void> {
  const { measure } = parseArgs({ options: { measure: { type: 'string' } } }).values;
  await mkdir(FIXTURES, { recursive: true });
  const known = existsSync(new URL('manifest.json', FIXTURES)) ? await readManifest() : [];
  const before = new Map(known.map((entry) => [entry.file, entry.base]));
  const entries = [...shared, ...cases].map((about) => entryOf(about, before.get(`${about.id}.onnx`) ?? UNKNOWN));
  for (const each of cases) await writeFile(new URL(`${each.id}.onnx`, FIXTURES), bytesOf(each));
  const names = new Set([...entries.map(({ file }) => file), 'manifest.json']);
  for (const name of await readdir(FIXTURES)) if (!names.has(name)) await rm(new URL(name, FIXTURES));
  const measured = measure === undefined ? entries : await measureAll(entries, measure);
  const manifest = fileURLToPath(new URL('manifest.json', FIXTURES));
  await writeFile(manifest, JSON.stringify(measured, null, 2));
  await promisify(execFile)('npx', ['biome', 'format', '--write', manifest]);
}

async function measureAll(entries: readonly HostileEntry[], root: string): Promise<HostileEntry[]> {
  const seal = await sealerOf(root);
  const flushing = flushingExecutor();
  const measured: HostileEntry[] = [];
  for (const entry of entries) {
    const bytes = await readFile(new URL(entry.file, FIXTURES));
    try {
      const base = await examine(await seal(bytes, entry), entry, [execute, flushing.execute]);
      console.log(
        `${entry.file}: L ≤ ${base.claimed}, secant ${base.secant}; ${base.found.join('; ') || 'NOTHING FALSE'}`,
      );
      measured.push({ ...entry, base });
    } catch (error) {
      console.log(`${entry.file}: NOT SEALED: ${error}`);
      measured.push({ ...entry, base: UNKNOWN });
    }
  }
  flushing.close();
  return measured;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
