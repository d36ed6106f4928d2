/** Folders as people have them: links, splits, systems' files, other formats; what is in them is used, or named in the error. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { type DomainDataset, readAll } from '../../../../src/train/data/dataset.ts';
import { loadFolder } from '../../../../src/train/data/sets/folder.ts';
import { colourOf, numberOf, plain } from '../readers/image-files.ts';

/** Of each class in each domain; a tenth of five is rounded to one. */
const EACH = 5;

let root: string;
const images: Buffer[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'glean-layouts-'));
  for (let i = 0; i < 200; i++)
    images.push(
      await plain(colourOf(i * 17), 8)
        .png()
        .toBuffer(),
    );
});
after(() => rm(root, { recursive: true }));

/** Five paths of images in a folder. */
const five = (folder: string, ending = 'png') => Array.from({ length: EACH }, (_, i) => `${folder}/${i}.${ending}`);
const DAY = [...five('day/bus'), ...five('day/car')];
const NIGHT = [...five('night/bus'), ...five('night/car')];
const RAIN = [...five('rain/bus'), ...five('rain/car')];
const SET = [...DAY, ...NIGHT, ...RAIN];

type Tree = { readonly dir: string; readonly pathOf: ReadonlyMap<number, string> };

/** A folder of `path` (an image of its own colour), `path = text`, `path -> target` of a link, or `path/` of a folder. */
async function tree(...entries: readonly string[]): Promise<Tree> {
  const dir = await mkdtemp(join(root, 'tree-'));
  const pathOf = new Map<number, string>();
  for (const [i, entry] of entries.entries()) {
    const [path, operator, value] = entry.split(/ (->|=) ?/);
    const place = join(dir, path!);
    await mkdir(path!.endsWith('/') ? place : dirname(place), { recursive: true });
    if (operator === '->') await symlink(value!, place);
    else if (operator === '=') await writeFile(place, value!);
    else if (!path!.endsWith('/')) {
      await writeFile(place, images[i]!);
      pathOf.set(i * 17, path!);
    }
  }
  return { dir, pathOf };
}

const load = ({ dir }: { dir: string }, more: object = {}) =>
  loadFolder({ dir, cache: join(root, 'cache'), side: 8, ...more });

/** Domain, class and original path of every image, whatever set it is in, in alphabetical order. */
function contents(dataset: DomainDataset, pathOf: ReadonlyMap<number, string>): string[] {
  const sets = [...dataset.train, ...dataset.validation, dataset.test];
  return sets
    .flatMap((set) => {
      const pixels = readAll(set);
      return Array.from({ length: set.size }, (_, n) => {
        const path = pathOf.get(numberOf(pixels.subarray(n * 192, n * 192 + 3)));
        return `${set.name} ${dataset.classes[set.labels[n]!]} ${path}`;
      });
    })
    .sort();
}

/** The same of paths DOMAIN/…/CLASS/file. */
const expected = (paths: readonly string[]) =>
  paths.map((path) => `${path.split('/')[0]} ${basename(dirname(path))} ${path}`).sort();

async function refused(found: Tree, message: RegExp, more: object = {}): Promise<void> {
  await assert.rejects(load(found, more), (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.ok(error.message.includes(found.dir));
    return true;
  });
}

test('a domain, a class, an image and the folder itself may be links: each is where it is linked to', async () => {
  const [store, plainSet] = [await tree(...RAIN, ...five('car')), await tree(...SET)];
  const linked = await tree(
    ...DAY,
    ...five('night/bus'),
    `night/car -> ${store.dir}/car`,
    `rain -> ${store.dir}/rain`,
    `day/bus/5.png -> ${store.dir}/rain/bus/0.png`,
  );
  const dataset = await load(linked);
  // Left out, the last of the others would be held out.
  assert.deepEqual(
    [dataset.test.name, dataset.test.size, dataset.train.map(({ name }) => name)],
    ['rain', 10, ['day', 'night']],
  );
  assert.deepEqual(
    [...dataset.train, ...dataset.validation].reduce((sum, { size }) => sum + size, 0),
    21,
  );
  await symlink(plainSet.dir, `${plainSet.dir}-link`);
  const [direct, through] = [await load(plainSet), await load({ dir: `${plainSet.dir}-link` })];
  assert.equal(through.sha256, direct.sha256);
  // The same bytes behind links are the same data set.
  const all = await tree(
    `day -> ${plainSet.dir}/day`,
    `night -> ${plainSet.dir}/night`,
    `rain -> ${plainSet.dir}/rain`,
  );
  assert.equal((await load(all)).sha256, direct.sha256);
  assert.deepEqual(contents(direct, plainSet.pathOf), expected(SET));
});

