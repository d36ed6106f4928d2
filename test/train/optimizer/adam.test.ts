/** Adam against the formulas of its paper in float64, over steps with a changing rate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { Adam } from '../../../src/train/optimizer/adam.ts';
import { tf } from '../../../src/train/tfjs.ts';

/** Kingma & Ba 2015, algorithm 1, as it stands there. */
class NaiveAdam {
  readonly theta: number[];
  readonly #m: number[];
  readonly #v: number[];

  constructor(theta: readonly number[]) {
    this.theta = [...theta];
    this.#m = theta.map(() => 0);
    this.#v = theta.map(() => 0);
  }

  step(gradient: readonly number[], t: number, alpha: number): void {
    gradient.forEach((g, i) => {
      this.#m[i] = 0.9 * this.#m[i]! + 0.1 * g;
      this.#v[i] = 0.999 * this.#v[i]! + 0.001 * g * g;
      const first = this.#m[i]! / (1 - 0.9 ** t);
      const second = this.#v[i]! / (1 - 0.999 ** t);
      this.theta[i]! -= (alpha * first) / (Math.sqrt(second) + 1e-8);
    });
  }
}

test('the same path as the naive Adam, for gradients from 0 to 1e4', () => {
  const random = createRandom(11);
  const scales = [0, 1e-9, 1e-8, 1e-4, 1, 1e4];
  const start = scales.map(() => Math.fround(random.normal()));
  const tensors = tf.memory().numTensors;
  const variable = tf.variable(tf.tensor2d(start, [2, 3]), true, 'adam-test/theta');
  const scalar = tf.variable(tf.scalar(0.5), true, 'adam-test/scalar');
  const adam = new Adam(
    new Map<string, tf.Variable>([
      ['theta', variable],
      ['scalar', scalar],
    ]),
  );
  const naive = new NaiveAdam([...start, 0.5]);
  const steps = 30;
  let held = 0;
  for (let t = 1; t <= steps; t++) {
    const rate = 0.05 * (1 - t / 40);
    const gradient = [...scales, 1].map((scale) => Math.fround(scale * random.normal()));
    naive.step(gradient, t, rate);
    tf.tidy(() => {
      adam.apply(
        { 'adam-test/theta': tf.tensor2d(gradient.slice(0, 6), [2, 3]), 'adam-test/scalar': tf.scalar(gradient[6]!) },
        t,
        rate,
      );
    });
    if (t === 1) held = tf.memory().numTensors;
    const found = [...variable.dataSync(), ...scalar.dataSync()];
    found.forEach((value, i) => {
      // Each step rounds θ once and moves it by at most about 3·rate, itself off by some 2t + 10 roundings (m, v, and the
      // constants 0.9 and 0.999).
      const tolerance = 2 ** -24 * t * (Math.abs(start[i] ?? 0.5) + 3 + 0.15 * (2 * t + 10));
      assert.ok(Math.abs(value - naive.theta[i]!) <= tolerance, `step ${t}, entry ${i}: ${value}, ${naive.theta[i]}`);
    });
  }
  assert.equal(variable.dataSync()[0], start[0], 'no gradient, no move');
  const moved = [...variable.dataSync()].map((value, i) => Math.abs(value - start[i]!));
  assert.ok(moved[4]! > 1e-3 && moved[5]! > 1e-3, `hardly moved: ${moved}`);
  assert.equal(tf.memory().numTensors, held, 'tensors are left behind');
  adam.dispose();
  variable.dispose();
  scalar.dispose();
  // The two that the variables were made from belong to this test.
  assert.equal(tf.memory().numTensors, tensors + 2);
});

test('a gradient that is missing is named', () => {
  const variable = tf.variable(tf.scalar(1), true, 'adam-test/lonely');
  const adam = new Adam(new Map([['lonely', variable]]));
  assert.throws(() => adam.apply({}, 1, 0.1), /no gradient for 'lonely'/);
});
