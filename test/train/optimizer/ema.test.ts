/** Averaged weights: the moving average's formula, what is evaluated and exported, and that it resumes bit for bit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/train/config.ts';
import { Average } from '../../../src/train/optimizer/ema.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { Trainer } from '../../../src/train/trainer.ts';
import { smallConfig, smallDataset } from '../../support/training/train-fixture.ts';

const dataset = await smallDataset(40);
const plain = smallConfig({ steps: 30, environments: { kind: 'given' } });
const averaged = parseConfig({ ...plain, optimizer: { ...plain.optimizer, ema: 0.8 } }, 'test');

test('the average of a sequence: its first member, then d·θ̄ + (1 − d)·θ with a decay that grows to the one asked for', () => {
  const tensors = tf.memory().numTensors;
  const initial = tf.scalar(100);
  const variable = tf.variable(initial, true, 'ema-test/theta');
  const average = new Average(new Map([['theta', variable]]), 0.5);
  let expected = 0;
  for (const [i, value] of [3, -1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8].entries()) {
    tf.tidy(() => variable.assign(tf.scalar(value)));
    average.update(i + 1);
    const decay = Math.min(0.5, i / (i + 9));
    expected = decay * expected + (1 - decay) * value;
    assert.ok(Math.abs(average.variables.get('theta')!.dataSync()[0]! - expected) < 1e-5);
    assert.equal(variable.dataSync()[0], value);
  }
  average.dispose();
  variable.dispose();
  initial.dispose();
  assert.equal(tf.memory().numTensors, tensors);
});

const trained = <T>(config: typeof plain, steps: number, use: (trainer: Trainer) => T): T => {
  const trainer = new Trainer(config, dataset);
  try {
    for (let step = 0; step < steps; step++) trainer.trainStep();
    return use(trainer);
  } finally {
    trainer.dispose();
  }
};

test('training is the same with averages; what is evaluated and exported are they, and layers stay orthogonal', () => {
  const others = trained(plain, 20, (trainer) => ({ ...trainer.snapshot(), network: trainer.condense() }));
  trained(averaged, 20, (trainer) => {
    const { tensors } = trainer.snapshot();
    for (const [name, { data }] of others.tensors) assert.deepEqual(tensors.get(name)!.data, data, name);
    assert.deepEqual(
      [...tensors.keys()].filter((name) => name.startsWith('average/')).map((name) => name.slice(8)),
      [...tensors.keys()].filter((name) => name.startsWith('parameter/')).map((name) => name.slice(10)),
    );
    const { encoder, head } = trainer.condense();
    assert.notDeepEqual(head, others.network.head);
    assert.deepEqual([...head.bias], [...tensors.get('average/head.bias')!.data]);
    for (const layer of encoder) {
      assert.ok(layer.kind === 'dense');
      const { inputs, outputs, weights } = layer;
      for (let a = 0; a < outputs; a++) {
        for (let b = 0; b <= a; b++) {
          let dot = 0;
          for (let i = 0; i < inputs; i++) dot += weights[i * outputs + a]! * weights[i * outputs + b]!;
          assert.ok(Math.abs(dot - (a === b ? 1 : 0)) < 1e-5, `columns ${a}, ${b}: ${dot}`);
        }
      }
    }
    // The logits are those of the condensed network's parameters: an average's, not the last step's.
    assert.notDeepEqual(
      trainer.logits(dataset.validation[0]!),
      trained(plain, 20, (t) => t.logits(dataset.validation[0]!)),
    );
  });
});

test('a run resumes with its average bit for bit; one without cannot be gone on with as one with', () => {
  const whole = trained(averaged, 30, (trainer) => trainer.snapshot());
  const half = trained(averaged, 13, (trainer) => trainer.snapshot());
  trained(averaged, 0, (trainer) => {
    trainer.restore(half);
    while (!trainer.finished) trainer.trainStep();
    assert.deepEqual(trainer.snapshot(), whole);
  });
  trained(averaged, 0, (trainer) => {
    const tensors = new Map([...half.tensors].filter(([name]) => name !== 'average/head.bias'));
    assert.throws(() => trainer.restore({ ...half, tensors }), { code: 'CHECKPOINT', message: /average\/head\.bias/ });
  });
  assert.notEqual(
    trained(plain, 0, (trainer) => trainer.run),
    whole.run,
  );
});
