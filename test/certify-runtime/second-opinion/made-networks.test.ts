/** The second opinion about networks made for it: linear ones, and those that are hard to look at. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { subspaces } from '../../../src/certify-runtime/second-opinion/directions.ts';
import type { Program } from '../../../src/certify-runtime/second-opinion/program.ts';
import { secondOpinion } from '../../../src/certify-runtime/second-opinion/second-opinion.ts';
import type { Tensor } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { singularValues } from '../../support/numbers/svd.ts';
import { contradicted, GENEROUS, measure, type Network, TOO_STEEP, withHead } from './networks.ts';

const random = (seed: number, length: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * ((i % 7) - 2));

function linear(pixels: number, outputs: number, before: (b: GraphBuilder, x: string) => string = (_, x) => x) {
  const shape = [1, pixels / 4, 4];
  const b = new GraphBuilder(['N', ...shape]);
  const weights = random(pixels, pixels * outputs);
  const x = b.node('Reshape', [before(b, 'image'), b.ints([-1, pixels])]);
  const z = b.node('Add', [
    b.node('MatMul', [x, b.floats([pixels, outputs], weights)]),
    b.floats([outputs], random(3, outputs)),
  ]);
  return { network: withHead(b, z, outputs, shape), norm: singularValues(weights, pixels, outputs)[0]! };
}

/** A move of pixels that gradient/ does not know: the provider is all there is to ask. */
function withoutGradient(b: GraphBuilder, x: string): string {
  const planes = b.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  return b.node('DepthToSpace', [planes], { blocksize: 2 });
}

describe('a linear network', () => {
  const cases = [
    ['small', linear(24, 5), true],
    ['large', linear(1200, 6), true],
    ['small, without gradients', linear(24, 5, withoutGradient), false],
    ['larger, without gradients', linear(1200, 6, withoutGradient), false],
  ] as const;
  for (const [name, { network, norm }, float64] of cases) {
    it(`${name}: 2 % below its norm is refused, 10⁻⁶ above is not`, async () => {
      // δ as small as a proof would have it: without gradients, secants of float32 answers are all there is.
      const latentError = [{ constant: 1e-5, l2: 1e-5, l1: 0 }];
      const above = await measure(network, { lipschitz: norm * (1 + 1e-6), latentError });
      assert.equal(above.float64, float64);
      assert.ok(above.lipschitz > norm * 0.998, `${above.lipschitz} of ${norm}`);
      await assert.rejects(measure(network, { lipschitz: norm * 0.98, latentError }), contradicted(TOO_STEEP));
    });
  }

  it('is refused where no more is claimed of its float32 errors than exact arithmetic would give', async () => {
    const { network } = linear(1200, 6);
    const zero = { constant: 0, l2: 0, l1: 0 };
    const none = measure(network, { latentError: [zero] });
    await assert.rejects(
      none,
      contradicted(/a float32 error of the latent of \S+ is measured, at most 0\.000 is claimed/),
    );
    await assert.rejects(measure(network, { logitError: zero }), contradicted(/a float32 error of the logits/));
  });

  it('is refused where its head is taken for another one', async () => {
    const { network } = linear(24, 5);
    const weights = network.head.weights.map((w, i) => (i === 3 ? w + 0.5 : w));
    const wrong = { ...network, head: { ...network.head, weights } };
    const logitError = { constant: 1e-4, l2: 1e-4, l1: 0 };
    await assert.rejects(measure(wrong, { logitError }), contradicted(/a float32 error of the logits/));
  });
});

test('an overflow within the claims is refused, beyond them it is not', async () => {
  const b = new GraphBuilder(['N', 1, 1, 4]);
  const x = b.node('Reshape', ['image', b.ints([-1, 4])]);
  const z = b.node('MatMul', [x, b.floats([4, 1], [3e38, 3e38, -3e38, -3e38])]);
  const network = withHead(b, z, 1, [1, 1, 4]);
  const loose = { constant: 1e37, l2: 0, l1: 0 };
  const claims = { lipschitz: 1e39, latentError: [loose], logitError: loose };
  await assert.rejects(measure(network, claims), contradicted(/answers (-?Infinity|NaN) for an image of norm/));
  const opinion = await measure(network, { ...claims, maxImageNorm: 0.25 });
  assert.ok(opinion.lipschitz > 5.9e38, `${opinion.lipschitz}`);
});

