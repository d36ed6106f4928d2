/**
 * What a run is augmented with: that of its configuration, of a stored one from before rims could be chosen, and of the models
 * that are shipped; resumed bit for bit, with flips too; baselines alike.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readSealed } from '../../src/certify-runtime/trusted/file/sealed.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { parseConfig, readConfig, recordOf, type TrainConfig } from '../../src/train/config.ts';
import { configToTrain, readRunConfig, train } from '../../src/train/run.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { smallConfig, smallDataset } from '../support/training/train-fixture.ts';

const STEPS = 24;
const LAST = 'checkpoint-000024.safetensors';
const dataset = await smallDataset(40);
const base = smallConfig({ steps: STEPS, environments: { kind: 'given' } });
const augmented = (augmentation: object): TrainConfig => parseConfig({ ...base, augmentation }, 'test');
const BLACK = augmented({ shift: 2, rim: 'black' });
/** A configuration as files had it before rims could be chosen. */
const { rim: _rim, flip: _flip, ...shiftOnly } = BLACK.augmentation;
const WITHOUT = { ...BLACK, augmentation: shiftOnly };

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-rim-'));
});
after(() => rm(scratch, { recursive: true }));

const lastOf = (directory: string) => readFile(join(directory, LAST));

async function interrupted(whole: string, name: string): Promise<string> {
  const directory = join(scratch, name);
  await cp(whole, directory, { recursive: true });
  await rm(join(directory, LAST));
  return directory;
}

test('a run from before rims could be chosen goes on with the black one, however often; a new one has edges', async () => {
  const whole = join(scratch, 'black');
  await train(BLACK, dataset, whole);
  const file = join(scratch, 'config.json');
  await writeFile(file, JSON.stringify(WITHOUT));
  const old = await interrupted(whole, 'old');
  await writeFile(join(old, 'config.json'), JSON.stringify(WITHOUT));
  assert.deepEqual(await readRunConfig(old), BLACK);

  for (let time = 0; time < 2; time++) {
    const { config, directory } = await configToTrain(file, { out: old });
    assert.deepEqual([config, directory], [BLACK, old]);
    await train(config, dataset, directory);
    assert.deepEqual(await lastOf(old), await lastOf(whole));
    // The second time its stored configuration is a new one.
    await rm(join(old, LAST));
  }
  const fresh = await configToTrain(file, { out: join(scratch, 'fresh'), seed: 5 });
  assert.deepEqual(fresh.config, { ...augmented({ shift: 2, rim: 'edge', flip: false }), seed: 5 });
  assert.equal((await configToTrain(file, {})).directory, 'runs/small-0');

  // One that names another rim is another run.
  await writeFile(file, JSON.stringify(augmented({ shift: 2, rim: 'edge' })));
  const { config } = await configToTrain(file, { out: old });
  assert.equal(config.augmentation.rim, 'edge');
  await assert.rejects(train(config, dataset, old), { code: 'CHECKPOINT', message: /another configuration/ });
});

test('a run with every change of its images goes on bit for bit', async () => {
  const appearance = { convolution: {}, colour: { gain: 0.2, offset: 0.1, contrast: 0.2 }, grey: 0.3 };
  const config = augmented({ shift: 2, rim: 'edge', flip: true, ...appearance });
  const whole = join(scratch, 'flips');
  await train(config, dataset, whole);
  assert.deepEqual(await readRunConfig(whole), config);
  const directory = await interrupted(whole, 'flips-interrupted');
  assert.equal((await loadCheckpoint(directory))?.step, 20);
  await train(config, dataset, directory);
  assert.deepEqual(await lastOf(directory), await lastOf(whole));
  assert.equal(
    await readFile(join(directory, 'metrics.jsonl'), 'utf8'),
    await readFile(join(whole, 'metrics.jsonl'), 'utf8'),
  );
});

