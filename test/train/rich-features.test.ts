/** Rich features first: what training then begins with, its repeatability, and that nothing is left behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainConfig } from '../../src/train/config.ts';
import { parseConfig } from '../../src/train/config.ts';
import { tf } from '../../src/train/tfjs.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { smallConfig, smallDataset } from '../support/training/train-fixture.ts';

const dataset = await smallDataset();

function config(richFeatures?: object): TrainConfig {
  const { objective, ...rest } = smallConfig({ environments: { kind: 'given' } });
  return parseConfig({ ...rest, objective: richFeatures ? { ...objective, richFeatures } : objective }, 'test');
}

const RICH = { discover: [3, 5], synthesise: 4 };

/** The parameters training begins with, and the phases before it. */
function beginning(of: TrainConfig) {
  const trainer = new Trainer(of, dataset);
  try {
    const phases = [...trainer.prepare()].map(({ phase }) => phase);
    const parameters = [...trainer.snapshot().tensors].filter(([name]) => name.startsWith('parameter/'));
    return { phases, parameters: new Map(parameters.map(([name, { data }]) => [name.slice(10), [...data]])) };
  } finally {
    trainer.dispose();
  }
}

test('training begins with an encoder of two networks’ features and a new head', () => {
  const plain = beginning(config());
  const rich = beginning(config(RICH));
  assert.deepEqual(plain.phases, []);
  const expected = [
    ...Array.from({ length: 3 }, () => 'first features'),
    ...Array.from({ length: 5 }, () => 'second features'),
    ...Array.from({ length: 4 }, () => 'all features'),
  ];
  assert.deepEqual(rich.phases, expected);
  for (const [name, values] of rich.parameters) {
    const same = values.every((value, i) => value === plain.parameters.get(name)![i]);
    assert.equal(same, name.startsWith('head.'), name);
  }
  assert.deepEqual(beginning(config(RICH)), rich, 'another run begins elsewhere');
});

test('the synthesised encoder tells both answers apart: a network of K² classes learns pairs', () => {
  const trainer = new Trainer(config({ discover: [25, 60], synthesise: 80 }), dataset);
  try {
    const last = [...trainer.prepare()].at(-1)!;
    // Guessing among four pairs costs log 4 = 1.39.
    assert.ok(last.loss < 0.9, `loss ${last.loss}`);
  } finally {
    trainer.dispose();
  }
});

test('no tensor is left behind, given up half-way or not', () => {
  const start = tf.memory().numTensors;
  const trainer = new Trainer(config(RICH), dataset);
  const mine = tf.memory().numTensors;
  for (const { phase } of trainer.prepare()) if (phase === 'all features') break;
  assert.equal(tf.memory().numTensors, mine);
  for (const _ of trainer.prepare());
  assert.equal(tf.memory().numTensors, mine);
  trainer.dispose();
  assert.equal(tf.memory().numTensors, start);
});
