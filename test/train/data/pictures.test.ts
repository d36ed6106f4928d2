/** Pictures made from packages: the layouts they claim, no identity or subject in two splits, the same bytes every time. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { avatarFolder } from '../../../src/train/data/pictures/avatars.ts';
import { emojiFolder } from '../../../src/train/data/pictures/emoji.ts';
import { LIVING, largeEmojiFolder, WITHOUT_COLOUR } from '../../../src/train/data/pictures/emoji-large.ts';
import { glassesFolder } from '../../../src/train/data/pictures/glasses.ts';
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

/** What `of` says of the pictures of each subject, by class and name. */
function bySubject<T>(
  { paths, labels }: { readonly paths: readonly string[]; readonly labels: ArrayLike<number> },
  of: (i: number) => T,
): ReadonlyMap<string, ReadonlySet<T>> {
  const found = new Map<string, Set<T>>();
  for (const [i, path] of paths.entries()) {
    const subject = `${labels[i]} ${subjectOf(path)}`;
    found.set(subject, (found.get(subject) ?? new Set()).add(of(i)));
  }
  return found;
}

/** The largest difference between the means of a picture's channels: 0 if it has no colour. */
async function spreadOfChannels(path: string): Promise<number> {
  const { channels } = await sharp(path).toColourspace('srgb').stats();
  const means = channels.slice(0, 3).map(({ mean }) => mean);
  return Math.max(...means) - Math.min(...means);
}

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
  const parts = bySubject({ paths, labels }, (i) => part[i]!);
  assert.equal(parts.size, 8 * classes.length);
  for (const [subject, seen] of parts) assert.equal(seen.size, 1, subject);
  for (const domain of domains) {
    const files = paths.filter((path) => path.startsWith(`${domain}/`));
    const digests = await Promise.all(files.map((path) => digest(join(folder, path))));
    assert.equal(new Set(digests).size, files.length, domain);
  }
});

test('more emoji: ten styles, half of them without colour; variants of a subject are in one part', async () => {
  const folder = await largeEmojiFolder(cache, 'cue', 3);
  const { domains, classes, paths, part, labels } = await readDomainNetLists(folder);
  assert.equal(domains.length, 10);
  assert.deepEqual(classes, ['animals', 'faces', 'food', 'objects', 'people', 'travel']);
  for (const name of LIVING) assert.ok(classes.includes(name));
  const parts = bySubject({ paths, labels }, (i) => part[i]!);
  assert.equal(parts.size, 3 * classes.length);
  for (const [subject, seen] of parts) assert.equal(seen.size, 1, subject);
  assert.ok(
    paths.some((path) => basename(path).split('.').length === 3),
    'no variant at all',
  );
  for (const domain of domains) {
    const colours = await Promise.all(
      paths.filter((path) => path.startsWith(`${domain}/`)).map((path) => spreadOfChannels(join(folder, path))),
    );
    const grey = (WITHOUT_COLOUR as readonly string[]).includes(domain);
    assert.equal(
      colours.every((value) => value === 0),
      grey,
      domain,
    );
  }
});

test('more emoji for a family held out: in their own colours, one variant of a subject in the test', async () => {
  const folder = await largeEmojiFolder(cache, 'families', 6);
  const { domains, paths, part, labels } = await readDomainNetLists(folder);
  assert.equal(domains.length, 10);
  const parts = bySubject({ paths, labels }, (i) => part[i]!);
  const variants = bySubject({ paths, labels }, (i) => basename(paths[i]!));
  for (const [subject, seen] of parts) {
    assert.equal(seen.size, 1, subject);
    if (seen.has(1)) assert.equal(variants.get(subject)!.size, 1, subject);
  }
  assert.ok(
    [...variants.values()].some(({ size }) => size > 1),
    'no subject with variants in training',
  );
  const blackAndWhite = ['emojione-monotone', 'fluent-emoji-high-contrast'];
  for (const domain of domains) {
    const spreads = await Promise.all(
      paths.filter((path) => path.startsWith(`${domain}/`)).map((path) => spreadOfChannels(join(folder, path))),
    );
    assert.equal(
      spreads.some((value) => value > 0),
      !blackAndWhite.includes(domain),
      domain,
    );
  }
});

test('glasses: four kinds evenly, distinct pictures, and a background of its colour', async () => {
  const folder = await glassesFolder(cache, FACES);
  const { files, attributes, partition } = await readCelebaLists(await findCeleba(folder), [
    'Eyeglasses',
    'Warm_Background',
  ]);
  const [glasses, warm] = attributes as [Uint8Array, Uint8Array];
  const kinds = [0, 0, 0, 0];
  for (const i of files.keys()) kinds[2 * glasses[i]! + warm[i]!]!++;
  for (const count of kinds) assert.ok(count > 0.9 * (FACES / 4), `${kinds}`);
  assert.deepEqual([...new Set(partition)].sort(), [0, 1, 2]);
  const looksWarm = async (file: string) => {
    const corner = sharp(join(folder, 'img_align_celeba', file)).extract({ left: 2, top: 2, width: 4, height: 4 });
    const [red, , blue] = (await corner.stats()).channels;
    return Number(red!.mean > blue!.mean);
  };
  const seen = await Promise.all(files.map(looksWarm));
  // Hair may cover the corner.
  const right = seen.filter((value, i) => value === warm[i]).length;
  assert.ok(right > 0.9 * files.length, `${right} of ${files.length}`);
});
