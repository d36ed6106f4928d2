/** A folder DOMAIN/CLASS/file of one's own: split by domain and share, and what is wrong with it named. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createRandom } from '../../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { readAll } from '../../../../src/train/data/dataset.ts';
import { holdOut, loadFolder } from '../../../../src/train/data/sets/folder.ts';
import { colourOf, numberOf, plain } from '../readers/image-files.ts';

const DOMAINS = ['day', 'night', 'rain'];
const CLASSES = ['bus', 'car'];
const EACH = 20;

let folder: string;
let cache: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-folder-'));
  cache = await mkdtemp(join(tmpdir(), 'glean-cache-'));
  for (const [d, domain] of DOMAINS.entries()) {
    for (const [label, name] of CLASSES.entries()) {
      await mkdir(join(folder, domain, name), { recursive: true });
      for (let i = 0; i < EACH; i++) {
        const image = plain(colourOf((d * 2 + label) * EACH + i), 12, 20);
        await image.toFile(join(folder, domain, name, `${i}.${['png', 'webp', 'tiff'][i % 3]}`));
      }
    }
  }
  // Hidden files and files beside the folders are nobody's images.
  await writeFile(join(folder, 'README.txt'), 'x');
  await writeFile(join(folder, 'day', 'bus', '.DS_Store'), 'x');
});
after(() => Promise.all([folder, cache].map((path) => rm(path, { recursive: true }))));

const load = (more: object = {}) => loadFolder({ dir: folder, cache, side: 8, ...more });
const refused = (promise: Promise<unknown>, expected: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, expected);
    return true;
  });

test('one domain is tested on whole, the others are split by the share', async () => {
  for (const [options, heldOut, share] of [
    [{}, 'rain', 0.1],
    [{ heldOut: 'day', validation: 0.25 }, 'day', 0.25],
  ] as const) {
    const dataset = await load(options);
    assert.deepEqual([dataset.classes, dataset.test.name], [CLASSES, heldOut]);
    assert.deepEqual(
      dataset.train.map((set) => set.name),
      DOMAINS.filter((name) => name !== heldOut),
    );
    const seen = new Set<number>();
    for (const [sets, each] of [
      [dataset.train, EACH * (1 - share)],
      [dataset.validation, EACH * share],
      [[dataset.test], EACH],
    ] as const) {
      for (const set of sets) {
        assert.equal(set.size, each * CLASSES.length);
        const pixels = readAll(set);
        for (let n = 0; n < set.size; n++) {
          const number = numberOf(pixels.subarray(n * 192, n * 192 + 3));
          seen.add(number);
          const group = Math.floor(number / EACH);
          assert.deepEqual([DOMAINS[group >> 1], group & 1], [set.name, set.labels[n]]);
        }
      }
    }
    assert.equal(seen.size, DOMAINS.length * CLASSES.length * EACH);
  }
  assert.deepEqual(
    (await load({ limit: 7 })).train.map((set) => set.size),
    [7, 7],
  );
});

test('a share of each class is held out, however large the class', () => {
  const sizes = [300_000, 7, 0, 4];
  let next = 0;
  const classes = sizes.map((size) => Array.from({ length: size }, () => next++));
  const { held, chosen } = holdOut(classes, 0.1, (label) => createRandom(1, label));
  assert.deepEqual([held.length, chosen.length], [30_000 + 1 + 0 + 0, 270_000 + 6 + 0 + 4]);
  assert.deepEqual(
    [...held, ...chosen].sort((a, b) => a - b),
    Array.from({ length: next }, (_, i) => i),
  );
  // At random: not the first of the class.
  assert.ok(held.some((i) => i > 200_000 && i < 300_000));
});

test('a share that holds nothing out of a domain is refused with one that does', async () => {
  await refused(
    load({ validation: 0.02 }),
    /found at most 20 images of a class in day, of which a share of 0\.02 holds out none .* raise 'validation' to 0\.03/,
  );
  for (const set of (await load({ validation: 0.03 })).validation) assert.equal(set.size, CLASSES.length);
});

test('a limit or a share that leaves no image of a class is named, not the images', async () => {
  const left = /leave no image of \w+ in day to train on; raise 'limit' or lower 'validation'/;
  await refused(load({ limit: 1 }), left);
  await refused(load({ limit: 1 }), /: a limit of 1 and a share of 0\.1 for validation leave/);
  await refused(load({ validation: 0.99 }), left);
  await refused(load({ validation: 0.99 }), /: a share of 0\.99 for validation leave/);
});

test('a folder that is none, an unknown domain, classes that differ or are empty', async () => {
  await refused(load({ dir: '/nonexistent' }), /\/nonexistent: found no such folder, expected folders DOMAIN\/CLASS/);
  await refused(load({ dir: join(folder, 'day', 'bus') }), /found 0 folders/);
  await refused(load({ heldOut: 'fog' }), /found the domains day, night, rain, expected fog/);
  await rename(join(folder, 'night', 'car'), join(folder, 'night', 'taxi'));
  await refused(load(), /found taxi, car in only one of day and night/);
  await rename(join(folder, 'night', 'taxi'), join(folder, 'car-of-night'));
  await mkdir(join(folder, 'night', 'car'));
  // The folder beside the domains is a domain too, until it is hidden.
  await rename(join(folder, 'car-of-night'), join(folder, '.car-of-night'));
  await refused(load(), /found no usable image of car in night/);
});

test('an image that is none is counted, or too many', async () => {
  await rm(join(folder, 'night', 'car'), { recursive: true });
  await rename(join(folder, '.car-of-night'), join(folder, 'night', 'car'));
  await writeFile(join(folder, 'night', 'car', 'notes.jpg'), 'no image');
  assert.deepEqual((await load()).skipped, { 'not an image': 1 });
  await refused(
    load({ maxSkipped: 0 }),
    /found 1 of 121 listed images unusable: 1 not an image \(night\/car\/notes\.jpg\)/,
  );
});
