/** A committee tells environments apart, remembers its votes, and no member judges what it was trained on. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
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
    const { agreement, right, cue } = trainer.checks!;
    assert.ok(agreement! > 0.5 && agreement! <= 1);
    for (const { name, labels, attribute } of dataset.train) {
      assert.equal(cue![name], labels.filter((label, i) => label === attribute[i]).length / labels.length);
    }
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

test('unanimous: an image on which the sittings differ is in no environment, the others stay where they were', () => {
  const environments = { kind: 'inferred', committee: { ...COMMITTEE, unanimous: true } } as const;
  const all = prepared();
  const unanimous = new Trainer(smallConfig({ steps: 2, environments, seed: 3 }), dataset);
  try {
    for (const _ of unanimous.prepare());
    const { tensors } = unanimous.snapshot();
    const answers = [0, 1, 2].map((sitting) => {
      const votes = tensors.get(`committee/${sitting}`)!.data;
      return Array.from({ length: votes.length / 2 }, (_, image) => Number(votes[2 * image + 1]! > votes[2 * image]!));
    });
    const agreed = (image: number) => new Set(answers.map((sitting) => sitting[image])).size === 1;
    assert.ok(
      answers[0]!.some((_, image) => !agreed(image)),
      'the test needs an image on which they differ',
    );
    assert.deepEqual(
      unanimous.environments.map(({ indices }) => [...indices]),
      all.environments.map(({ indices }) => [...indices].filter(agreed)),
    );
  } finally {
    all.dispose();
    unanimous.dispose();
  }
});

test('one sitting alone has nothing to agree with', () => {
  const committee = { folds: 2, seeds: 1, steps: 4, rounds: 0 };
  const trainer = new Trainer(smallConfig({ steps: 2, environments: { kind: 'inferred', committee } }), dataset);
  try {
    for (const _ of trainer.prepare());
    assert.equal(trainer.checks!.agreement, undefined);
  } finally {
    trainer.dispose();
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
  let told = 0;
  const onChecks = () => told++;
  await train(config, dataset, broken, { onChecks, onStep: ({ phase }) => phases.add(phase) });
  assert.equal(told, 1);
  assert.deepEqual([...phases], ['committee 3/6', 'committee 4/6', 'committee 5/6', 'committee 6/6', 'main']);
  const [a, b] = [(await loadCheckpoint(whole))!, (await loadCheckpoint(broken))!];
  assert.deepEqual(b.tensors, a.tensors);
  await rm(folder, { recursive: true });
});
