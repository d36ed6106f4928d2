/** The objective of a batch against its definition, environment by environment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { type InvarianceConfig, invarianceObjective } from '../../../src/train/objective/invariance.ts';
import type { Batch, Model } from '../../../src/train/objective/objective.ts';
import { irmPenalty } from '../../../src/train/objective/penalties/irm.ts';
import { createRisk } from '../../../src/train/objective/risk.ts';
import { tf } from '../../../src/train/tfjs.ts';

const PIXELS = 4;
const CLASSES = 3;
const LAMBDA = 0.7;
const config: InvarianceConfig = {
  noise: 0,
  risk: { kind: 'generalized-cross-entropy', q: 0.5 },
  penalty: { kind: 'irm', weight: LAMBDA, before: LAMBDA, warmup: 0 },
  environments: { kind: 'given' },
};

function batchOf(sizes: readonly number[]): Batch {
  const random = createRandom(sizes.length);
  const total = sizes.reduce((sum, size) => sum + size);
  const labels = Array.from({ length: total }, (_, i) => i % CLASSES);
  let begin = 0;
  return {
    images: tf.tensor4d(
      Array.from({ length: total * PIXELS }, () => random.normal()),
      [total, 2, 2, 1],
    ),
    targets: tf.oneHot(tf.tensor1d(labels, 'int32'), CLASSES).toFloat() as tf.Tensor2D,
    environments: sizes.map((size, e) => {
      begin += size;
      return { name: `${e}`, begin: begin - size, size };
    }),
  };
}

const linear = (head: tf.Tensor2D): Model => ({
  encode: (images) => tf.reshape(images, [-1, PIXELS]) as tf.Tensor2D,
  classify: (latent) => tf.matMul(latent, head) as tf.Tensor2D,
});

const context = { step: 0, steps: 1, normal: (shape: readonly number[]) => tf.zeros([...shape]) };

/** Σ_e R_e + λ·Σ_e (dR_e/dw)², from the rows of each environment alone. */
function definition(head: tf.Tensor2D, { images, targets, environments }: Batch): tf.Scalar {
  const risk = createRisk(config.risk);
  const { encode, classify } = linear(head);
  const answers = environments.map(({ begin, size }) => {
    const latent = encode(tf.slice4d(images, [begin, 0, 0, 0], [size, -1, -1, -1]));
    const [logits, t] = [classify(latent), tf.slice2d(targets, [begin, 0], [size, -1])];
    const gradients = risk.gradients(logits, t);
    return { latent, logits, gradients, risk: tf.mean(risk.losses(logits, t)) as tf.Scalar };
  });
  return tf.add(tf.addN(answers.map((answer) => answer.risk)), tf.mul(irmPenalty(answers), LAMBDA)) as tf.Scalar;
}

for (const sizes of [[5], [2, 3], [1, 4, 2, 7]]) {
  test(`${sizes.length} environments: the loss and its gradient are those of the environments one by one`, () => {
    const [found, expected] = tf.tidy(() => {
      const batch = batchOf(sizes);
      const random = createRandom(7);
      const head = tf.tensor2d(
        Array.from({ length: PIXELS * CLASSES }, () => random.normal()),
        [PIXELS, CLASSES],
      );
      const objective = invarianceObjective(config);
      return [
        (h: tf.Tensor2D) => objective.loss(linear(h), batch, context).loss,
        (h: tf.Tensor2D) => definition(h, batch),
      ].map((loss) => {
        const { value, grad } = tf.valueAndGrad((h) => loss(h as tf.Tensor2D))(head);
        return [value.dataSync()[0]!, ...grad.dataSync()];
      });
    });
    assert.ok(expected!.some((value) => Math.abs(value) > 0.1));
    for (const [i, value] of found!.entries()) {
      assert.ok(Math.abs(value - expected![i]!) < 1e-5, `${value}, ${expected![i]}`);
    }
  });
}
