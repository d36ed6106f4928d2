/** `glean train --init` on folders of files: the configuration that is written trains as it is, and nothing is overwritten. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readConfig } from '../../../src/train/config.ts';
import { openDataset } from '../../../src/train/data/registry.ts';
import { surveyFolder } from '../../../src/train/init/survey.ts';
import { Trainer } from '../../../src/train/trainer.ts';
import { glean } from '../../support/command/glean.ts';
import { colourOf, plain, writePlain } from '../data/readers/image-files.ts';

/** As many as are asked for of each class in each training domain. */
const EACH = 10;
let scratch: string;
let photos: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-init-'));
  photos = join(scratch, 'Bus & car');
  for (const [d, domain] of ['day', 'night', 'rain'].entries()) {
    for (const [c, name] of ['bus', 'car'].entries()) {
      for (let i = 0; i < EACH; i++) {
        await writePlain(join(photos, domain, name, `${i}.jpg`), colourOf(100 * d + 20 * c + i), 40 + i, 36);
      }
    }
  }
});
after(() => rm(scratch, { recursive: true }));

/** Two steps of a configuration, on few images each. */
async function twoSteps(path: string, dir?: string): Promise<readonly number[]> {
  const config = await readConfig(path);
  const dataset = await openDataset(config.data, {
    cache: join(scratch, 'cache'),
    ...(dir === undefined ? {} : { dir }),
  });
  const trainer = new Trainer({ ...config, optimizer: { ...config.optimizer, perEnvironment: 4 } }, dataset);
  try {
    for (const _ of trainer.prepare());
    const losses = [trainer.trainStep().loss, trainer.trainStep().loss];
    const { tensors } = trainer.snapshot();
    assert.ok([...tensors.values()].every(({ data }) => data.every(Number.isFinite)));
    return losses;
  } finally {
    trainer.dispose();
  }
}

test('a folder, a configuration with reasons, and training from it; a file that is there stays', async () => {
  const out = join(scratch, 'start.json');
  const { code, stdout, stderr } = await glean('train', '--init', photos, '--out', out, '--json', '--seed', '3');
  assert.equal(code, 0, stderr);
  const answer = JSON.parse(stdout);
  assert.deepEqual(Object.keys(answer), ['path', 'config', 'choices', 'notes', 'images']);
  const written = await readFile(out, 'utf8');
  assert.deepEqual(JSON.parse(written), answer.config);
  assert.equal(answer.config.seed, 3);
  assert.equal(answer.config.id, 'bus-car');
  assert.deepEqual(answer.images.counts, [
    [EACH, EACH],
    [EACH, EACH],
    [EACH, EACH],
  ]);
  assert.deepEqual(answer.images.shorterSide, [36, 36, 36]);
  assert.ok(answer.choices.every((choice: { reason: string }) => choice.reason.length > 20));
  assert.ok((await twoSteps(out)).every(Number.isFinite));

  const again = await glean('train', '--init', photos, '--out', out);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /start\.json: is already there, .* never overwritten/);
  assert.equal(await readFile(out, 'utf8'), written);
});

test('what is seen of a folder: odd files, sizes, oblong and grey images', async () => {
  const odd = join(scratch, 'odd');
  for (const domain of ['a', 'b']) {
    for (const name of ['x', 'y']) await writePlain(join(odd, domain, name, '0.jpg'), colourOf(7), 90, 50);
  }
  await plain(colourOf(9), 20)
    .toColourspace('b-w')
    .png()
    .toFile(join(odd, 'a', 'x', 'grey.png'));
  await writeFile(join(odd, 'b', 'y', 'broken.jpg'), 'not an image');
  await writeFile(join(odd, 'notes.txt'), 'no domain');
  const found = await surveyFolder(odd);
  assert.deepEqual(found.counts, [
    [2, 1],
    [1, 2],
  ]);
  assert.deepEqual(found.shorterSides, [20, 50, 50, 50, 50]);
  assert.deepEqual(found.unreadable, [join('b', 'y', 'broken.jpg')]);
  assert.deepEqual([found.oblong, found.grey], [0.8, 0.2]);
});

test('one class, no domains, nothing at all: refused with what to do, and nothing is written', async () => {
  const one = join(scratch, 'one');
  for (const domain of ['a', 'b']) await writePlain(join(one, domain, 'x', '0.jpg'), colourOf(1));
  await mkdir(join(scratch, 'empty'));
  for (const [folder, expected] of [
    [one, /found the classes x, expected .* two classes/],
    [join(photos, 'day'), /CLASS and no DOMAIN.*one folder for each domain/],
    [join(scratch, 'empty'), /nothing in it/],
    [join(scratch, 'none'), /no such folder/],
  ] as const) {
    await assert.rejects(surveyFolder(folder), { name: 'InputError', message: expected });
  }
  const before = await readdir(scratch);
  for (const [args, expected] of [
    [['--init', one], /two classes/],
    [['--init', photos, '--data-dir', photos], /--init: found .* beside it, expected only/],
    [[join(scratch, 'start.json'), '--json'], /--json: found without --init/],
    [[], /<config>: found nothing, expected a configuration, or --init FOLDER/],
  ] as const) {
    const { code, stderr } = await glean('train', ...args);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  assert.deepEqual(await readdir(scratch), before);
});

test('the configurations for pictures of 64×64 and 128×128 train as they are', async () => {
  for (const side of [64, 128]) {
    const losses = await twoSteps(`pipeline/configs/pictures-${side}.json`, photos);
    assert.ok(losses.every(Number.isFinite), losses.join());
  }
});