test('every objective sees the same images: each change of them changes its first loss', () => {
  const sigma = 0.12;
  const baselines = [
    { baseline: 'gaussian', sigma },
    { baseline: 'macer', sigma, copies: 2, weight: 1, from: 0, beta: 16, gamma: 8 },
    { baseline: 'smoothadv', sigma, copies: 2, epsilon: 0.25, warmup: 0, attackSteps: 1 },
    { baseline: 'consistency', sigma, copies: 2, weight: 5, entropy: 0.5 },
  ];
  for (const objective of [base.objective, ...baselines]) {
    const changes = [
      { shift: 2, rim: 'black' },
      { shift: 2, rim: 'edge' },
      { shift: 2, flip: true },
      { shift: 0 },
      { shift: 0, convolution: { probability: 1 } },
      { shift: 0, colour: { gain: 0.5 } },
      { shift: 0, grey: 1 },
    ];
    const losses = changes.map((augmentation) => {
      // Digits are on black: an image that reaches its border shows the rim.
      const bright = dataset.train.map((set) => ({
        ...set,
        read: (of: ArrayLike<number>) => set.read(of).map((byte) => 255 - byte),
      }));
      const config = parseConfig({ ...base, objective, augmentation }, 'test');
      const trainer = new Trainer(config, { ...dataset, train: bright });
      try {
        return trainer.trainStep().loss;
      } finally {
        trainer.dispose();
      }
    });
    assert.equal(new Set(losses).size, losses.length, losses.join());
  }
});

test('a committee looks at images as they are, whatever the main network sees; shifts and flips are for both', () => {
  const votes = (change: object) => {
    const environments = { kind: 'inferred', committee: { folds: 2, seeds: 1, steps: 6, rounds: 0 } };
    const config = { ...base, objective: { ...base.objective, environments }, augmentation: { shift: 2, ...change } };
    const trainer = new Trainer(parseConfig(config, 'test'), dataset);
    try {
      for (const _ of trainer.prepare());
      return trainer.snapshot().tensors.get('committee/0')!.data;
    } finally {
      trainer.dispose();
    }
  };
  const plain = votes({});
  assert.deepEqual(votes({ convolution: {}, colour: { gain: 0.5 }, grey: 1 }), plain);
  assert.notDeepEqual(votes({ flip: true }), plain);
});

test('names of runs: a black rim without flips is what there was before, anything else is another run', () => {
  const name = (value: object) =>
    createHash('sha256')
      .update(JSON.stringify([value, dataset.sha256]))
      .digest('hex');
  const runOf = (config: TrainConfig) => {
    const trainer = new Trainer(config, dataset);
    trainer.dispose();
    return trainer.run;
  };
  assert.equal(runOf(BLACK), name(WITHOUT));
  const others = [
    { shift: 2 },
    { shift: 2, rim: 'black', flip: true },
    { shift: 2, flip: true },
    { shift: 2, rim: 'black', convolution: {} },
    { shift: 2, rim: 'black', colour: { gain: 0.1 } },
    { shift: 2, rim: 'black', grey: 0.1 },
  ].map(augmented);
  assert.equal(new Set([BLACK, ...others].map(runOf)).size, 7);
});

test('the shipped models are those of the configurations in the tree', async () => {
  for (const id of ['cmnist', 'cmnist-erm', 'avatars', 'avatars-erm']) {
    const { certificate } = await readSealed(await readFile(`models/${id}/model.onnx`));
    const {
      config,
      run,
      dataset: data,
    } = certificate.training as Record<'config' | 'run', unknown> & {
      dataset: { sha256: string };
    };
    const record = recordOf(await readConfig(`pipeline/configs/${id}.json`));
    assert.equal(JSON.stringify(record), JSON.stringify(config), id);
    assert.equal(
      createHash('sha256')
        .update(JSON.stringify([record, data.sha256]))
        .digest('hex'),
      run,
      id,
    );
  }
});