test('links that lead nowhere, round, to a file or to what is there already are refused', async () => {
  for (const [entry, message] of [
    ['fog -> gone', /fog: found a link to gone, where there is nothing/],
    ['fog -> fog', /fog: found a link that leads to itself/],
    ['fog -> .', /fog: found a link to .*, a folder that it is in/],
    ['day/van -> gone', /day\/van: found a link to gone/],
    ['day/van -> ..', /day\/van: found a link to .*, a folder that it is in/],
    ['day/bus/more -> ..', /day\/bus\/more: found a link to .*, a folder that it is in/],
    ['fog -> day/bus/0.png', /fog: found a link to the file day\/bus\/0\.png, expected a link to a folder/],
    ['day/bus/5.png -> 5.png', /5\.png: found a link that leads to itself/],
    ['fog -> night', /found fog\/bus and night\/bus to be the same folder/],
    ['day/van -> bus', /found day\/bus and day\/van to be the same folder/],
    ['fog.lnk = x', /fog\.lnk: found a shortcut of Windows/],
  ] as const) {
    await refused(await tree(...SET, entry), message);
  }
  // An image that is not there is counted, and a link to a file beside folders is a file.
  const fine = await tree(
    ...SET,
    'day/bus/5.png -> gone.png',
    'README -> notes.md',
    'notes.md = x',
    'list.txt -> gone',
  );
  assert.deepEqual((await load(fine, { maxSkipped: 0.1 })).skipped, { missing: 1 });
  await refused(fine, /found 1 of 31 listed images unusable: 1 missing \(day\/bus\/5\.png\)/);
});

test('parts between domain and class are taken together, each image once', async () => {
  for (const parts of [
    ['train', 'test'],
    ['train', 'val', 'test'],
    ['Train', 'crossval', 'TEST'],
    ['training', 'validation'],
    ['test'],
  ]) {
    const paths = ['day', 'night'].flatMap((domain) =>
      ['bus', 'car'].flatMap((name) => parts.flatMap((part) => five(`${domain}/${part}/${name}`))),
    );
    const found = await tree(...paths);
    const dataset = await load(found);
    assert.deepEqual(contents(dataset, found.pathOf), expected(paths), parts.join());
    assert.ok(dataset.source.endsWith(`(${[...parts].sort().join(', ')} of each taken together)`), dataset.source);
    assert.deepEqual(dataset.skipped, {});
  }
  // A class may be in some of the parts, and a domain without any.
  const paths = [...DAY, ...five('night/train/bus'), ...five('night/test/car')];
  const found = await tree(...paths);
  assert.deepEqual(contents(await load(found), found.pathOf), expected(paths));
});

test('an image in two parts is used once', async () => {
  const paths = [...five('night/crossval/bus'), ...five('night/train/car')];
  const found = await tree(...DAY, ...paths);
  // The same bytes under another name.
  await mkdir(join(found.dir, 'night', 'train', 'bus'));
  await writeFile(join(found.dir, 'night', 'train', 'bus', 'copy.png'), images[DAY.length]!);
  const dataset = await load(found);
  assert.deepEqual(contents(dataset, found.pathOf), expected([...DAY, ...paths]));
  assert.deepEqual(dataset.skipped, { 'in two parts of a domain': 1 });
});

test('of a part that holds all, the others are copies: it is taken alone, or refused where it lacks some', async () => {
  for (const whole of ['full', 'FULL', 'all', 'images']) {
    const paths = [...DAY, ...five(`night/${whole}/bus`), ...five(`night/${whole}/car`)];
    const found = await tree(...paths);
    const plainDataset = await load(found);
    assert.deepEqual(contents(plainDataset, found.pathOf), expected(paths));
    // The same image under its name and under another.
    await mkdir(join(found.dir, 'night', 'train', 'bus'), { recursive: true });
    for (const [i, name] of ['0.png', 'other.png'].entries()) {
      await writeFile(join(found.dir, 'night', 'train', 'bus', name), images[DAY.length + i]!);
    }
    const dataset = await load(found);
    assert.equal(dataset.sha256, plainDataset.sha256);
    assert.deepEqual(dataset.skipped, {});
    assert.ok(dataset.source.endsWith(`of each, ${whole})`), dataset.source);
    await writeFile(join(found.dir, 'night', 'train', 'bus', 'new.png'), images[199]!);
    await refused(
      found,
      new RegExp(`found 1 image of its parts \\(night/train/bus/new.png\\) that night/${whole} lacks`),
    );
  }
});

test('classes with the names of parts, one of many, are classes', async () => {
  const paths = ['day', 'night'].flatMap((domain) =>
    ['train', 'car', 'dev'].flatMap((name) => five(`${domain}/${name}`)),
  );
  const found = await tree(...paths);
  const dataset = await load(found);
  assert.deepEqual(dataset.classes, ['car', 'dev', 'train']);
  assert.deepEqual(contents(dataset, found.pathOf), expected(paths));
});

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
