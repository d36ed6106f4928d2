/** Folders as people have them: links, splits and copies of images; what is in them is used, or named in the error. */
import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { contents, DAY, expected, five, images, load, RAIN, refused, SET, tree } from './folder-trees.ts';

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
