/** CelebA's layout: images, attributes and partitions end in the right domains; wrong lists are named with line and reason. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { readAll } from '../../../../src/train/data/dataset.ts';
import { loadCeleba } from '../../../../src/train/data/sets/celeba.ts';
import { colourOf, numberOf, writeBadFiles, writePlain } from '../readers/image-files.ts';

const COUNT = 480;
const ATTRIBUTES = 'list_attr_celeba.txt';
const PARTITION = 'list_eval_partition.txt';
const name = (i: number) => `${String(i + 1).padStart(6, '0')}.jpg`;
/** Columns as CelebA has them, a few of the forty. */
const blond = (i: number) => (i & 1) === 1;
const smiling = (i: number) => (i & 2) === 2;
const partition = (i: number) => Math.max(0, ((i >> 2) % 5) - 2);

let folder: string;
let cache: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-celeba-'));
  cache = await mkdtemp(join(tmpdir(), 'glean-cache-'));
  const images = Array.from({ length: COUNT }, (_, i) => i);
  for (const i of images) await writePlain(join(folder, 'img_align_celeba', name(i)), colourOf(i), 17, 21);
  const sign = (has: boolean) => (has ? ' 1' : '-1');
  const rows = images.map((i) => `${name(i)} -1 ${sign(blond(i))} ${sign(smiling(i))} -1`);
  await writeFile(join(folder, ATTRIBUTES), `${COUNT}\nBald Blond_Hair Smiling Young\n${rows.join('\n')}\n`);
  await writeFile(join(folder, PARTITION), `${images.map((i) => `${name(i)} ${partition(i)}`).join('\n')}\n`);
});
after(() => Promise.all([folder, cache].map((path) => rm(path, { recursive: true }))));

test('every image is its own, with its label, hair and partition', async () => {
  const dataset = await loadCeleba({ dir: folder, cache, side: 8, labelNoise: 0 });
  assert.deepEqual([dataset.name, dataset.shape, dataset.classes], ['celeba', [8, 8, 3], ['not smiling', 'smiling']]);
  const seen = new Set<number>();
  for (const [part, sets] of [dataset.train, dataset.validation, [dataset.test]].entries()) {
    for (const set of sets) {
      const pixels = readAll(set);
      assert.ok(set.size >= 20);
      for (let n = 0; n < set.size; n++) {
        const i = set.source[n]!;
        seen.add(i);
        assert.equal(numberOf(pixels.subarray(n * 192, n * 192 + 3)), i);
        assert.deepEqual([set.labels[n], set.attribute[n]], [smiling(i) ? 1 : 0, blond(i) ? 0 : 1]);
        assert.equal(partition(i), part);
      }
    }
  }
  const sets = [...dataset.train, ...dataset.validation, dataset.test];
  assert.equal(
    seen.size,
    sets.reduce((sum, set) => sum + set.size, 0),
  );
});

test('unusable images are left out and counted, up to the share allowed', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'glean-celeba-bad-'));
  try {
    await cp(folder, copy, { recursive: true });
    const bad = Object.keys(await writeBadFiles(join(copy, 'bad'))).filter((file) => file.endsWith('.jpg'));
    for (const [i, file] of bad.entries()) {
      await rm(join(copy, 'img_align_celeba', name(i)));
      await cp(join(copy, 'bad', file), join(copy, 'img_align_celeba', name(i)), { recursive: true }).catch(
        () => undefined,
      );
    }
    await assert.rejects(loadCeleba({ dir: copy, cache, side: 8 }), /found 6 of 480 listed images unusable/);
    const dataset = await loadCeleba({ dir: copy, cache, side: 8, maxSkipped: 0.02 });
    assert.deepEqual(dataset.skipped, { damaged: 2, empty: 1, 'not an image': 2, missing: 1 });
    for (const set of [...dataset.train, ...dataset.validation, dataset.test]) {
      assert.ok(set.source.every((i) => i >= bad.length));
    }
  } finally {
    await rm(copy, { recursive: true });
  }
});

test('a folder without images or lists is named', async () => {
  const refused = (dir: string, expected: RegExp) =>
    assert.rejects(loadCeleba({ dir, cache }), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, expected);
      return true;
    });
  await refused('/nonexistent', /\/nonexistent\/img_align_celeba: found no such folder/);
  const empty = await mkdtemp(join(tmpdir(), 'glean-celeba-empty-'));
  try {
    await cp(join(folder, 'img_align_celeba'), join(empty, 'img_align_celeba'), { recursive: true });
    await refused(empty, /list_attr_celeba\.txt: found no such file/);
    await cp(join(folder, ATTRIBUTES), join(empty, ATTRIBUTES));
    await refused(empty, /list_eval_partition\.txt: found no such file/);
  } finally {
    await rm(empty, { recursive: true });
  }
});

test('wrong lists are named with line, found and expected', async () => {
  const attributes = await readFile(join(folder, ATTRIBUTES), 'utf8');
  const parts = await readFile(join(folder, PARTITION), 'utf8');
  const cases: [file: string, text: string, expected: RegExp][] = [
    [ATTRIBUTES, attributes.replace('480', '481'), /line 1: found 481 announced and 480 rows/],
    [
      ATTRIBUTES,
      attributes.replace(/^480\n/, ''),
      /line 1: found "Bald Blond_Hair Smiling Young", expected the number/,
    ],
    [
      ATTRIBUTES,
      attributes.replace('Smiling', 'Laughing'),
      /line 2: found the attributes .*, expected Smiling among them/,
    ],
    [ATTRIBUTES, attributes.replace('000004.jpg -1', '000004.jpg'), /line 6: found 3 values, expected 4/],
    [
      ATTRIBUTES,
      attributes.replace('000004.jpg -1  1', '000004.jpg -1  0'),
      /line 6: found Blond_Hair 0, expected 1 or -1/,
    ],
    [ATTRIBUTES, attributes.replace('000004.jpg', '000003.jpg'), /line 6: found 000003\.jpg again/],
    [
      ATTRIBUTES,
      attributes.replace('000004.jpg', '../000004.jpg'),
      /line 6: found "\.\.\/000004\.jpg", expected a file name/,
    ],
    [ATTRIBUTES, '', /line 1: found ""/],
    [PARTITION, parts.replace('000004.jpg 0', '000004.jpg 3'), /line 4: found "000004\.jpg 3", expected a file and 0/],
    [PARTITION, parts.replace('000004.jpg', '900004.jpg'), /line 4: found 900004\.jpg, expected a file of list_attr/],
    [PARTITION, parts.replace('000004.jpg', '000003.jpg'), /line 4: found 000003\.jpg again/],
    [PARTITION, parts.replace(/000480.*\n/, ''), /line 479: found no partition of 000480\.jpg/],
  ];
  try {
    for (const [file, text, expected] of cases) {
      await writeFile(join(folder, file), text);
      await assert.rejects(loadCeleba({ dir: folder, cache, side: 8 }), (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, expected);
        assert.ok(error.message.includes(join(folder, file)));
        return true;
      });
      await writeFile(join(folder, file), file === ATTRIBUTES ? attributes : parts);
    }
  } finally {
    await writeFile(join(folder, ATTRIBUTES), attributes);
    await writeFile(join(folder, PARTITION), parts);
  }
});
