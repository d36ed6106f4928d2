/**
 * Every kind of image file that sharp reads, against pixels that are known: by training and by prediction alike, or refused
 * with what was found. Pictures are 2×2, so that nothing is scaled.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Sharp } from 'sharp';
import { decodeImage } from '../../../../src/certify-runtime/run/decode/encoded-image.ts';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { prepareImages } from '../../../../src/train/data/prepared/prepared.ts';
import { decodeSquare } from '../../../../src/train/data/readers/decode.ts';
import { BOTH, type Content, TRAINED } from '../../../support/training/image-kinds.ts';
import { colour, RGB, rgbTiff, unit } from '../../../support/training/image-samples.ts';
import { tiffFile } from '../../../support/training/tiff-file.ts';
import { UNSUPPORTED } from '../../../support/training/unsupported-images.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-kinds-'));
});
after(() => rm(folder, { recursive: true }));

async function write(name: string, content: Content): Promise<{ path: string; bytes: Uint8Array }> {
  const bytes = content instanceof Uint8Array ? content : await content.toBuffer();
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, bytes };
}

function assertNear(found: Uint8Array | string, expected: readonly number[], tolerance = 1): void {
  assert.ok(typeof found !== 'string', `found ${found}`);
  assert.equal(found.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(found[i]! - value) <= tolerance, `found ${[...found]}, expected ${expected.map(Math.round)}`);
  }
}

describe('read in training and in prediction, to the same pixels', () => {
  for (const [name, content, expected, tolerance] of BOTH) {
    test(name, async () => {
      const { path, bytes } = await write(name, await content());
      const predicted = (await decodeImage(bytes, [2, 2, 3])).data;
      assertNear(predicted, expected, tolerance);
      assert.deepEqual([...((await decodeSquare(path, 2, 1)) as Uint8Array)], [...predicted]);
    });
  }
});

test('a 16-bit picture with a profile is as grey as without', async () => {
  const one = async (image: Sharp) => (await decodeImage(await image.png().toBuffer(), [2, 2, 1])).data;
  const expected = await one(colour());
  for (const profile of ['srgb', 'p3']) {
    assertNear(await one(colour().toColourspace('rgb16').withIccProfile(profile)), [...expected], 2);
  }
});

describe('read in training; refused by name in prediction', () => {
  for (const [name, content, expected, tolerance] of TRAINED) {
    test(name, async () => {
      const { path, bytes } = await write(name, await content());
      let explained: string | undefined;
      const square = await decodeSquare(path, 2, 1, (found) => {
        explained = found;
      });
      assert.equal(explained, undefined);
      assertNear(square, expected, tolerance);
      await assert.rejects(decodeImage(bytes, [2, 2, 3]), (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, /found bytes that are no such image .* expected a PNG, JPEG or WebP image/);
        return true;
      });
    });
  }
});

describe('refused in training, with what was found', () => {
  for (const [name, content, found] of UNSUPPORTED) {
    test(name, async () => {
      const { path } = await write(name, content());
      let explained = '';
      const outcome = await decodeSquare(path, 2, 1, (text) => {
        explained = text;
      });
      assert.equal(outcome, 'unsupported', `${outcome}`);
      assert.match(explained, found);
    });
  }

  test('the error of a folder says it', async () => {
    const names = ['a.tif', 'b.tif'];
    for (const name of names) await write(name, rgbTiff(Float32Array.from(RGB), 32, 3));
    await assert.rejects(
      prepareImages(names, { name: 'kinds', folder, cache: join(folder, 'cache'), side: 2 }),
      /found 2 of 2 listed images unusable: 2 unsupported \(a\.tif: float samples from 0 to 255, expected \[0, 1\], b\.tif: /,
    );
  });
});

test('a float picture is turned, cut and scaled like any other', async () => {
  // 4 wide and 2 high, held so that its left is its top.
  const [width, height] = [4, 2];
  const values = Array.from({ length: width * height }, (_, i) => (i % width) * 60);
  const file = (data: ArrayBufferView, bits: number, format: number) =>
    tiffFile({ width, height, bits, format, photometric: 1, orientation: 6, data });
  const bytes = await write('bytes.tif', file(Uint8Array.from(values), 8, 1));
  const floats = await write('floats.tif', file(Float32Array.from(unit(values)), 32, 3));
  for (const [side, crop] of [
    [2, 1],
    [1, 1],
    [1, 0.5],
    [4, 1],
  ] as const) {
    const expected = (await decodeSquare(bytes.path, side, crop)) as Uint8Array;
    assert.deepEqual(
      [...((await decodeSquare(floats.path, side, crop)) as Uint8Array)],
      [...expected],
      `${side} ${crop}`,
    );
  }
});

test('a TIFF cut off anywhere is refused, and nothing else comes of it', async () => {
  const whole = rgbTiff(Float32Array.from(unit(RGB)), 32, 3, { samples: 3 });
  for (let length = 1; length < whole.length; length += 7) {
    const { path } = await write('cut.tif', whole.subarray(0, length));
    const outcome = await decodeSquare(path, 2, 1);
    assert.ok(['damaged', 'not an image', 'unsupported'].includes(outcome as string), `${length}: ${outcome}`);
  }
});
