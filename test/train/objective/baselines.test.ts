/** The baselines’ losses against plain JavaScript in float64, and their gradients against differences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { consistencyPenalty } from '../../../src/train/objective/baselines/consistency.ts';
import { robustnessLoss, smoothedCrossEntropy } from '../../../src/train/objective/baselines/macer.ts';
import { tf } from '../../../src/train/tfjs.ts';
import {
  compare,
  consistencyReference,
  example,
  examples,
  type Logits,
  macerReference,
  mean,
  meanSoftmax,
  oneHot,
  tensor,
} from './baseline-references.ts';

test("Consistency: the paper's equation and its gradient", () => {
  fc.assert(
    fc.property(examples, ({ copies, n, classes, scale, seed }) => {
      const { logits } = example(copies, n, classes, scale, seed);
      compare(
        (y) => consistencyPenalty(y, 10, 0.5),
        (y) => consistencyReference(y, 10, 0.5),
        logits,
      );
    }),
    { numRuns: 25 },
  );
});

test("MACER: the authors' code and its gradient", () => {
  fc.assert(
    fc.property(examples, fc.constantFrom(0.5, 8), ({ copies, n, classes, scale, seed }, gamma) => {
      const { logits, labels } = example(copies, n, classes, scale, seed);
      const settings = { sigma: 0.25, beta: 2, gamma };
      // At the edges of the hinge the loss jumps, and neither differences nor roundings say anything.
      fc.pre(macerReference(logits, labels, 0.25, 2, gamma).nearest > 0.02);
      const targets = oneHot(labels, classes);
      compare(
        (y) => robustnessLoss(y, targets, settings),
        (y) => macerReference(y, labels, 0.25, 2, gamma).loss,
        logits,
      );
    }),
    { numRuns: 25 },
  );
});

test('MACER: certain and wrong images neither push nor break the gradient', () => {
  const logits = [
    [
      [90, -90],
      [-90, 90],
      [0.2, 0],
    ],
  ];
  const targets = oneHot([0, 0, 0], 2);
  const loss = (y: tf.Tensor) => robustnessLoss(y as tf.Tensor3D, targets, { sigma: 0.25, beta: 16, gamma: 8 });
  const gradient = tf.grad(loss)(tensor(logits)).dataSync();
  assert.deepEqual(Array.from(gradient.slice(0, 4)), [0, 0, 0, 0]);
  assert.ok(gradient[4]! < 0 && gradient[5]! > 0);
});

test('MACER: an image of which nothing is known any more adds nothing', () => {
  const settings = { sigma: 0.25, beta: 16, gamma: 8 };
  const known = [
    [0.2, 0],
    [0, 0.1],
  ];
  for (const unknown of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const loss = (rows: number[][]) =>
      robustnessLoss(tensor([rows]), oneHot([0, 1, 0].slice(0, rows.length), 2), settings).dataSync()[0]!;
    const found = loss([...known, [unknown, 0]]);
    assert.ok(Math.abs(found - (loss(known) * 2) / 3) < 1e-5, `${found}, expected 2/3 of ${loss(known)}`);
  }
});

test('the smoothed cross-entropy is that of the mean softmax', () => {
  fc.assert(
    fc.property(examples, ({ copies, n, classes, scale, seed }) => {
      const { logits, labels } = example(copies, n, classes, scale, seed);
      const targets = oneHot(labels, classes);
      const reference = (y: Logits) => -mean(labels.map((label, i) => Math.log(meanSoftmax(y, i)[label]!)));
      compare((y) => smoothedCrossEntropy(y, targets), reference, logits);
    }),
    { numRuns: 15 },
  );
});
