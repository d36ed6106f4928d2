/** Prepared images: the same bytes as decoding gives, resumed after a kill, made anew when an original changes, never all in memory. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { renameSync, symlinkSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { prepareImages } from '../../../src/train/data/prepared/prepared.ts';
import { decodeSquare } from '../../../src/train/data/readers/decode.ts';
import { NO_LIMITS, underLimit } from '../../support/command/limited.ts';
import { tiffFile } from '../../support/training/tiff-file.ts';
import { colourOf, numberOf, writeBadFiles, writePlain } from './readers/image-files.ts';

const SIDE = 8;
const COUNT = 40;
const name = (i: number) => `${i}.jpg`;
const paths = Array.from({ length: COUNT }, (_, i) => name(i));

let folder: string;
let cache: string;
let bad: Readonly<Record<string, string>>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-originals-'));
  cache = await mkdtemp(join(tmpdir(), 'glean-cache-'));
  for (const i of paths.keys()) await writePlain(join(folder, name(i)), colourOf(i));
  bad = await writeBadFiles(folder);
});
after(() => Promise.all([folder, cache].map((path) => rm(path, { recursive: true }))));

const prepare = (of: readonly string[], more: { maxSkipped?: number; onProgress?: () => void } = {}) =>
  prepareImages(of, { name: 'test', folder, cache, side: SIDE, ...more });

/** The one folder of the cache for which `holds`. */
async function place(count: number): Promise<string> {
  for (const name of await readdir(join(cache, 'prepared'))) {
    const path = join(cache, 'prepared', name);
    if ((await stat(join(path, 'status.bin'))).size === count) return path;
  }
  throw new Error(`no prepared folder of ${count} images`);
}

test('any images in any order are what decoding gives', async () => {
  const prepared = await prepare(paths);
  assert.deepEqual(prepared.shape, [SIDE, SIDE, 3]);
  assert.deepEqual(prepared.skipped, {});
  for (const chosen of [[], [0], [7, 8, 9], [39, 3, 3, 4, 12, 0], [...paths.keys()]]) {
    const expected = await Promise.all(chosen.map((i) => decodeSquare(join(folder, name(i)), SIDE, 1)));
    assert.deepEqual(
      [...prepared.read(chosen)],
      expected.flatMap((square) => [...(square as Uint8Array)]),
    );
  }
  assert.equal(numberOf(prepared.read([11])), 11);
  assert.throws(() => prepared.read([COUNT]), RangeError);
});

test('a second time nothing is decoded; another side or a newer original is', async () => {
  let decoded = 0;
  const onProgress = () => decoded++;
  await prepare(paths, { onProgress });
  assert.equal(decoded, 0);
  const { shape } = await prepareImages(paths, { name: 'test', folder, cache, side: 4, onProgress });
  assert.deepEqual([shape[0], decoded > 0], [4, true]);
  await writePlain(join(folder, name(5)), colourOf(500));
  await utimes(join(folder, name(5)), 1, 1);
  assert.equal(numberOf((await prepare(paths)).read([5])), 500);
});

test('a preparation that was killed goes on where its status ends', async () => {
  const some = paths.slice(0, 30);
  const expected = [...(await prepare(some)).read([...some.keys()])];
  const killed = await place(30);
  await rm(join(killed, 'index.json'));
  await truncate(join(killed, 'status.bin'), 12);
  // Bytes of what was done are not written again: a mark in them stays. What was not done is.
  const pixels = await readFile(join(killed, 'pixels.bin'));
  pixels[5 * SIDE * SIDE * 3] = 77;
  pixels.fill(0, 12 * SIDE * SIDE * 3);
  await writeFile(join(killed, 'pixels.bin'), pixels);
  expected[5 * SIDE * SIDE * 3] = 77;
  assert.deepEqual([...(await prepare(some)).read([...some.keys()])], expected);
});

test('a status that a crash left at 0 is not done, and refused where the index says that all is', async () => {
  const some = paths.slice(0, 25);
  const all = [...some.keys()];
  const expected = [...(await prepare(some)).read(all)];
  const crashed = await place(25);
  const status = await open(join(crashed, 'status.bin'), 'r+');
  await status.write(new Uint8Array(4), 0, 4, 10);
  await status.close();
  await assert.rejects(prepare(some), /found the status 0 for image 10, expected 1 … 7; remove the folder/);
  await rm(join(crashed, 'index.json'));
  const pixels = await readFile(join(crashed, 'pixels.bin'));
  await writeFile(join(crashed, 'pixels.bin'), pixels.fill(0, 10 * SIDE * SIDE * 3, 14 * SIDE * SIDE * 3));
  const prepared = await prepare(some);
  assert.deepEqual([...prepared.kept], Array(25).fill(1));
  assert.deepEqual([...prepared.read(all)], expected);
});

test('an original that cannot be read stops the preparation and is not marked', async () => {
  const some = paths.slice(0, 22);
  const original = join(folder, name(20));
  // After the listing: its key is that of the whole files.
  const disturb = () => {
    renameSync(original, `${original}.aside`);
    symlinkSync(name(20), original);
  };
  await assert.rejects(prepare(some, { onProgress: disturb }), {
    code: 'INPUT',
    message: /20\.jpg: cannot be read \(ELOOP\)/,
  });
  await rename(`${original}.aside`, original);
  const prepared = await prepare(some);
  assert.deepEqual([prepared.skipped, numberOf(prepared.read([20]))], [{}, 20]);
});

