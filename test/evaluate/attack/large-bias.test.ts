/**
 * Large-bias networks, which broke published certificates (Jia & Rinard 2021; Jin et al. 2022; python-certifier): the
 * radius is 0 or true. With the slack switched off the same attack breaks it, so the suite can fail.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random } from '../../../src/certify-runtime/smoothing/random.ts';
import { pairwiseDistances } from '../../../src/certify-runtime/trusted/head.ts';
import { type AttackReport, attack } from '../../../src/evaluate/attack/attack.ts';
import type { Claim } from '../../../src/evaluate/attack/claim.ts';
import { hardImages, randomSpec, type SealedNetwork, sealDense } from '../../support/networks/dense-networks.ts';
import { LEAST_POINTS } from '../../support/numbers/attacked-points.ts';

/** min_j m_j/(L·s_j), nothing subtracted: what a certifier claims that takes float32 for the reals. */
function withoutSlack({ verified }: SealedNetwork): Claim {
  const { head, proven } = verified;
  const distances = pairwiseDistances(head);
  return ({ labels, logits }, row) => {
    const label = labels[row]!;
    let radius = Number.POSITIVE_INFINITY;
    for (let j = 0; j < head.classes; j++) {
      if (j === label) continue;
      const margin = logits[row * head.classes + label]! - logits[row * head.classes + j]!;
      radius = Math.min(radius, margin / (proven.lipschitz * distances[label * head.classes + j]!));
    }
    return { label, radius };
  };
}

const BIASES = [1e4, 1e5, 1e6, 1e7];
const NETWORKS = 5;
const IMAGES = 12;

async function attackAll(
  random: Random,
  bias: number,
  claimOf: (network: SealedNetwork) => { claim?: Claim },
): Promise<AttackReport[]> {
  const reports: AttackReport[] = [];
  for (let k = 0; k < NETWORKS; k++) {
    const spec = randomSpec(
      {
        inputs: 4 + 2 * k,
        classes: k % 2 === 0 ? 2 : 4,
        depth: 1 + (k % 2),
        activation: k % 2 === 0 ? 'Relu' : 'MaxMin',
        // Margins large against the rounding errors for some, small for others: certified and not certifiable.
        scale: (layer) => (layer === 0 ? 10 ** (k - 1) : 1),
        bias,
      },
      random,
    );
    const network = await sealDense(spec, k % 2 === 0 ? 'MatMul' : 'Gemm');
    try {
      const images = hardImages(spec, IMAGES, random);
      reports.push(
        await attack(network.judge, network.network, images, { seed: k, steps: 30, probes: 640, ...claimOf(network) }),
      );
    } finally {
      await network.judge.release();
    }
  }
  return reports;
}

test('biases up to 1e7: the radius is 0 or true', async (t) => {
  let points = 0;
  let certified = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const bias of BIASES) {
    for (const report of await attackAll(createRandom(7, bias), bias, () => ({}))) {
      assert.equal(
        report.broken,
        0,
        `bias ${bias}: ${JSON.stringify(report.images.find(({ counterexample }) => counterexample))}`,
      );
      points += report.attackedPoints;
      smallest = Math.min(smallest, report.smallestRatio ?? smallest);
      certified += report.images.filter(({ radius }) => radius > 0).length;
    }
  }
  t.diagnostic(
    `${points} points inside, ${certified} of ${BIASES.length * NETWORKS * IMAGES} images certified, smallest flip/radius ${smallest}`,
  );
  assert.ok(points >= LEAST_POINTS.largeBias, `${points}`);
});

test('the same attack breaks the radius that forgets the slack', async (t) => {
  for (const bias of [1e6, 1e7]) {
    const reports = await attackAll(createRandom(7, bias), bias, (network) => ({ claim: withoutSlack(network) }));
    const broken = reports.reduce((total, report) => total + report.broken, 0);
    const worst = Math.min(...reports.map(({ smallestRatio }) => smallestRatio ?? 1));
    t.diagnostic(
      `bias ${bias}: ${broken} of ${NETWORKS * IMAGES} claims broken, smallest flip at ${worst} of the radius`,
    );
    assert.ok(broken > 0);
    assert.ok(worst < 0.9);
  }
});
