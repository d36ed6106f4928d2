/** Random networks at every scale float32 has: no flip inside a claimed radius; the graph's radius against the core's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random, uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import { imageNorms, marginCertificate } from '../../../src/certify-runtime/trusted/margin.ts';
import { attack } from '../../../src/evaluate/attack/attack.ts';
import {
  type DenseSpec,
  hardImages,
  randomSpec,
  type SealedNetwork,
  sealDense,
} from '../../support/networks/dense-networks.ts';
import { LEAST_POINTS } from '../../support/numbers/attacked-points.ts';

interface Scales {
  /** Exponent of ten of a layer's weights. */
  readonly exponent: (random: Random) => number;
  /** Hidden biases, against the first layer's weights. */
  readonly bias: number;
}

const SCALES: Readonly<Record<string, Scales>> = {
  ordinary: { exponent: () => 0, bias: 1 },
  'from 1e-6 to 1e6': { exponent: (random) => 12 * random.uniform() - 6, bias: 1 },
  'subnormal weights': { exponent: (random) => (random.uniform() < 0.5 ? -39 - 4 * random.uniform() : 0), bias: 1 },
  // Without biases: a black image overflows nowhere, so the network can be sealed, and must guard itself elsewhere.
  'prone to overflow': { exponent: (random) => 6 + 16 * random.uniform(), bias: 0 },
};

function makeSpec(random: Random, { exponent, bias }: Scales): DenseSpec {
  const depth = 1 + uniformInt(3, random);
  const exponents = Array.from({ length: depth + 1 }, () => exponent(random));
  return randomSpec(
    {
      inputs: 2 + uniformInt(11, random),
      classes: 2 + uniformInt(4, random),
      depth,
      activation: random.uniform() < 0.5 ? 'MaxMin' : 'Relu',
      scale: (layer) => 10 ** exponents[layer]!,
      bias: bias * 10 ** exponents[0]! * random.uniform(),
    },
    random,
  );
}

/** Sealed, or null where the proof refuses the network. */
async function trySeal(spec: DenseSpec, style: 'MatMul' | 'Gemm'): Promise<SealedNetwork | null> {
  try {
    return await sealDense(spec, style);
  } catch (error) {
    if (error instanceof UnprovableError) return null;
    throw error;
  }
}

/** In-graph radius ≤ the core's for the same logits, and close to it where the numbers are ordinary. */
async function compareWithCore(
  { judge, verified, spec }: SealedNetwork,
  images: Float32Array,
  ordinary: boolean,
): Promise<void> {
  const { labels, radii, logits } = await judge.evaluate(images);
  const size = spec[0]!.inputs;
  for (let k = 0; k < images.length / size; k++) {
    const row = logits.subarray(k * judge.classes, (k + 1) * judge.classes);
    if (!row.every(Number.isFinite)) {
      assert.equal(radii[k], 0, `logits ${row}`);
      continue;
    }
    const core = marginCertificate(row, imageNorms(images.subarray(k * size, (k + 1) * size)), verified.terms);
    assert.equal(labels[k], core.label);
    assert.ok(radii[k]! <= core.radius, `${radii[k]} in the graph, ${core.radius} in the core, logits ${row}`);
    if (ordinary) assert.ok(radii[k]! >= core.radius * (1 - 1e-5) - 1e-5, `${radii[k]} against ${core.radius}`);
  }
}

const NETWORKS = 16;
const IMAGES = 9;
let points = 0;

for (const [name, scales] of Object.entries(SCALES)) {
  test(`random networks, ${name}`, async (t) => {
    const random = createRandom(11, name.length);
    const counts = { refused: 0, certified: 0, points: 0 };
    for (let k = 0; k < NETWORKS; k++) {
      const sealed = await trySeal(makeSpec(random, scales), k % 2 === 0 ? 'MatMul' : 'Gemm');
      if (sealed === null) {
        counts.refused++;
        continue;
      }
      const { judge, network, spec } = sealed;
      try {
        const images = hardImages(spec, IMAGES, random);
        await compareWithCore(sealed, hardImages(spec, 200, random), name === 'ordinary');
        const report = await attack(judge, network, images, { steps: 20, probes: 96, roundings: 96, seed: k });
        const bad = report.images.find(({ counterexample }) => counterexample !== null);
        assert.equal(bad, undefined, `network ${k}`);
        counts.points += report.attackedPoints;
        counts.certified += report.images.filter(({ radius }) => radius > 0).length;
      } finally {
        await judge.release();
      }
    }
    points += counts.points;
    t.diagnostic(
      `${counts.points} points inside; ${counts.certified} of ${NETWORKS * IMAGES} images certified; ${counts.refused} networks refused`,
    );
    if (name === 'ordinary') assert.ok(counts.certified > (NETWORKS * IMAGES) / 2, 'ordinary networks are certified');
  });
}

test('enough points were tried', () => assert.ok(points >= LEAST_POINTS.randomNetworks, `${points}`));
