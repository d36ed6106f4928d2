/** The contact sheet is a PNG of the announced size whose tiles are the data set's first images. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { contactSheetSize, writeContactSheet } from '../../../src/train/data/pictures/contact-sheet.ts';
import { openDataset } from '../../../src/train/data/registry.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'glean-sheet-'));
});
after(() => rm(dir, { recursive: true, force: true }));

test('writes the sheet', async () => {
  const dataset = await openDataset('cmnist');
  const file = join(dir, 'sheet.png');
  await writeContactSheet(dataset, file);
  assert.deepEqual(await readdir(dir), ['sheet.png']);

  const { data, info } = await sharp(await readFile(file))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const metadata = await sharp(file).metadata();
  assert.equal(metadata.format, 'png');
  assert.deepEqual({ width: info.width, height: info.height }, contactSheetSize(dataset));

  // Red and green appear, as many blocks of them as there are tiles: every tile's brightest pixel is saturated.
  let red = 0;
  let green = 0;
  for (let i = 0; i < data.length; i += info.channels) {
    if (data[i]! > 200 && data[i + 1] === 0 && data[i + 2] === 0) red++;
    if (data[i + 1]! > 200 && data[i] === 0 && data[i + 2] === 0) green++;
  }
  assert.ok(red > 10_000 && green > 10_000, `${red} red and ${green} green pixels`);
});
