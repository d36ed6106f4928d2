/** The radius holds for every order of summation, with and without FMA and flush to zero, and for any mixture of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { imageNorms, marginCertificate } from '../../../src/certify-runtime/trusted/margin.ts';
import { attack } from '../../../src/evaluate/attack/attack.ts';
import { dense, hardImages, randomSpec, sealDense } from '../../support/networks/dense-networks.ts';
import { LEAST_POINTS } from '../../support/numbers/attacked-points.ts';
import { anyExecution, EXECUTIONS, executeDense, fusedMultiplyAdd } from '../../support/numbers/float32-executors.ts';

test('the executions really differ', () => {
  const random = createRandom(3);
  const spec = randomSpec(
    { inputs: 12, classes: 2, depth: 2, activation: 'MaxMin', scale: () => 1, bias: 100 },
    random,
  );
  const image = hardImages(spec, 1, random);
  const answers = new Set(EXECUTIONS.map((execution) => executeDense(spec, image, execution, random).join()));
  assert.ok(answers.size > 4, `${answers.size} different answers`);
  // (1 + 2⁻¹²)² − (1 + 2⁻¹¹) = 2⁻²⁴, which a rounded product loses; and a tie that two roundings would get wrong.
  assert.equal(fusedMultiplyAdd(1 + 2 ** -12, 1 + 2 ** -12, -(1 + 2 ** -11)), 2 ** -24);
  assert.equal(fusedMultiplyAdd(1 + 2 ** -23, 2 ** -24, 1), 1 + 2 ** -23);
  assert.equal(fusedMultiplyAdd(1 - 2 ** -24, 2 ** -24, 1), 1);
  assert.equal(fusedMultiplyAdd(1 - 2 ** -24, -(2 ** -25), 1), 1);
});

test('no flip within a claimed radius by any execution', async (t) => {
  const random = createRandom(5);
  let points = 0;
  for (let k = 0; k < 14; k++) {
    const exponent = k % 7 === 6 ? -38 : 0;
    const spec = randomSpec(
      {
        inputs: 4 + k,
        classes: 2 + (k % 3),
        depth: 1 + (k % 2),
        activation: k % 2 === 0 ? 'MaxMin' : 'Relu',
        scale: (layer) => (layer === 0 ? 10 ** exponent : 1),
        bias: [0, 1, 1e3, 1e5][k % 4]! * 10 ** exponent,
      },
      random,
    );
    const { judge, verified, network } = await sealDense(spec);
    try {
      const any = anyExecution(spec, verified.terms, judge, random);
      const report = await attack(any, network, hardImages(spec, 9, random), {
        steps: 20,
        probes: 256,
        roundings: 128,
        seed: k,
      });
      assert.equal(report.broken, 0, `network ${k}`);
      points += report.attackedPoints;
    } finally {
      await judge.release();
    }
  }
  t.diagnostic(`${points} points inside`);
  assert.ok(points >= LEAST_POINTS.summationOrders, `${points}`);
});

test('the bound of the rounding errors is nearly attained: 1 + n·2⁻²⁴, each summand lost to a tie', async () => {
  const n = 1024;
  const zeros = Array<number>(n).fill(0);
  const spec = [
    dense([Array<number>(n).fill(2 ** -12), zeros], [1, 0]),
    // y₀ − y₁ = Σ − n·2⁻²⁵: the exact network says 0, the execution that loses every summand says 1.
    dense(
      [
        [1, 0],
        [0, 1],
      ],
      [-1, n * 2 ** -25],
    ),
  ];
  const { judge, verified } = await sealDense(spec);
  await judge.release();
  const { terms } = verified;
  const image = new Float32Array(n).fill(2 ** -12);
  const norms = imageNorms(image);
  const random = createRandom(1);
  const run = (order: 'forward' | 'pairwise') =>
    executeDense(spec, image, { order, fma: false, flush: false, biasFirst: order === 'forward' }, random);
  const [lossy, good] = [run('forward'), run('pairwise')];
  assert.deepEqual([...lossy], [0, n * 2 ** -25]);
  assert.deepEqual([...good], [n * 2 ** -24, n * 2 ** -25]);
  // Either may run at either time: neither may be certified.
  assert.equal(marginCertificate(lossy, norms, terms).radius, 0);
  assert.equal(marginCertificate(good, norms, terms).radius, 0);
  const { latentError } = terms.constants;
  const delta = Math.min(...latentError.map(({ constant, l2, l1 }) => constant + l2 * norms.l2 + l1 * norms.l1));
  const attained = (n * 2 ** -24) / delta;
  assert.ok(attained > 0.95 && attained <= 1, `${attained} of the bound`);
});
