/** The trainer on a few hundred digits: repeatable, learning, leak-free, and environments that point opposite ways. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DenseLayer } from '../../src/network/plain-network.ts';
import { CheckpointError } from '../../src/train/checkpoint.ts';
import { parseConfig, type TrainConfig } from '../../src/train/config.ts';
import type { StepMetrics } from '../../src/train/learner.ts';
import { tf } from '../../src/train/tfjs.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { smallConfig, smallDataset } from '../support/training/train-fixture.ts';

const dataset = await smallDataset();
const GIVEN = { kind: 'given' } as const;

/** Hands a prepared trainer to `use`, and disposes of it. */
function withTrainer<T>(config: TrainConfig, use: (trainer: Trainer, reference: readonly StepMetrics[]) => T): T {
  const trainer = new Trainer(config, dataset);
  try {
    return use(trainer, [...trainer.prepare()]);
  } finally {
    trainer.dispose();
  }
}

/** Every bit of what a trainer holds. */
const bitsOf = (trainer: Trainer): Map<string, string> =>
  new Map(
    [...trainer.snapshot().tensors].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
  );
const steps = (trainer: Trainer, count: number) => Array.from({ length: count }, () => trainer.trainStep());
const memory = () => ({
  tensors: tf.memory().numTensors,
  buffers: tf.memory().numDataBuffers,
  bytes: tf.memory().numBytes,
});

for (const [name, environments] of [
  ['given environments', GIVEN],
  ['inferred environments', { kind: 'inferred', referenceSteps: 10 }],
] as const) {
  test(`${name}: one seed, one run, bit for bit; another seed, another run`, () => {
    const run = (seed: number) =>
      withTrainer(smallConfig({ seed, environments }), (trainer, reference) => {
        const metrics = [...reference, ...steps(trainer, 4)];
        return { bits: bitsOf(trainer), metrics, network: trainer.condense() };
      });
    const first = run(1);
    tf.tidy(() => void tf.randomNormal([100]));
    assert.deepEqual(run(1), first);
    const other = run(2);
    for (const [key, bits] of first.bits) {
      // Two references may well lean on the same cue for the same images.
      if (key !== 'reference/correct') assert.notEqual(other.bits.get(key), bits, `seed 2 has the same ${key}`);
    }
  });

  test(`${name}: no tensor is left behind`, () => {
    const start = memory();
    withTrainer(smallConfig({ environments }), (trainer) => {
      const prepared = memory();
      steps(trainer, 2);
      assert.deepEqual(memory(), prepared, 'the steps leave tensors');
      trainer.evaluate();
      steps(trainer, 2);
      const snapshot = trainer.snapshot();
      trainer.restore(snapshot);
      trainer.condense();
      steps(trainer, 2);
      trainer.evaluate();
      assert.deepEqual(memory(), prepared, 'evaluation, snapshot, restoring or condensing leave tensors');
    });
    assert.deepEqual(memory(), start, 'dispose() leaves tensors');
  });
}

test('a reference given up half-way leaves no tensor', () => {
  const start = memory();
  const trainer = new Trainer(smallConfig(), dataset);
  for (const { step } of trainer.prepare()) if (step === 2) break;
  assert.throws(() => trainer.trainStep(), /prepare/);
  trainer.dispose();
  assert.deepEqual(memory(), start);
});

test('the loss falls, and accuracy on the training domains rises above the majority', () => {
  const config = smallConfig({
    steps: 40,
    environments: GIVEN,
    penalty: { kind: 'irm', weight: 0, before: 0, warmup: 0 },
  });
  withTrainer(config, (trainer) => {
    const losses = steps(trainer, 40).map(({ loss }) => loss);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // Σ_d R_d of two coin-flipping domains is 2·log 2.
    assert.ok(Math.abs(losses[0]! - 2 * Math.log(2)) < 0.5, `first loss ${losses[0]}`);
    assert.ok(mean(losses.slice(-10)) < losses[0]! - 0.3, `${losses[0]} → ${mean(losses.slice(-10))}`);
    const { train, validation } = trainer.evaluate();
    assert.deepEqual(Object.keys(train), ['train-10', 'train-20']);
    assert.deepEqual(Object.keys(validation), ['train-10', 'train-20']);
    // Colour alone gives 90 % and 80 %.
    assert.ok(train['train-10']! > 0.8 && train['train-20']! > 0.7, JSON.stringify(train));
  });
});

test('accuracy is that of the plain network on the same images', () => {
  withTrainer(smallConfig({ environments: GIVEN, steps: 20 }), (trainer) => {
    steps(trainer, 20);
    const { encoder, head } = trainer.condense();
    const { train } = trainer.evaluate();
    for (const set of dataset.train) {
      let right = 0;
      for (let n = 0; n < set.size; n++) {
        let x = [...set.read([n])].map((byte) => byte / 255);
        for (const layer of [...encoder, head] as DenseLayer[]) {
          const y: number[] = [...layer.bias];
          for (let i = 0; i < layer.inputs; i++) {
            if (x[i] !== 0)
              for (let o = 0; o < layer.outputs; o++) y[o]! += x[i]! * layer.weights[i * layer.outputs + o]!;
          }
          const half = layer.outputs / 2;
          x =
            layer.activation === 'maxMin'
              ? y.map((_, o) => (o < half ? Math.max(y[o]!, y[o + half]!) : Math.min(y[o]!, y[o - half]!)))
              : y;
        }
        if ((x[1]! > x[0]! ? 1 : 0) === set.labels[n]) right++;
      }
      // An image on the very boundary may go either way in float32.
      assert.ok(Math.abs(right / set.size - train[set.name]!) <= 1 / set.size, set.name);
    }
  });
});

