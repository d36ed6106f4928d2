/** CERTIFY on inputs against a classifier whose class probabilities are known, and what an answer depends on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smoothingCap } from '../../../src/certify-runtime/smoothing/certify.ts';
import { normalCdf } from '../../../src/certify-runtime/smoothing/normal.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { certifyInputs } from '../../../src/evaluate/sampling/certify-inputs.ts';
import { NoisyNetwork } from '../../../src/evaluate/sampling/noisy-network.ts';
import { kolmogorovSmirnov } from '../../certify-runtime/smoothing/statistics.ts';
import { dense, linear } from './networks.ts';

const SETTINGS = { sigma: 0.25, n: 2500, n0: 100, alpha: 0.001, seed: 5 };

/** Two classes by a hyperplane: y_0 − y_1 = 2 x_0 + x_1 − 0.3. */
const half = () =>
  linear(
    [
      [2, 0],
      [0, -1],
    ],
    [-0.3, 0],
  );
const distance = (x: ArrayLike<number>, i: number) => (2 * x[2 * i]! + x[2 * i + 1]! - 0.3) / Math.sqrt(5);

test('a half-space: counts are binomial with Φ(distance/σ), the radius is below the distance', async () => {
  const network = await NoisyNetwork.load(half());
  const random = createRandom(1);
  const points = Float32Array.from({ length: 80 }, () => random.normal() / 3);
  const answers = await certifyInputs(network, points, SETTINGS);
  await network.dispose();
  answers.forEach(({ label, radius, count, pA }, i) => {
    const d = distance(points, i);
    const p = normalCdf(Math.abs(d) / SETTINGS.sigma);
    assert.ok(Math.abs(count - 2500 * p) <= 6 * Math.sqrt(2500 * p * (1 - p)) + 1, `${count} of 2500 at p = ${p}`);
    assert.equal(label, pA <= 0.5 ? -1 : d > 0 ? 0 : 1);
    // At α = 0.001 and a fixed seed: none of these 40 is the wrong one in a thousand.
    assert.ok(radius <= Math.abs(d));
    if (Math.abs(d) > 3 * SETTINGS.sigma) assert.ok(radius > 0.8 * smoothingCap(0.25, 2500, 0.001));
  });
  assert.ok(
    answers.some(({ label }) => label === -1),
    'a point near the plane is abstained on',
  );
});

test('draws are fresh, independent and of scale σ: counts of one point over many seeds follow the binomial law', async () => {
  const network = await NoisyNetwork.load(half());
  const point = Float32Array.of(0.25, 0);
  const p = normalCdf(distance(point, 0) / 0.25);
  const scores: number[] = [];
  for (let seed = 0; seed < 150; seed++) {
    const [answer] = await certifyInputs(network, point, { ...SETTINGS, n: 1200, seed });
    scores.push((answer!.count - 1200 * p + createRandom(seed, 99).uniform() - 0.5) / Math.sqrt(1200 * p * (1 - p)));
  }
  await network.dispose();
  assert.ok(kolmogorovSmirnov(scores, normalCdf) < 1.95, 'Kolmogorov–Smirnov at 0.1 %');
});

test('an answer depends on its input and the seed, not on what else is certified', async () => {
  const network = await NoisyNetwork.load(dense());
  const random = createRandom(2);
  const points = Float32Array.from({ length: 5 * network.size }, () => random.uniform());
  const together = await certifyInputs(network, points, SETTINGS);
  const alone = await certifyInputs(network, points.slice(3 * network.size, 4 * network.size), SETTINGS);
  assert.deepEqual(alone[0], together[3]);
  assert.deepEqual(await certifyInputs(network, points, SETTINGS), together);
  const other = await certifyInputs(network, points, { ...SETTINGS, seed: 6 });
  assert.notDeepEqual(other, together);
  const more = await certifyInputs(network, points, { ...SETTINGS, n: 2501 });
  more.forEach(({ count }, i) => {
    assert.ok(count - together[i]!.count <= 1 && count >= together[i]!.count);
  });
  await network.dispose();
});

test('with labels given, wrong selections are not sampled and all else is as without', async () => {
  const network = await NoisyNetwork.load(dense());
  const random = createRandom(3);
  const points = Float32Array.from({ length: 8 * network.size }, () => random.uniform());
  const all = await certifyInputs(network, points, SETTINGS);
  const labels = all.map(({ label }, i) => (i % 2 === 0 ? Math.max(0, label) : (label + 1) % 3));
  const seen: number[] = [];
  const some = await certifyInputs(network, points, {
    ...SETTINGS,
    labels,
    onProgress: (done, total) => seen.push(done / total),
  });
  await network.dispose();
  some.forEach((answer, i) => {
    if (all[i]!.label === labels[i]) assert.deepEqual(answer, all[i]);
    else if (all[i]!.label !== -1) assert.deepEqual(answer, { label: -1, radius: 0, pA: 0, count: 0 });
  });
  assert.equal(seen.at(-1), 1);
});

test('settings out of range and inputs of another size are refused', async () => {
  const network = await NoisyNetwork.load(half());
  const points = new Float32Array(4);
  for (const wrong of [{ sigma: 0 }, { n: 0 }, { n0: 1.5 }, { alpha: 1 }, { seed: -1 }]) {
    await assert.rejects(certifyInputs(network, points, { ...SETTINGS, ...wrong }), InputError);
  }
  await assert.rejects(certifyInputs(network, new Float32Array(3), SETTINGS), /expected inputs of 2 = 2 values, got 3/);
  await network.dispose();
});