test('a sum over a large image is seen without gradients', async () => {
  const b = new GraphBuilder(['N', 40, 40, 4]);
  const sum = b.node('ReduceSum', [withoutGradient(b, 'image'), b.ints([1, 2, 3])], { keepdims: 0 });
  const network = withHead(b, b.node('Reshape', [sum, b.ints([-1, 1])]), 1, [40, 40, 4]);
  await assert.rejects(measure(network, { lipschitz: 70 }), contradicted(TOO_STEEP));
  assert.ok((await measure(network, { lipschitz: 80.1 })).lipschitz > 79.9);
});

test('known images are among those looked at', async () => {
  // Relu(Σx − 59): flat but for images that are nearly white, of which two are known.
  const b = new GraphBuilder(['N', 1, 15, 4]);
  const flat = b.node('Reshape', ['image', b.ints([-1, 60])]);
  const sum = b.node('MatMul', [flat, b.floats([60, 1], new Float32Array(60).fill(1))]);
  const z = b.node('Relu', [b.node('Sub', [sum, b.floats([1], [59])])]);
  const z2 = b.node('Min', [z, b.floats([1], [0.75])]);
  const network = withHead(b, z2, 1, [1, 15, 4]);
  const near = [0.99, 0.995].map((value) => new Float32Array(60).fill(value));
  await assert.rejects(measure(network, { lipschitz: 7 }, near), contradicted(TOO_STEEP));
  assert.ok((await measure(network, { lipschitz: 7.75 }, near)).lipschitz > 7.7);
});

test('subspaces have orthonormal directions, and all of a small space', () => {
  assert.equal(subspaces(20, 25).length, 1);
  assert.equal(subspaces(20, 25)[0]!.dimension, 20);
  for (const [size, room] of [
    [20, 25],
    [1000, 30],
    [1000, 2],
  ] as const) {
    for (const { dimension, group, weight } of subspaces(size, room)) {
      const squares = new Float64Array(dimension);
      for (const [i, g] of group.entries()) if (g >= 0) squares[g]! += weight[i]! ** 2;
      for (const square of squares) assert.ok(Math.abs(square - 1) < 1e-12);
    }
  }
});

/** A program that answers with zeros and knows no gradient's integers; it is told how many images each run has. */
const zeros = ({ head, shape }: Network, integers: ReadonlyMap<string, Tensor>, ran: (n: number) => void): Program => ({
  run: async (_, n) => {
    ran(n);
    return { latent: new Float32Array(head.latentSize * n), logits: new Float32Array(head.classes * n) };
  },
  integers: async () => integers,
  dimensions: async (tensors, batches) => batches.map((n) => tensors.map(() => [n, ...shape])),
});

test('a large tensor inside keeps batches small, however small the image is', async () => {
  const { network } = linear(24, 5, withoutGradient);
  const one: Tensor = { name: 'one', type: 'int64', dims: [1], data: BigInt64Array.of(1n) };
  const integers = new Map([['one', one]]);
  for (const wide of [2 ** 8, 2 ** 12, 2 ** 16]) {
    let most = 0;
    const program = zeros({ ...network, shape: [wide] }, integers, (n) => {
      most = Math.max(most, n);
    });
    await secondOpinion({ ...network, claims: GENEROUS, shapes: new Map([['wide', [1, wide]]]), known: [], program });
    // 32 MiB of float32 in the tensor.
    assert.ok(most > 1 && most * wide <= 2 ** 23, `${most} images`);
  }
});

test('a network too large to look at closely is only run on a few images', async () => {
  // 10⁹ multiply-adds an image; nothing is ever run here.
  const shape = [256, 256, 3];
  const b = new GraphBuilder(['N', ...shape]);
  let x = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
  x = b.node('Conv', [x, b.floats([64, 3, 9, 9], new Float32Array(64 * 3 * 81))]);
  const network = withHead(b, b.node('Reshape', [b.node('GlobalAveragePool', [x]), b.ints([-1, 64])]), 64, shape);
  let images = 0;
  const program = zeros(network, new Map(), (n) => {
    images += n;
  });
  const opinion = await secondOpinion({ ...network, claims: GENEROUS, shapes: new Map(), known: [], program });
  assert.equal(opinion.float64, false);
  assert.equal(opinion.images, images);
  assert.ok(images >= 6 && images < 80, `${images}`);
});