test('inferred environments: colour agrees with the label in one and contradicts it in the other', () => {
  const config = smallConfig({ environments: { kind: 'inferred', referenceSteps: 25 }, seed: 3 });
  withTrainer(config, (trainer, reference) => {
    assert.deepEqual(
      reference.map(({ phase, step, steps: all, learningRate }) => [phase, step, all, learningRate]),
      Array.from({ length: 25 }, (_, i) => ['reference', i + 1, 25, 0.01]),
    );
    const correct = trainer.snapshot().tensors.get('reference/correct')!.data;
    const colours = dataset.train.flatMap((set) => [...set.attribute]);
    const labels = dataset.train.flatMap((set) => [...set.labels]);
    assert.equal(correct.length, labels.length);
    const agreement = (value: number) => {
      const members = [...correct.keys()].filter((i) => correct[i] === value);
      return members.filter((i) => colours[i] === labels[i]).length / members.length;
    };
    assert.ok(agreement(1) > 0.8, `right: colour agrees for ${agreement(1)}`);
    assert.ok(agreement(0) < 0.4, `wrong: colour agrees for ${agreement(0)}`);
    const { environments } = trainer.trainStep();
    assert.deepEqual(
      environments.map(({ name, size }) => [name, size]),
      [
        ['reference right', 60],
        ['reference wrong', Math.min(60, correct.filter((value) => value === 0).length)],
      ],
    );
  });
});

test('what a step reports: schedule of λ, cosine of the rate, environments', () => {
  const penalty = { kind: 'irm', weight: 50, before: 1, warmup: 2 } as const;
  withTrainer(smallConfig({ steps: 4, environments: GIVEN, penalty }), (trainer) => {
    const metrics = steps(trainer, 4);
    assert.deepEqual(
      metrics.map(({ step, lambda }) => [step, lambda]),
      [
        [1, 1],
        [2, 1],
        [3, 50],
        [4, 50],
      ],
    );
    const rates = [1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2].map((share) => 0.01 * share);
    metrics.forEach(({ learningRate, loss, lambda, penalty: found, environments }, i) => {
      assert.ok(Math.abs(learningRate - rates[i]!) < 1e-12);
      const sum = environments.reduce((total, { risk }) => total + risk, lambda * found);
      assert.ok(Math.abs(loss - sum / lambda) < 1e-5 * Math.abs(sum), `${loss}, ${sum / lambda}`);
    });
    assert.ok(trainer.finished);
  });
});

test('a snapshot taken half-way and restored elsewhere ends with the same bits', () => {
  const config = smallConfig({ steps: 6 });
  const { whole, half } = withTrainer(config, (trainer) => {
    steps(trainer, 3);
    const snapshot = trainer.snapshot();
    steps(trainer, 3);
    return { whole: bitsOf(trainer), half: snapshot };
  });
  const resumed = new Trainer(config, dataset);
  resumed.restore(half);
  assert.equal(resumed.step, 3);
  assert.deepEqual([...resumed.prepare()], [], 'the reference is trained once');
  steps(resumed, 3);
  assert.deepEqual(bitsOf(resumed), whole);
  resumed.dispose();
});

test('a snapshot that does not fit is refused and changes nothing', () => {
  withTrainer(smallConfig(), (trainer) => {
    const snapshot = trainer.snapshot();
    const before = bitsOf(trainer);
    const last = [...snapshot.tensors.keys()].filter((key) => key.startsWith('second/')).at(-1)!;
    const without = new Map(snapshot.tensors);
    without.delete(last);
    const reshaped = new Map(snapshot.tensors).set(last, { shape: [3], data: new Float32Array(3) });
    const short = new Map(snapshot.tensors).set('reference/correct', { shape: [1], data: Uint8Array.of(1) });
    const moved = new Map(
      [...snapshot.tensors].map(([key, { shape, data }]) => [key, { shape, data: data.map(() => 7) }]),
    );
    for (const tensors of [without, reshaped, short]) {
      const mixed = new Map([...moved, ...[...tensors].filter(([key]) => key === last || key === 'reference/correct')]);
      if (!tensors.has(last)) mixed.delete(last);
      assert.throws(() => trainer.restore({ ...snapshot, step: 5, tensors: mixed }), CheckpointError);
      assert.deepEqual([bitsOf(trainer), trainer.step], [before, 0]);
    }
    assert.throws(() => trainer.restore({ ...snapshot, run: 'other' }), CheckpointError);
  });
});

test('weights that the last step made infinite are not saved', () => {
  const given = smallConfig({ environments: GIVEN, steps: 1 });
  const config = parseConfig({ ...given, optimizer: { ...given.optimizer, learningRate: 1e39 } }, 'test');
  withTrainer(config, (trainer) => {
    trainer.trainStep();
    assert.throws(() => trainer.snapshot(), { code: 'DIVERGED', message: /no longer finite at step 1; lower/ });
  });
});

test('training that diverges stops and says so', () => {
  const start = memory();
  const given = smallConfig({ environments: GIVEN, steps: 50 });
  // Its loss goes by probabilities, which are none any more.
  const macer = { baseline: 'macer', sigma: 0.25, copies: 2, weight: 16, from: 0, beta: 16, gamma: 8 };
  for (const config of [given, parseConfig({ ...given, objective: macer }, 'test')]) {
    withTrainer(config, (trainer) => {
      const snapshot = trainer.snapshot();
      const tensors = new Map(snapshot.tensors).set('parameter/head.bias', {
        shape: [2],
        data: Float32Array.of(Number.NaN, 0),
      });
      trainer.restore({ ...snapshot, tensors });
      assert.throws(() => trainer.trainStep(), {
        code: 'DIVERGED',
        message: /loss is NaN at step 1 of 50.*learningRate/,
      });
    });
  }
  assert.deepEqual(memory(), start);
});
