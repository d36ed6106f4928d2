/**
 * Every published 1-Lipschitz layer seals with L ≤ 1.001. The oracles are dense singular values: numpy's of the layers
 * and of Jacobians (the manifest, made by pipeline/python/layers), and ours of the sealed file's own Jacobian.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { DifferentiableNetwork } from '../../src/certify-runtime/gradient/network.ts';
import { measureStretch, openTwin } from '../../src/evaluate/stretch.ts';
import { NODE } from '../../src/export/onnx-runtime/node.ts';
import { sealBytes } from '../support/networks/brought.ts';
import { Random } from '../support/numbers/random.ts';
import { largestSingularValue } from '../support/numbers/svd.ts';

interface Fixture {
  readonly file: string;
  readonly family: string;
  /** The product of the layers' true constants, and the largest norm of a Jacobian: the encoder's constant is between. */
  readonly product: number;
  readonly measured: number;
}

const FOLDER = new URL('../fixtures/layers/', import.meta.url);
const fixtures: readonly Fixture[] = JSON.parse(await readFile(new URL('manifest.json', FOLDER), 'utf8'));

/** What is published as 1-Lipschitz must be found to be, but for this. */
const MOST = 1.001;
/** The manifest is about weights in float64, the file has them in float32. */
const WEIGHTS = 1e-5;
const POINTS = 2;
const WORK = 2e7;

/** The largest singular value of the whole Jacobian at an image. */
function jacobianNorm(network: DifferentiableNetwork, image: Float64Array): number {
  const { classes: rows, imageSize: columns } = network;
  const images = new Float64Array(rows * columns);
  const seeds = new Float64Array(rows * rows);
  for (let j = 0; j < rows; j++) {
    images.set(image, j * columns);
    seeds[j * rows + j] = 1;
  }
  return largestSingularValue(network.trace(images, rows).pullback(seeds), rows, columns);
}

test('the fixtures cover every family', () => {
  const families = [
    'AOC',
    'AOL',
    'BCOP',
    'BRO',
    'CPL',
    'Cayley',
    'Householder',
    'LOT',
    'LiResNet',
    'SLL',
    'SOC',
    'Sandwich',
  ];
  assert.deepEqual([...new Set(fixtures.map(({ family }) => family))].sort(), families);
});

for (const { file, family, product, measured } of fixtures) {
  test(`${family}, ${file}: true ≤ L ≤ ${MOST}`, async (t) => {
    const { bytes, verified } = await sealBytes(await readFile(new URL(file, FOLDER)));
    const { lipschitz } = verified.proven;
    assert(lipschitz >= measured * (1 - WEIGHTS), `L = ${lipschitz} is below ${measured}, which numpy measures`);
    assert(lipschitz <= MOST, `L = ${lipschitz} is above ${MOST}`);

    const network = (await openTwin(bytes, verified.certificate.input.shape, NODE)).network('latent');
    assert(network !== null, 'an operator of the sealed file has no gradient');
    const random = new Random(1);
    let largest = 0;
    for (let point = 0; point < POINTS; point++) {
      const image = Float64Array.from({ length: network.imageSize }, () => random.below(2 ** 20) / 2 ** 20);
      largest = Math.max(largest, jacobianNorm(network, image));
    }
    const { jacobian, secant } = measureStretch(network, verified.terms.constants.latentError, 1, WORK);
    largest = Math.max(largest, jacobian, secant);
    assert(largest <= lipschitz * (1 + 1e-9), `a stretch of ${largest} where L = ${lipschitz}`);
    assert(largest >= 0.9 * measured, `the search is blind: ${largest} where numpy measures ${measured}`);
    assert(largest <= product * (1 + WEIGHTS), `a stretch of ${largest}, above ${product}, which numpy finds`);
    t.diagnostic(`${largest.toFixed(6)} measured, ${product.toFixed(6)} true at most, L = ${lipschitz.toFixed(6)}`);
  });
}
