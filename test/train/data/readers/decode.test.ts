/** What becomes of image files of every kind: whole ones in any colour space, and those with something wrong. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Sharp } from 'sharp';
import { decodeSquare } from '../../../../src/train/data/readers/decode.ts';
import { NO_LIMITS, underLimit } from '../../../support/command/limited.ts';
import { type Colour, plain, writeBadFiles } from './image-files.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-decode-'));
});
after(() => rm(folder, { recursive: true }));

/** All pixels within `tolerance` of the colour. */
function assertPlain(square: Uint8Array | string, [r, g, b]: Colour, tolerance = 4): void {
  assert.ok(typeof square !== 'string', `found ${square}`);
  assert.equal(square.length, 8 * 8 * 3);
  for (let p = 0; p < square.length; p += 3) {
    const distance = Math.max(Math.abs(square[p]! - r), Math.abs(square[p + 1]! - g), Math.abs(square[p + 2]! - b));
    assert.ok(distance <= tolerance, `${square.subarray(p, p + 3)} at ${p / 3}, expected ${[r, g, b]}`);
  }
}

test('colour, grey, CMYK, 16 bits, alpha and other formats come as 8-bit sRGB', async () => {
  const colour: Colour = [160, 64, 32];
  const grey = [94, 94, 94] as const;
  const files: Record<string, [image: Sharp, expected: Colour, tolerance?: number]> = {
    'colour.jpg': [plain(colour).jpeg(), colour],
    'colour.webp': [plain(colour).webp({ lossless: true }), colour],
    'colour.tiff': [plain(colour).tiff(), colour],
    'grey.jpg': [plain(colour).greyscale().jpeg(), grey],
    // The way to CMYK and back depends on profiles.
    'cmyk.jpg': [plain(colour).toColourspace('cmyk').jpeg(), colour, 40],
    '16.png': [plain(colour).toColourspace('rgb16').png(), colour],
    'grey-16.png': [plain(colour).toColourspace('grey16').greyscale().png(), grey],
    // Over black.
    'alpha.png': [plain(colour).ensureAlpha(0.5).png(), [80, 32, 16]],
    'wide.png': [plain(colour, 90, 20).png(), colour],
  };
  for (const [name, [image, expected, tolerance]] of Object.entries(files)) {
    await image.toFile(join(folder, name));
    assertPlain(await decodeSquare(join(folder, name), 8, 1), expected, tolerance);
  }
});

test('EXIF orientation is applied', async () => {
  const red = plain([255, 0, 0], 20, 40);
  const halves = plain([0, 0, 255], 40, 40).composite([{ input: await red.png().toBuffer(), left: 0, top: 0 }]);
  // Stored with red on the left; orientation 6 shows it turned a quarter clockwise: red at the top.
  await halves.withMetadata({ orientation: 6 }).png().toFile(join(folder, 'turned.png'));
  const square = await decodeSquare(join(folder, 'turned.png'), 8, 1);
  assert.ok(typeof square !== 'string');
  const pixel = (x: number, y: number) => [0, 2].map((c) => square[(y * 8 + x) * 3 + c]! > 200);
  assert.deepEqual([pixel(1, 1), pixel(6, 1)], Array(2).fill([true, false]));
  assert.deepEqual([pixel(1, 6), pixel(6, 6)], Array(2).fill([false, true]));
});

test('the square is cut from the middle, by the share asked for', async () => {
  // 178×218 as CelebA's, blue with a red 128×128 in the middle.
  const red = await plain([255, 0, 0], 128).png().toBuffer();
  const image = plain([0, 0, 255], 178, 218).composite([{ input: red, left: 25, top: 45 }]);
  await image.png().toFile(join(folder, 'middle.png'));
  assertPlain(await decodeSquare(join(folder, 'middle.png'), 8, 128 / 178), [255, 0, 0], 0);
  const whole = await decodeSquare(join(folder, 'middle.png'), 8, 1);
  assert.ok(typeof whole !== 'string');
  assert.deepEqual([...whole.subarray(0, 3)], [0, 0, 255]);
});

test('what is no whole image is named by its reason', async () => {
  for (const [name, reason] of Object.entries(await writeBadFiles(folder))) {
    assert.equal(await decodeSquare(join(folder, name), 8, 1), reason, name);
  }
});

test('a path through a file is missing, a file beyond all pixels too large', async () => {
  await plain([1, 2, 3]).png().toFile(join(folder, 'file.png'));
  assert.equal(await decodeSquare(join(folder, 'file.png', 'x.png'), 8, 1), 'missing');
  await symlink(join(folder, 'gone.png'), join(folder, 'dangling.png'));
  assert.equal(await decodeSquare(join(folder, 'dangling.png'), 8, 1), 'missing');
  await plain([1, 2, 3]).png().toFile(join(folder, 'long.png'));
  await truncate(join(folder, 'long.png'), 2 ** 32);
  assert.equal(await decodeSquare(join(folder, 'long.png'), 8, 1), 'too large');
});

test('a file that the system does not give is an error, not a damaged image', async () => {
  await symlink('loop.png', join(folder, 'loop.png'));
  await assert.rejects(decodeSquare(join(folder, 'loop.png'), 8, 1), {
    code: 'INPUT',
    message: /loop\.png: cannot be read \(ELOOP\)/,
  });
});

test('too many open files, or no memory to decode in, is an error', { skip: NO_LIMITS }, async () => {
  const file = join(folder, 'whole.png');
  // Interlaced: all rows are in memory at once, 187 MiB.
  await plain([1, 2, 3], 7000).ensureAlpha().png({ progressive: true }).toFile(file);
  assert.match(await underLimit('nofile=3', 'decode', file), /whole\.png: cannot be read \(EMFILE\)/);
  assert.match(await underLimit(`as=${160 << 20}`, 'decode', file), /whole\.png: found no memory to decode it/);
  assert.equal(await underLimit(`as=${2 ** 31}`, 'decode', file), 'an image');
});
