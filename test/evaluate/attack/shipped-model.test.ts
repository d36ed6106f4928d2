/** The shipped model under attack: no flip inside a claimed radius, and the radii nearly as large as they could be. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { differentiate } from '../../../src/certify-runtime/gradient/network.ts';
import { readOnnx } from '../../../src/certify-runtime/trusted/onnx/read.ts';
import { attack } from '../../../src/evaluate/attack/attack.ts';
import { sessionJudge } from '../../../src/evaluate/attack/judge.ts';
import { readRange } from '../../../src/train/data/dataset.ts';
import { openDataset } from '../../../src/train/data/registry.ts';
import { LEAST_POINTS } from '../../support/numbers/attacked-points.ts';

/** GLEAN_ATTACKED_MODEL: another sealed cmnist model, for working on the attack. */
const MODEL = process.env['GLEAN_ATTACKED_MODEL'] ?? new URL('../../../models/cmnist/model.onnx', import.meta.url);
const IMAGES = 20;

test('models/cmnist/model.onnx: no flip within a claimed radius', async (t) => {
  const bytes = await readFile(MODEL);
  const { test: set, classes } = await openDataset('cmnist');
  const network = differentiate(readOnnx(bytes).graph, 'image', 'logits');
  assert.ok(network !== null);
  const judge = await sessionJudge(bytes, set.shape, classes.length);
  try {
    const pixels = Float32Array.from(readRange(set, 0, IMAGES), (byte) => byte / 255);
    const report = await attack(judge, network, pixels, { steps: 20, probes: 640, roundings: 448, seed: 1 });
    t.diagnostic(
      `${report.attackedPoints} points inside, ${report.evaluations} in all; flip/radius from ${report.smallestRatio}, median ${report.medianRatio}`,
    );
    assert.equal(report.broken, 0);
    assert.ok(report.attackedPoints >= LEAST_POINTS.shippedModel, `${report.attackedPoints}`);
    assert.ok(report.smallestRatio !== null && report.smallestRatio > 1);
    assert.ok(
      report.images.filter(({ flip }) => flip !== null).length > IMAGES / 2,
      'the attack finds flips outside the radii',
    );
  } finally {
    await judge.release();
  }
});
