/** What can be read in two ways is refused; what is left out is counted, and a format that is not read is named. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { contents, DAY, expected, five, images, load, refused, SET, tree } from './folder-trees.ts';

test('what else could be read in two ways is refused, with what is there and what to do', async () => {
  const prefix = (...folders: string[]) => folders.flatMap((folder) => SET.map((path) => `${folder}/${path}`));
  for (const [entries, message] of [
    [
      [...five('cat'), ...five('dog')],
      /found 2 folders with images \(cat, dog\), CLASS and no DOMAIN, .*one folder for each domain/,
    ],
    [
      five('x').map((path) => basename(path)),
      /found 0 folders \(5 images \(0\.png, 1\.png, 2\.png and 2 more\) in it\), expected folders DOMAIN/,
    ],
    [['photos.zip = x'], /found 0 folders \(the archive photos\.zip \(unpack it\) in it\)/],
    [['empty/'], /found 1 folder \(the folder empty in it\), and nothing in empty/],
    [[], /found 0 folders \(nothing in it\)/],
    [
      DAY,
      /found 1 folder \(the folder day in it\), and the folders bus, car in day, .*if these are the domains, give .*\/day/,
    ],
    [prefix('PACS'), /the folders day, night, rain in PACS, .*give .*\/PACS/],
    [
      [...five('train/cat'), ...five('train/dog'), ...five('test/cat'), ...five('test/dog')],
      /found test, train with cat, dog in them: the parts of one domain, .*\(heldOut=test\)/,
    ],
    [
      prefix('train', 'test'),
      /found test, train with day, night, rain in them, and in those bus, car: the parts above the domains/,
    ],
    [[...SET, 'fog/'], /found nothing in fog, and no class/],
    [[...SET, ...five('fog')], /found 5 images \(.*\) in fog, and no class/],
    [[...SET, 'splits/day.txt = x'], /found 1 other file \(day\.txt\) in splits, and no class/],
    [
      [...SET, ...five('day/bus/bus')],
      /day\/bus: found a folder of the same name in it, with 5 images .*move what is in bus up/,
    ],
    [
      [...SET, ...five('day/bus/old')],
      /day\/bus: found the folder old in it, with 5 images .*, expected images alone, like its 5 others/,
    ],
    [
      prefix('day')
        .map((path) => path.replace('day/', ''))
        .map((path) => path.replace(/^(\w+)/, '$1/$1')),
      /found a folder of the same name in day/,
    ],
    [
      [...five('day/train'), ...five('day/test'), ...five('night/train'), ...five('night/test')],
      /found 5 images \(.*\) in day\/test; put folders of classes in test|found 5 images .* in day\/test, expected/,
    ],
    [[...DAY, ...five('night/bus'), ...five('night/Car')], /found Car, car in only one of day and night/],
    [
      [...DAY, ...five('night/bus'), 'night/car/clip.mp4 = x', 'night/car/more.zip = x'],
      /night\/car: found the archive more\.zip \(unpack it\), 1 other file \(clip\.mp4\), expected images/,
    ],
  ] as const) {
    await refused(await tree(...entries), message);
  }
  const parts = await tree(...five('train/cat'), ...five('train/dog'), ...five('test/cat'), ...five('test/dog'));
  assert.deepEqual([(await load(parts, { heldOut: 'test' })).test.size], [10]);
});

test('the files of systems and people are left out and counted; hidden ones and systems’ folders are not', async () => {
  const others = [
    'Thumbs.db',
    'desktop.ini',
    'ehthumbs.db',
    'notes.txt',
    'LICENSE',
    'MD5SUMS',
    'labels.csv',
    'a.json',
    'clip.mp4',
    '0.png.sha256',
    'Icon\r',
  ];
  const hidden = ['.DS_Store', '._0.png', '.picasa.ini', '.nomedia'];
  const found = await tree(
    ...SET,
    ...['day/bus', 'day/car', 'night/bus', 'night/car', 'rain/bus', 'rain/car'].map(
      (folder) => `${folder}/Thumbs.db = x`,
    ),
    ...others.slice(1).map((name) => `day/bus/${name} = x`),
    ...hidden.map((name) => `day/car/${name} = x`),
    ...['', 'day/', 'day/bus/'].flatMap((place) =>
      ['__MACOSX', '@eaDir', '$RECYCLE.BIN', '.ipynb_checkpoints'].map((name) => `${place}${name}/0.png`),
    ),
    'Thumbs.db = x',
    'README.md = x',
    'day/desktop.ini = x',
    'day/bus/empty/',
  );
  const dataset = await load(found);
  assert.deepEqual(dataset.skipped, { 'not an image by name': 6 + others.length - 1 });
  assert.deepEqual(contents(dataset, found.pathOf), expected(SET));
});

test('images without an ending are images; images outside classes are counted', async () => {
  const paths = [...SET, 'day/bus/noending', 'day/bus/photo.original'];
  const found = await tree(...paths, 'overview.png', 'day/sheet.jpg');
  const dataset = await load(found);
  assert.deepEqual(contents(dataset, found.pathOf), expected(paths));
  assert.deepEqual(dataset.skipped, { 'outside a class folder': 2 });
});

test('a format that is not read is named, not called damaged, and never left out as no image', async () => {
  const avif = await sharp(images[0]!).avif().toBuffer();
  const heic = avif
    .toString('latin1')
    .replaceAll('avif', 'heic')
    .replaceAll('avis', 'hevc')
    .replaceAll('mif1heicmiaf', 'mif1heicmiaf');
  const bytes: Record<string, Buffer> = {
    'IMG_1.HEIC': Buffer.from(heic, 'latin1'),
    // An iPhone's, renamed.
    'IMG_2.jpg': Buffer.from(heic, 'latin1'),
    'a.bmp': Buffer.from(`BM${'\0'.repeat(60)}`, 'latin1'),
    'b.ppm': Buffer.from('P6\n1 1\n255\n\0\0\0', 'latin1'),
    c: Buffer.from('P5 1 1 255 \0', 'latin1'),
    'd.jxl': Buffer.from('\xff\x0a\0\0', 'latin1'),
    'e.psd': Buffer.from('8BPS\0\x01', 'latin1'),
    'f.dcm': Buffer.from(`${'\0'.repeat(128)}DICM`, 'latin1'),
  };
  const found = await tree(...SET);
  for (const [name, content] of Object.entries(bytes)) await writeFile(join(found.dir, 'day', 'bus', name), content);
  const count = Object.keys(bytes).length;
  assert.deepEqual((await load(found, { maxSkipped: 0.5 })).skipped, { unsupported: count });
  await refused(
    found,
    /found 8 of 38 listed images unusable: 8 unsupported \(.*HEIC.*; convert what is unsupported to PNG or JPEG/,
  );
});

test('a name is one name in both forms of Unicode', async () => {
  const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'];
  const paths = [
    ...five(`day/${composed}`),
    ...five('day/bus'),
    ...five(`n\u0303/${decomposed}`),
    ...five('n\u0303/bus'),
  ];
  const dataset = await load(await tree(...paths), { heldOut: '\u00f1' });
  assert.deepEqual([dataset.classes, dataset.test.size], [['bus', composed], 10]);
  await refused(
    await tree(...paths, ...five(`day/${decomposed}`)),
    /found two folders caf\u00e9, written in two forms of Unicode/,
  );
  await refused(
    await tree(...paths, ...five('\u00f1/bus')),
    /found two folders \u00f1, written in two forms of Unicode/,
  );
});
