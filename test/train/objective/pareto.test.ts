/** PAIR's weights: the linear program against a search of the simplex, what a step along them does, and the loss. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pairLoss } from '../../../src/train/objective/penalties/pair.ts';
import { maximise, paretoWeights, type Triple } from '../../../src/train/objective/penalties/pareto.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { dot } from '../../support/numbers/matrix.ts';

const number = fc.integer({ min: -8, max: 8 });
const triple = fc.tuple(number, number, number);

const GRID = 60;
const simplex: Triple[] = [];
for (let i = 0; i <= GRID; i++) {
  for (let j = 0; j <= GRID - i; j++) simplex.push([i / GRID, j / GRID, (GRID - i - j) / GRID]);
}

test('maximise: feasible, and no point of a fine grid is better', () => {
  fc.assert(
    fc.property(triple, fc.array(fc.record({ row: triple, bound: number }), { maxLength: 3 }), (goal, constraints) => {
      const feasible = (x: Triple, slack: number) =>
        constraints.every(({ row, bound }) => dot(row, x) >= bound - slack);
      const found = maximise(goal, constraints);
      const best = simplex.filter((x) => feasible(x, 0)).reduce((top, x) => Math.max(top, dot(goal, x)), -Infinity);
      if (found === undefined) {
        assert.equal(best, -Infinity);
        return;
      }
      assert.ok(Math.abs(dot(found, [1, 1, 1]) - 1) < 1e-9 && Math.min(...found) > -1e-7, `${found}`);
      assert.ok(feasible(found, 1e-6));
      assert.ok(dot(goal, found) >= best - 1e-6, `${dot(goal, found)} against ${best}`);
    }),
    { numRuns: 200, seed: 11 },
  );
});

test('a step along the weights: balance first, then descent of all', () => {
  // l_k(x) = x_k²: independent gradients, so anything can be reached.
  const preference: Triple = [1, 4, 100];
  let x: number[] = [1, 1, 1];
  for (let step = 0; step < 4000; step++) {
    const losses: Triple = [x[0]! ** 2, x[1]! ** 2, x[2]! ** 2];
    const square = (k: number) => 4 * x[k]! ** 2;
    const weights = paretoWeights(
      losses,
      [
        [square(0), 0, 0],
        [0, square(1), 0],
        [0, 0, square(2)],
      ],
      preference,
    );
    assert.ok(Math.abs(dot(weights, [1, 1, 1]) - 1) < 1e-9);
    x = x.map((value, k) => value - 0.005 * weights[k]! * 2 * value);
    assert.ok(x.every((value) => value > 0));
  }
  const weighted = x.map((value, k) => preference[k]! * value ** 2);
  assert.ok(Math.max(...weighted) / Math.min(...weighted) < 1.2, `${weighted}`);
  assert.ok(x[0]! < 1 && x[2]! < 0.2, `${x}`);
});

test('losses of 0 ask for nothing: the preference', () => {
  const none: Triple = [0, 0, 0];
  assert.deepEqual(paretoWeights(none, [none, none, none], [1, 1, 2]), [0.25, 0.25, 0.5]);
});

test('pairLoss: weights from the gradients in y, held fixed; its gradient is theirs', () => {
  const y = tf.tensor2d([
    [1, -2],
    [0.5, 3],
  ]);
  const objectives = (logits: tf.Tensor2D) =>
    [logits.square().sum(), logits.sum().square(), logits.abs().sum()] as unknown as [tf.Scalar, tf.Scalar, tf.Scalar];
  const preference: Triple = [1, 1, 1];
  const values: Triple = [14.25, 6.25, 6.5];
  const gradients = [y.dataSync().map((v) => 2 * v), new Float32Array(4).fill(5), y.dataSync().map(Math.sign)].map(
    (g) => [...g],
  );
  const product = (k: number): Triple => [0, 1, 2].map((j) => dot(gradients[k]!, gradients[j]!)) as unknown as Triple;
  const weights = paretoWeights(values, [product(0), product(1), product(2)], preference);
  const { value, grad } = tf.valueAndGrad((logits) => pairLoss(logits as tf.Tensor2D, objectives, preference).loss)(y);
  assert.ok(Math.abs(value.dataSync()[0]! - dot(weights, values)) < 1e-4);
  grad.dataSync().forEach((found, i) => {
    const expected = gradients.reduce((sum, gradient, k) => sum + weights[k]! * gradient[i]!, 0);
    assert.ok(Math.abs(found - expected) < 1e-4, `${found} against ${expected}`);
  });
});
