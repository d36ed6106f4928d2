/** `glean data`: prepares a folder of images, shows domains, classes, cue and what was skipped, and draws the contact sheet. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { glean } from '../support/command/glean.ts';
import { colourOf, writePlain } from '../train/data/readers/image-files.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-cli-data-'));
  for (const domain of ['day', 'night']) {
    for (const [label, name] of ['bus', 'car'].entries()) {
      for (let i = 0; i < 30; i++) await writePlain(join(folder, 'images', domain, name, `${i}.jpg`), colourOf(label));
    }
  }
  await writeFile(join(folder, 'images', 'day', 'bus', 'notes.jpg'), 'no image');
  await writeFile(join(folder, 'images', 'day', 'bus', 'Thumbs.db'), 'a file of Windows');
});
after(() => rm(folder, { recursive: true }));

const place = () => ['--data-dir', join(folder, 'images'), '--cache-dir', join(folder, 'cache')];

test('a folder of images: sizes, classes, skipped files, a contact sheet of the right size', async () => {
  const preview = join(folder, 'sheet.png');
  const shown = await glean('data', 'folder:side=16', ...place(), '--preview', preview);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /16×16×3, 2 classes: bus, car/);
  assert.match(shown.stdout, /train +day +54 images, by class 27, 27\n/);
  assert.match(shown.stdout, /test +night +60 images, by class 30, 30\n/);
  assert.match(shown.stdout, /skipped +1 not an image\n/);
  assert.match(shown.stdout, /skipped +1 not an image by name\n/);
  assert.match(shown.stderr, /preparing folder: 121 of 121/);
  assert.equal((await sharp(preview).metadata()).format, 'png');
});

test('as JSON, and from the cache without preparing again', async () => {
  const { stdout, stderr, code } = await glean('data', 'folder:side=16', ...place(), '--json');
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const answer = JSON.parse(stdout);
  assert.deepEqual(answer.skipped, { 'not an image': 1, 'not an image by name': 1 });
  assert.deepEqual(answer.splits.at(-1), { split: 'test', domain: 'night', images: 60, classCounts: [30, 30] });
});

test('wrong use is named: 2', async () => {
  for (const [args, expected] of [
    [['data', 'nothing'], /no data set 'nothing'/],
    [['data', 'celeba'], /celeba: found no folder of its images/],
    [['data', 'folder:heldOut=fog', ...place()], /expected fog \(heldOut\)/],
  ] as const) {
    const { code, stderr } = await glean(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
  }
});
