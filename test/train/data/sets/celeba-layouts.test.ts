/** CelebA as its authors, Kaggle and people lay it out: the same data set from each; what is missing or twice is named. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { loadCeleba } from '../../../../src/train/data/sets/celeba.ts';
import { colourOf, plain } from '../readers/image-files.ts';

const COUNT = 480;
const numbers = Array.from({ length: COUNT }, (_, i) => i);
const name = (i: number) => `${String(i + 1).padStart(6, '0')}.jpg`;
const partOf = (i: number) => Math.max(0, ((i >> 2) % 5) - 2);
const values = (i: number) => [-1, (i & 1) === 1 ? 1 : -1, (i & 2) === 2 ? 1 : -1, -1];
const NAMES = ['Bald', 'Blond_Hair', 'Smiling', 'Young'];

/** As published, and as Kaggle has it. */
const TXT = {
  attributes: `${COUNT}\n${NAMES.join(' ')} \n${numbers
    .map(
      (i) =>
        `${name(i)} ${values(i)
          .map((v) => String(v).padStart(2))
          .join(' ')}\n`,
    )
    .join('')}`,
  partition: numbers.map((i) => `${name(i)} ${partOf(i)}\n`).join(''),
};
const CSV = {
  attributes: `image_id,${NAMES.join(',')}\n${numbers.map((i) => `${name(i)},${values(i).join(',')}\n`).join('')}`,
  partition: `image_id,partition\n${numbers.map((i) => `${name(i)},${partOf(i)}\n`).join('')}`,
};

let root: string;
let images: string;
let sha256: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'glean-celeba-layouts-'));
  images = join(root, 'images');
  await mkdir(images);
  for (const i of numbers) await writeFile(join(images, name(i)), await plain(colourOf(i), 9, 11).png().toBuffer());
  sha256 = (
    await load(await layout({ 'list_attr_celeba.txt': TXT.attributes, 'list_eval_partition.txt': TXT.partition }))
  ).sha256;
});
after(() => rm(root, { recursive: true }));

const load = (dir: string) => loadCeleba({ dir, cache: join(root, 'cache'), side: 8 });

