/** The IDX reader: round trips, gzip, and every way a folder can be wrong. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { readIdxFolder } from '../../../../src/train/data/readers/idx.ts';
import { idxImages, idxLabels, mixedBytes } from './idx-files.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'glean-idx-'));
});
after(() => rm(root, { recursive: true, force: true }));

const IMAGES = 'train-images-idx3-ubyte';
const LABELS = 'train-labels-idx1-ubyte';

/** Three different images of 4×5 and their labels, valid unless a file is replaced. */
async function folder(files: Record<string, Uint8Array | undefined> = {}): Promise<string> {
  const dir = await mkdtemp(join(root, 'case-'));
  const all = { [IMAGES]: idxImages(4, 5, mixedBytes(60, 1)), [LABELS]: idxLabels([3, 1, 9]), ...files };
  for (const [name, bytes] of Object.entries(all)) if (bytes) await writeFile(join(dir, name), bytes);
  return dir;
}

async function refused(dir: string, ...parts: (string | RegExp)[]): Promise<void> {
  await assert.rejects(readIdxFolder(dir), (error) => {
    assert.ok(error instanceof InputError, String(error));
    for (const part of parts) assert.match(error.message, part instanceof RegExp ? part : new RegExp(part));
    return true;
  });
}

describe('readIdxFolder', () => {
  test('gives back the bytes that were written', async () => {
    const { images, firstPart, firstLabels } = await readIdxFolder(await folder());
    assert.deepEqual([images.height, images.width, images.size, images.sourceSize], [4, 5, 3, 3]);
    assert.deepEqual(images.pixels, mixedBytes(60, 1));
    assert.deepEqual([...images.labels], [3, 1, 9]);
    assert.deepEqual([...images.index], [0, 1, 2]);
    assert.equal(firstPart, 'train');
    assert.deepEqual([...firstLabels], [3, 1, 9]);
  });

  test('gzipped files give the same, and so does plain content under a .gz name', async () => {
    const dir = await folder({
      [IMAGES]: undefined,
      [LABELS]: undefined,
      [`${IMAGES}.gz`]: gzipSync(idxImages(4, 5, mixedBytes(60, 1))),
      [`${LABELS}.gz`]: idxLabels([3, 1, 9]),
    });
    assert.deepEqual((await readIdxFolder(dir)).images, (await readIdxFolder(await folder())).images);
  });

  test('t10k follows train, and duplicates across both are dropped', async () => {
    const repeated = mixedBytes(60, 1).subarray(20, 40);
    const dir = await folder({
      't10k-images-idx3-ubyte.gz': gzipSync(idxImages(4, 5, Buffer.concat([repeated, mixedBytes(20, 2)]))),
      't10k-labels-idx1-ubyte.gz': gzipSync(idxLabels([1, 7])),
    });
    const { images } = await readIdxFolder(dir);
    assert.deepEqual([images.size, images.sourceSize], [4, 5]);
    assert.deepEqual([...images.index], [0, 1, 2, 4]);
    assert.deepEqual([...images.labels], [3, 1, 9, 7]);
    assert.deepEqual(images.pixels.subarray(60), mixedBytes(20, 2));
  });

  test('t10k alone is read too', async () => {
    const dir = await folder({
      [IMAGES]: undefined,
      [LABELS]: undefined,
      't10k-images-idx3-ubyte': idxImages(4, 5, mixedBytes(20, 2)),
      't10k-labels-idx1-ubyte': idxLabels([4]),
    });
    const { images, firstPart } = await readIdxFolder(dir);
    assert.deepEqual([images.size, firstPart], [1, 't10k']);
  });

  test('a missing folder, a file, and a folder of something else', async () => {
    await refused(join(root, 'absent'), 'absent: found nothing there, expected a folder');
    const dir = await folder({ [IMAGES]: undefined, [LABELS]: undefined, 'notes.txt': Buffer.from('x') });
    await refused(dir, 'found notes.txt, expected train-images-idx3-ubyte');
    await refused(join(dir, 'notes.txt'), 'found a file, expected a folder');
  });

  test('images without labels', async () => {
    await refused(await folder({ [LABELS]: undefined }), `found ${IMAGES} alone, expected ${LABELS}`);
  });

  test('wrong magic number', async () => {
    await refused(await folder({ [IMAGES]: idxLabels(Array(60).fill(1)) }), `${IMAGES}: found magic number 0x00000801`);
    await refused(
      await folder({ [LABELS]: Buffer.from('<!doctype html>') }),
      `${LABELS}: found magic number 0x3c21646f`,
    );
  });

  test('cut off: in the header, in the data, and gzipped', async () => {
    const whole = idxImages(4, 5, mixedBytes(60, 1));
    await refused(await folder({ [IMAGES]: whole.subarray(0, 10) }), /found 10 bytes, expected a header of 16 bytes/);
    await refused(await folder({ [IMAGES]: whole.subarray(0, 50) }), /found 50 bytes, expected 76 for the 3 × 4 × 5/);
    await refused(await folder({ [IMAGES]: Buffer.concat([whole, Buffer.alloc(1)]) }), /found 77 bytes, expected 76/);
    await refused(await folder({ [IMAGES]: new Uint8Array(0).fill(0) }), /found 0 bytes, expected a header/);
    const zipped = gzipSync(whole);
    await refused(
      await folder({ [IMAGES]: zipped.subarray(0, 40) }),
      `${IMAGES}: found a gzip stream cut off after 40`,
    );
    const damaged = Buffer.from(zipped);
    damaged[zipped.length - 6]! ^= 0xff;
    await refused(await folder({ [IMAGES]: damaged }), /found a damaged gzip stream/);
  });

  test('no images, a label above nine, and counts that differ', async () => {
    await refused(await folder({ [IMAGES]: idxImages(4, 5, new Uint8Array(0)) }), /found sizes 0 × 4 × 5/);
    await refused(await folder({ [LABELS]: idxLabels([3, 10, 9]) }), /found label 10 at position 1, expected 0 to 9/);
    await refused(await folder({ [LABELS]: idxLabels([3, 1]) }), /found 2 labels, expected 3/);
  });

  test('train and t10k of different sizes', async () => {
    const dir = await folder({
      't10k-images-idx3-ubyte': idxImages(5, 4, mixedBytes(20, 2)),
      't10k-labels-idx1-ubyte': idxLabels([4]),
    });
    await refused(dir, /found 5×4 images in t10k, expected 4×5/);
  });
});
