/** Data sets open by name or configuration, once per process; unknown names and options are answered with the known ones. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { DATASET_NAMES, openDataset, parseData } from '../../../src/train/data/registry.ts';
import { idxImages, idxLabels, mixedBytes } from './readers/idx-files.ts';

const refused = (promise: Promise<unknown>, expected: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, expected);
    return true;
  });

test('opens a data set once', async () => {
  for (const name of ['cmnist', 'cmnist-blind', 'mnist']) {
    const dataset = await openDataset(name);
    assert.equal(dataset.name, name);
    assert.equal(await openDataset(parseData(name)), dataset);
  }
  assert.notEqual(await openDataset('cmnist', { seed: 3 }), await openDataset('cmnist'));
  assert.equal(await openDataset('cmnist', { seed: 3 }), await openDataset('cmnist:seed=3'));
});

test('plain digits: ten classes, each image in one split', async () => {
  const { classes, shape, train, validation, test: tested } = await openDataset('mnist');
  assert.deepEqual([classes.length, shape], [10, [28, 28, 1]]);
  const sets = [...train, ...validation, tested];
  assert.deepEqual(
    sets.map((set) => set.size),
    [8000, 500, 1500],
  );
  assert.equal(new Set(sets.flatMap((set) => [...set.source])).size, 10_000);
  assert.deepEqual(
    (await openDataset('mnist:limit=100')).train.map((set) => set.size),
    [100],
  );
});

test('fewer images are the first of the same ones, coloured with exact shares', async () => {
  const [all, few] = await Promise.all([openDataset('cmnist'), openDataset('cmnist:limit=100')]);
  for (const [d, set] of few.train.entries()) {
    assert.deepEqual([...set.source], [...all.train[d]!.source.subarray(0, 100)]);
    assert.equal(set.attribute.filter((colour, i) => colour !== set.labels[i]).length, 10 * (d + 1));
  }
  assert.equal(few.test.size, all.test.size);
});

test('every name has a parser; options are those of the name', () => {
  for (const name of DATASET_NAMES) assert.equal(parseData(name).name, name);
  assert.deepEqual(parseData('emoji:heldOut=noto,side=64,classes=food+travel'), {
    name: 'emoji',
    heldOut: 'noto',
    side: 64,
    classes: ['food', 'travel'],
  });
  // A domain may be called by a number, and it stays its name.
  assert.deepEqual(parseData('folder:heldOut=015,side=64'), { name: 'folder', heldOut: '015', side: 64 });
  for (const [text, expected] of [
    ['mnist2', /no data set 'mnist2': expected one of cmnist, cmnist-blind, fashion/],
    ['cmnist:side=8', /side/],
    ['emoji:side=0', /side/],
    ['avatars:side=32.5', /side/],
    ['avatars:labelNoise=0.6', /labelNoise/],
    ['folder:validation=0', /validation/],
    ['folder:validation=1', /validation/],
    ['emoji:heldOut', /found 'heldOut', expected option=value/],
  ] as const) {
    assert.throws(
      () => parseData(text),
      (error) => error instanceof InputError && expected.test(error.message),
      text,
    );
  }
});

test('a folder that is not there is asked for again', async () => {
  for (let i = 0; i < 2; i++)
    await refused(openDataset('cmnist', { dir: '/nonexistent' }), /\/nonexistent: found nothing/);
  await refused(openDataset('celeba'), /celeba: found no folder of its images, expected --data-dir/);
});

test('fashion takes Fashion-MNIST only', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'glean-idx-'));
  try {
    await writeFile(join(dir, 'train-images-idx3-ubyte'), idxImages(28, 28, mixedBytes(784 * 30, 1)));
    await writeFile(join(dir, 'train-labels-idx1-ubyte'), idxLabels(Array.from({ length: 30 }, (_, i) => i % 10)));
    await refused(openDataset('fashion', { dir }), /expected Fashion-MNIST/);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('digits too few for one of the three splits are refused', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'glean-idx-'));
  try {
    // 5 % of nine images are none.
    for (const count of [9, 10]) {
      await writeFile(join(dir, 'train-images-idx3-ubyte'), idxImages(28, 28, mixedBytes(784 * count, 1)));
      await writeFile(join(dir, 'train-labels-idx1-ubyte'), idxLabels(Array.from({ length: count }, (_, i) => i)));
      const opened = openDataset(`mnist:seed=${count}`, { dir });
      if (count === 9) await refused(opened, /found 9 images, too few to split/);
      else assert.equal((await opened).validation[0]!.size, 1);
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});
