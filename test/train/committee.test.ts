/** A committee tells environments apart, remembers its votes, and no member judges what it was trained on. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { inWords } from '../../src/train/environments.ts';
import { train } from '../../src/train/run.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { smallConfig, smallDataset } from '../support/training/train-fixture.ts';

const COMMITTEE = { folds: 2, seeds: 2, steps: 25, rounds: 1, roundFolds: 2, roundSteps: 25 };
const config = smallConfig({ steps: 2, environments: { kind: 'inferred', committee: COMMITTEE }, seed: 3 });
const dataset = await smallDataset();

const prepared = (): Trainer => {
  const trainer = new Trainer(config, dataset);
  for (const _ of trainer.prepare());
  return trainer;
};

test('what the committee answers right and wrong are environments in which the colour points opposite ways', () => {
  const trainer = prepared();
  try {
    const contrary = dataset.train.flatMap(({ labels, attribute }) =>
      Array.from(labels, (label, i) => Number(label !== attribute[i])),
    );
    const shares = trainer.environments.map(
      ({ indices }) => indices.reduce((sum, index) => sum + contrary[index]!, 0) / indices.length,
    );
    assert.ok(shares[0]! < 0.2, `right: the colour contradicts ${shares[0]}`);
    assert.ok(shares[1]! > 0.6, `wrong: the colour contradicts ${shares[1]}`);
    const { agreement, right } = trainer.checks!;
    assert.ok(agreement > 0.5 && agreement <= 1);
    assert.deepEqual(
      Object.keys(right),
      dataset.train.map(({ name }) => name),
    );
  } finally {
    trainer.dispose();
  }
});

test('a member is trained on the other folds only: labels of its own fold do not reach its vote', () => {
  const one = prepared();
  const flipped = {
    ...dataset,
    train: dataset.train.map((set, s) => ({
      ...set,
      labels: set.labels.map((label, i) => (s + i === 0 ? 1 - label : label)),
    })),
  };
  const two = new Trainer(config, flipped);
  try {
    for (const _ of two.prepare());
    const votes = (trainer: Trainer) => trainer.snapshot().tensors.get('committee/0')!.data.slice(0, 2);
    assert.deepEqual(votes(two), votes(one));
  } finally {
    one.dispose();
    two.dispose();
  }
});

test('a run that was killed between members goes on with the votes it has, to the same weights', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glean-committee-'));
  const whole = join(folder, 'whole');
  const broken = join(folder, 'broken');
  await train(config, dataset, whole);
  class Killed extends Error {}
  await assert.rejects(
    train(config, dataset, broken, {
      onStep({ phase, step }) {
        if (phase === 'committee 3/6' && step === 5) throw new Killed();
      },
    }),
    Killed,
  );
  assert.equal((await loadCheckpoint(broken))!.tensors.get('committee/members')!.data[0], 2);
  const phases = new Set<string>();
  await train(config, dataset, broken, { onStep: ({ phase }) => phases.add(phase) });
  assert.deepEqual([...phases], ['committee 3/6', 'committee 4/6', 'committee 5/6', 'committee 6/6', 'main']);
  const [a, b] = [(await loadCheckpoint(whole))!, (await loadCheckpoint(broken))!];
  assert.deepEqual(b.tensors, a.tensors);
  await rm(folder, { recursive: true });
});

test('a committee at odds with itself is told of', () => {
  assert.match(inWords({ agreement: 0.9, right: { a: 0.8 } }), /90\.0 %.*80\.0 % of a\. The cue could not be told/);
  assert.doesNotMatch(inWords({ agreement: 0.98, right: { a: 0.8 } }), /could not/);
});