/** A folder of these files, and of the images, moved there or linked to. */
async function layout(files: Record<string, string | Buffer>, place = 'img_align_celeba'): Promise<string> {
  const dir = await mkdtemp(join(root, 'layout-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
  if (place !== '') {
    await mkdir(dirname(join(dir, place)), { recursive: true });
    await symlink(images, join(dir, place));
  }
  return dir;
}

async function refused(dir: string, message: RegExp): Promise<void> {
  await assert.rejects(load(dir), (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

const txt = { 'list_attr_celeba.txt': TXT.attributes, 'list_eval_partition.txt': TXT.partition };
const csv = { 'list_attr_celeba.csv': CSV.attributes, 'list_eval_partition.csv': CSV.partition };

test('published, Kaggle’s and mixed layouts are one data set', async () => {
  const nested = 'img_align_celeba/img_align_celeba';
  const crlf = (text: string) => text.replaceAll('\n', '\r\n');
  for (const [files, place] of [
    [csv, nested],
    [csv, 'img_align_celeba'],
    [txt, nested],
    [
      { 'Anno/list_attr_celeba.txt': TXT.attributes, 'Eval/list_eval_partition.txt': TXT.partition },
      'Img/img_align_celeba',
    ],
    [{ 'Anno/list_attr_celeba.txt': TXT.attributes, 'Eval/list_eval_partition.txt': TXT.partition }, `Img/${nested}`],
    [{ 'list_attr_celeba.csv': CSV.attributes, 'list_eval_partition.txt': TXT.partition }, nested],
    // Renamed from the other form.
    [{ 'list_attr_celeba.txt': CSV.attributes, 'list_eval_partition.csv': TXT.partition }, nested],
    ...[TXT, CSV].flatMap((lists) =>
      [
        crlf,
        (text: string) => `\uFEFF${text}`,
        (text: string) => `\uFEFF${crlf(text)}`,
        (text: string) => text.trimEnd(),
      ].map(
        (saved) =>
          [
            { 'list_attr_celeba.txt': saved(lists.attributes), 'list_eval_partition.txt': saved(lists.partition) },
            'img_align_celeba',
          ] as const,
      ),
    ),
    // As some programs save it: quotation marks, spaces after the commas, no line of names.
    [
      {
        'list_attr_celeba.csv': CSV.attributes.replaceAll(/^([^,\n]+)/gm, '"$1"').replaceAll(',', ', '),
        'list_eval_partition.csv': CSV.partition.replace(/^.*\n/, ''),
      },
      nested,
    ],
    // Other lists and files of the same download.
    [{ ...csv, 'list_bbox_celeba.csv': 'x', 'img_align_celeba.zip': 'x', 'img_align_celeba/Thumbs.db': 'x' }, nested],
  ] as const) {
    const dataset = await load(await layout(files, place));
    assert.deepEqual([dataset.sha256, dataset.skipped], [sha256, {}], `${Object.keys(files).join()} ${place}`);
  }
});

test('lists or images that are there twice are refused, with their places', async () => {
  await refused(
    await layout({ ...txt, ...csv }),
    /found .*list_attr_celeba\.txt and .*list_attr_celeba\.csv, expected one of them; remove/,
  );
  await refused(
    await layout({ ...txt, 'Eval/list_eval_partition.txt': TXT.partition }),
    /found .*list_eval_partition\.txt and .*Eval\/list_eval/,
  );
  const dir = await layout(txt, 'img_align_celeba/img_align_celeba');
  await writeFile(join(dir, 'img_align_celeba', name(0)), 'x');
  await refused(dir, /found .*img_align_celeba and .*img_align_celeba\/img_align_celeba, expected one of them/);
  await refused(
    await (async () => {
      const both = await layout(txt);
      await mkdir(join(both, 'Img'));
      await symlink(images, join(both, 'Img', 'img_align_celeba'));
      return both;
    })(),
    /found .*img_align_celeba and .*Img\/img_align_celeba/,
  );
});

test('what is there in place of images or lists is said', async () => {
  for (const [files, place, message] of [
    [
      { ...txt, 'img_align_celeba.zip': 'x' },
      '',
      /img_align_celeba: found no such folder, .* the archive img_align_celeba\.zip \(unpack it\)/,
    ],
    [
      { ...txt, 'Img/img_align_celeba.zip': 'x' },
      '',
      /; .* holds the folder Img, .*; Img holds the archive img_align_celeba\.zip \(unpack it\)/,
    ],
    [
      { ...txt, 'img_align_celeba/readme.txt': 'x' },
      '',
      /img_align_celeba: found 1 other file \(readme\.txt\), expected CelebA's images/,
    ],
    [{ ...txt, img_align_celeba: 'x' }, '', /img_align_celeba: found a file/],
    [
      { 'celeba-dataset/list_attr_celeba.csv': 'x' },
      '',
      /found no such folder, .*; .* holds the folder celeba-dataset/,
    ],
    [
      { 'list_eval_partition.txt': TXT.partition, 'list_attr.txt': 'x' },
      'img_align_celeba',
      /list_attr_celeba\.txt: found no such file, nor list_attr_celeba\.csv, .* 2 other files \(list_attr\.txt, /,
    ],
    [
      { 'list_attr_celeba.csv': CSV.attributes },
      'img_align_celeba',
      /list_eval_partition\.txt: found no such file, nor list_eval_partition\.csv/,
    ],
    [
      { ...csv, 'img_align_celeba/000001.png': 'x' },
      '',
      /img_align_celeba: found 000001\.png, expected the files of list_attr_celeba\.csv: 000001\.jpg, 000002\.jpg/,
    ],
    [
      { ...txt, 'list_attr_celeba.txt': Buffer.from(`\uFEFF${TXT.attributes}`, 'utf16le') },
      'img_align_celeba',
      /list_attr_celeba\.txt: found UTF-16 text, expected UTF-8/,
    ],
    [
      { ...txt, 'list_attr_celeba.txt': TXT.attributes.replace(/^480\n/, '') },
      'img_align_celeba',
      /line 1: found "Bald .*", expected the number of images/,
    ],
    [
      { ...csv, 'list_attr_celeba.csv': CSV.attributes.replace(/^.*\n/, '') },
      'img_align_celeba',
      /list_attr_celeba\.csv, line 1: found the attributes -1 -1 -1 -1, expected Smiling/,
    ],
    [
      { ...csv, 'list_attr_celeba.csv': 'image_id,Smiling,Blond_Hair\n' },
      'img_align_celeba',
      /line 1: found no row below it/,
    ],
    [
      { ...csv, 'list_attr_celeba.csv': CSV.attributes.replace('000004.jpg,-1,1', '000004.jpg,-1,0') },
      'img_align_celeba',
      /line 5: found Blond_Hair 0, expected 1 or -1/,
    ],
    [
      { ...csv, 'list_attr_celeba.csv': CSV.attributes.replace('000004.jpg,-1', '000004.jpg') },
      'img_align_celeba',
      /line 5: found 3 values, expected 4/,
    ],
    [
      { ...csv, 'list_eval_partition.csv': CSV.partition.replace('000004.jpg,0', '000004.jpg,3') },
      'img_align_celeba',
      /line 5: found "000004\.jpg,3"/,
    ],
    [
      { ...csv, 'list_eval_partition.csv': CSV.partition.replace('000004.jpg', '900004.jpg') },
      'img_align_celeba',
      /line 5: found 900004\.jpg, expected a file of list_attr_celeba\.csv/,
    ],
  ] as const) {
    await refused(await layout(files, place), message);
  }
});

test('links to lists and images are followed; those that lead nowhere are named', async () => {
  const linked = await layout(txt);
  const dir = await mkdtemp(join(root, 'links-'));
  for (const entry of ['img_align_celeba', ...Object.keys(txt)]) await symlink(join(linked, entry), join(dir, entry));
  await symlink(dir, `${dir}-link`);
  assert.equal((await load(`${dir}-link`)).sha256, sha256);
  for (const list of Object.keys(txt)) {
    await rename(join(linked, list), join(linked, 'away'));
    await refused(dir, new RegExp(`${list.replace('.', '\\.')}: found a link to .*, where there is nothing`));
    await rename(join(linked, 'away'), join(linked, list));
  }
  await rm(join(dir, 'img_align_celeba'));
  await symlink('gone', join(dir, 'img_align_celeba'));
  await refused(dir, /img_align_celeba: found a link to gone, where there is nothing/);
  await rm(join(dir, 'img_align_celeba'));
  await symlink('img_align_celeba', join(dir, 'img_align_celeba'));
  await refused(dir, /img_align_celeba: found a link that leads to itself/);
});
