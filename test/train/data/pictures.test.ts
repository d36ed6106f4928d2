/** Pictures made from packages: the layouts they claim, no identity or subject in two splits, the same bytes every time. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { avatarFolder } from '../../../src/train/data/pictures/avatars.ts';
import { emojiFolder } from '../../../src/train/data/pictures/emoji.ts';
import { readCelebaLists } from '../../../src/train/data/sets/celeba-lists.ts';
import { findCeleba } from '../../../src/train/data/sets/celeba-places.ts';
import { readDomainNetLists, subjectOf } from '../../../src/train/data/sets/domainnet-lists.ts';

const FACES = 160;

let cache: string;
before(async () => {
  cache = await mkdtemp(join(tmpdir(), 'glean-pictures-'));
});
after(() => rm(cache, { recursive: true }));

const digest = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

test('avatars: CelebA’s layout, four kinds evenly, distinct pictures', async () => {
  const folder = await avatarFolder(cache, FACES);
  const hair = ['Blond_Hair', 'Black_Hair', 'Brown_Hair'];
  const { files, attributes, partition } = await readCelebaLists(await findCeleba(folder), ['Smiling', ...hair]);
  assert.deepEqual((await readdir(join(folder, 'img_align_celeba'))).sort(), files);
  const [smiling, ...hairs] = attributes as [Uint8Array, ...Uint8Array[]];
  const kinds = [0, 0, 0, 0];
  for (const i of files.keys()) {
    // Everybody has one colour of hair.
    assert.equal(
      hairs.reduce((sum, column) => sum + column[i]!, 0),
      1,
    );
    kinds[2 * smiling[i]! + hairs[0]![i]!]!++;
  }
  for (const count of kinds) assert.ok(count > 0.9 * (FACES / 4), `${kinds}`);
  assert.deepEqual([...new Set(partition)].sort(), [0, 1, 2]);
  const digests = await Promise.all(files.map((file) => digest(join(folder, 'img_align_celeba', file))));
  assert.equal(new Set(digests).size, files.length);
  const { width, height, format } = await sharp(join(folder, 'img_align_celeba', files[0]!)).metadata();
  assert.deepEqual([width, height, format], [178, 218, 'jpeg']);
});

test('avatars: blond faces are the lighter ones in the pictures themselves', async () => {
  const folder = await avatarFolder(cache, FACES);
  const { files, attributes } = await readCelebaLists(await findCeleba(folder), ['Blond_Hair']);
  /** Mean of the lowest tenth of the grey levels: dark hair fills more than that. */
  const shadow = async (file: string) => {
    const square = sharp(join(folder, 'img_align_celeba', file)).extract({ left: 35, top: 45, width: 108, height: 60 });
    const grey = (await square.greyscale().raw().toBuffer()).sort();
    return grey.subarray(0, grey.length / 10).reduce((sum, level) => sum + level, 0) / (grey.length / 10);
  };
  const shadows = await Promise.all(files.map(shadow));
  const mean = (blond: number) => {
    const chosen = shadows.filter((_, i) => attributes[0]![i] === blond);
    return chosen.reduce((sum, level) => sum + level, 0) / chosen.length;
  };
  assert.ok(mean(1) > mean(0) + 20, `${mean(1)} against ${mean(0)}`);
});

test('the same faces every time', async () => {
  const again = await mkdtemp(join(tmpdir(), 'glean-pictures-again-'));
  try {
    const [a, b] = await Promise.all([avatarFolder(cache, 12), avatarFolder(again, 12)]);
    for (const file of await readdir(join(a, 'img_align_celeba'))) {
      assert.equal(await digest(join(a, 'img_align_celeba', file)), await digest(join(b, 'img_align_celeba', file)));
    }
  } finally {
    await rm(again, { recursive: true });
  }
});

test('emoji: DomainNet’s layout in eight styles, no subject in training and test', async () => {
  const folder = await emojiFolder(cache, 8);
  const { domains, classes, paths, part, labels } = await readDomainNetLists(folder);
  assert.equal(domains.length, 8);
  assert.deepEqual(classes, ['animals', 'food', 'objects', 'people', 'smileys', 'symbols', 'travel']);
  const parts = new Map<string, Set<number>>();
  for (const [i, path] of paths.entries()) {
    const subject = `${labels[i]} ${subjectOf(path)}`;
    parts.set(subject, (parts.get(subject) ?? new Set()).add(part[i]!));
  }
  assert.equal(parts.size, 8 * classes.length);
  for (const [subject, seen] of parts) assert.equal(seen.size, 1, subject);
  for (const domain of domains) {
    const files = paths.filter((path) => path.startsWith(`${domain}/`));
    const digests = await Promise.all(files.map((path) => digest(join(folder, path))));
    assert.equal(new Set(digests).size, files.length, domain);
  }
});