test('a disk that takes a part of the pixels is an error; with room again, all are prepared', {
  skip: NO_LIMITS,
}, async () => {
  const some = paths.slice(0, 18);
  const outcome = await underLimit('fsize=2000', 'prepare', folder, cache, String(SIDE), ...some);
  assert.match(outcome, /EFBIG/);
  const full = await place(0);
  assert.equal((await stat(join(full, 'pixels.bin'))).size, 2000);
  const prepared = await prepare(some);
  assert.equal((await stat(join(full, 'status.bin'))).size, 18);
  const expected = await Promise.all(some.map((path) => decodeSquare(join(folder, path), SIDE, 1)));
  for (const [i, square] of expected.entries())
    assert.deepEqual(prepared.read([i]), new Uint8Array(square as Uint8Array));
});

/** Where version 1 of the decoder, which had no other, prepared these. */
async function placeOfVersion1(of: readonly string[]): Promise<string> {
  const originals = await realpath(folder);
  const hash = createHash('sha256').update(JSON.stringify([1, originals, SIDE, 1, sharp.versions.vips]));
  for (const path of of) {
    const { size, mtimeMs } = await stat(join(folder, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  }
  return join(cache, 'prepared', `test-${hash.digest('hex').slice(0, 16)}`);
}

test('what an older decoder refused, or read as black, is decoded anew', async () => {
  const floats = Float32Array.from({ length: 64 }, () => 0.4);
  const tif = tiffFile({ width: 8, height: 8, bits: 32, format: 3, photometric: 1, data: floats });
  await writeFile(join(folder, 'grey.tif'), tif);
  const [KEPT, DAMAGED] = [1, 5];
  for (const whole of [true, false]) {
    const first = whole ? 20 : 21;
    const some = [...paths.slice(first, first + 16), 'grey.tif'];
    const old = await placeOfVersion1(some);
    await mkdir(old, { recursive: true });
    await writeFile(join(old, 'pixels.bin'), new Uint8Array(some.length * SIDE * SIDE * 3));
    const status = new Uint8Array(whole ? some.length : 12).fill(DAMAGED);
    if (whole) status[16] = KEPT;
    await writeFile(join(old, 'status.bin'), status);
    if (whole) await writeFile(join(old, 'index.json'), '{}');
    const prepared = await prepare(some);
    assert.deepEqual([...prepared.kept], Array(17).fill(1));
    assert.deepEqual(
      [...some.keys()].slice(0, 16).map((i) => numberOf(prepared.read([i]))),
      [...Array(16).keys()].map((i) => first + i),
    );
    assert.deepEqual([...prepared.read([16])], Array(SIDE * SIDE * 3).fill(102));
    await rm(old, { recursive: true });
  }
});

test('two at the same time end with the same images', async () => {
  const some = paths.slice(0, 35);
  const [a, b] = await Promise.all([prepare(some), prepare(some)]);
  const all = [...some.keys()];
  assert.deepEqual(a.read(all), b.read(all));
  assert.deepEqual(a.read(all), (await prepare(paths)).read(all));
});

test('unusable originals are counted by reason, and cannot be read', async () => {
  const mixed = [...paths, ...Object.keys(bad)];
  const prepared = await prepare(mixed, { maxSkipped: 0.5 });
  const counts = new Map<string, number>();
  for (const reason of Object.values(bad)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  for (const [reason, count] of counts) {
    const skipped = prepared.skipped[reason as keyof typeof prepared.skipped]!;
    assert.equal(skipped.count, count, reason);
    for (const example of skipped.examples) assert.equal(bad[example], reason);
  }
  assert.deepEqual(
    [...prepared.kept],
    mixed.map((path) => (bad[path] === undefined ? 1 : 0)),
  );
  for (const i of Object.keys(bad).keys()) assert.throws(() => prepared.read([COUNT + i]), /has no image/);
  const index = JSON.parse(await readFile(join(await place(mixed.length), 'index.json'), 'utf8'));
  assert.deepEqual(index.skipped, prepared.skipped);
  assert.match(index.sha256, /^[0-9a-f]{64}$/);
});

test('more unusable originals than allowed are an error that names them', async () => {
  const refused = (error: unknown) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /found 7 of 47 listed images unusable: .*1 missing \(missing\.jpg\).*at most 1 %/);
    assert.match(error.message, /2 damaged \(cut\.jpg, cut-in-header\.jpg\)/);
    return true;
  };
  // Prepared with a larger allowance before, and never prepared.
  await assert.rejects(prepare([...paths, ...Object.keys(bad)]), refused);
  await assert.rejects(prepare([...Object.keys(bad), ...paths]), refused);
});

test('a damaged cache is refused by name', async () => {
  const some = paths.slice(0, 20);
  await prepare(some);
  await truncate(join(await place(20), 'pixels.bin'), 100);
  await assert.rejects(prepare(some), /found 20 images in 100 bytes, expected 20 of 192; remove the folder/);
});

test('3000 images of 332 MB are prepared and read in far less memory', async () => {
  const child = fileURLToPath(new URL('../../support/training/prepare-many-child.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    child,
    folder,
    cache,
    '3000',
    '192',
  ]);
  const { bytes, grownBytes } = JSON.parse(stdout) as { bytes: number; grownBytes: number };
  assert.equal(bytes, 3000 * 192 * 192 * 3);
  assert.ok(grownBytes < (2 * bytes) / 3, `${grownBytes >> 20} MiB more for ${bytes >> 20} MiB`);
});
