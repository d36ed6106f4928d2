/** Formats and provers: what an earlier version sealed is proven anew or refused, and what a head answers where logits are not finite. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import { BROKEN_PROVERS } from '../../../src/certify-runtime/signature/provers.ts';
import { generateKeys, readPrivateKey, sign } from '../../../src/certify-runtime/signature/signing.ts';
import type { AffineBound, EncoderBound, LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { CertificateError, InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { PROVER } from '../../../src/certify-runtime/trusted/file/claims.ts';
import { outputInfos } from '../../../src/certify-runtime/trusted/file/names.ts';
import { pairwiseDistances } from '../../../src/certify-runtime/trusted/head.ts';
import { headGraph } from '../../../src/certify-runtime/trusted/head-graph.ts';
import { formerHead as firstHead } from '../../../src/certify-runtime/trusted/head-graph-1.ts';
import { formerHead as secondHead } from '../../../src/certify-runtime/trusted/head-graph-2.ts';
import {
  imageNorms,
  marginCertificate,
  marginConstants,
  marginTerms,
} from '../../../src/certify-runtime/trusted/margin.ts';
import { verifyModel } from '../../../src/certify-runtime/trusted/verify.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import { sealBytes } from '../../support/networks/brought.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { parts, QUIET, sealedNetwork, withDigests } from '../../support/networks/sealed.ts';

describe('a file of format 1, sealed by a prover that is known to be broken', () => {
  let old: Uint8Array;
  let keys: Awaited<ReturnType<typeof generateKeys>>;
  before(async () => {
    old = new Uint8Array(await readFile(new URL('../../fixtures/sealed/format-1.onnx', import.meta.url)));
    keys = await generateKeys();
  });

  it('is read and proven anew', async () => {
    const { certificate, proven, images } = await verifyModel(old);
    assert.equal(certificate.format, 1);
    const certifier = await Certifier.load(old);
    const { radius, label } = await certifier.predict(images[0]!);
    assert.equal(label, certificate.vectors[0]!.label);
    assert(radius > 0 && radius >= certificate.vectors[0]!.radius * 0.999, `${radius}`);
    assert(proven.lipschitz <= certificate.lipschitz.upper);
    await certifier.dispose();
  });

  it('is refused where a signature is to stand for the proof', async () => {
    assert.deepEqual(BROKEN_PROVERS, [1, 2, 3, 4]);
    assert(!BROKEN_PROVERS.includes(PROVER));
    const trusting = { publicKey: keys.publicPem, proof: 'unless-signed' } as const;
    const by = async (bytes: Uint8Array) => ({ signature: await sign(bytes, await readPrivateKey(keys.privatePem)) });
    await assert.rejects(
      Certifier.load(old, { ...trusting, ...(await by(old)) }),
      (error) =>
        error instanceof CertificateError && /those of prover 1, .*soundness\.md.*proof 'always'/.test(error.message),
    );
    const proven = await Certifier.load(old, { publicKey: keys.publicPem, ...(await by(old)) });
    assert.notEqual(proven.model.proven, null);
    await proven.dispose();
    const now = await sealedNetwork();
    const signed = await Certifier.load(now, { ...trusting, ...(await by(now)) });
    assert.equal(signed.model.proven, null);
    await signed.dispose();
  });

  it('is refused as well where a file of the present format names such a prover', async () => {
    const { model, certificate } = parts(await sealedNetwork());
    assert.equal(certificate.prover, PROVER);
    for (const prover of BROKEN_PROVERS) {
      const broken = await withDigests(model, { ...certificate, prover });
      const signature = await sign(broken, await readPrivateKey(keys.privatePem));
      const options = { publicKey: keys.publicPem, signature, proof: 'unless-signed' } as const;
      await assert.rejects(Certifier.load(broken, options), new RegExp(`prover ${prover},`));
      const certifier = await Certifier.load(broken);
      await certifier.dispose();
    }
  });

  it('becomes one of format 3 by sealing it again, with its classes, training and images', async () => {
    const before = parts(old).certificate;
    const { bytes } = await sealBytes(old);
    const { certificate } = parts(bytes);
    assert.equal(certificate.format, 3);
    assert.equal(certificate.precision, 'float32');
    assert.equal(certificate.prover, PROVER);
    for (const key of ['classes', 'sigma', 'training'] as const) assert.deepEqual(certificate[key], before[key]);
    assert.deepEqual(
      certificate.vectors.map(({ image, logits }) => ({ image, logits })),
      before.vectors.map(({ image, logits }) => ({ image, logits })),
    );
    assert(certificate.vectors.every(({ radius }, i) => radius >= before.vectors[i]!.radius * (1 - 1e-4)));
  });

  it('cannot carry another head, nor another format this one', async () => {
    const first = parts(old);
    const second = parts(await sealedFormat2());
    const third = parts(await sealedNetwork());
    const claimed = async (model: typeof first.model, certificate: object) =>
      verifyModel(await withDigests(model, certificate as typeof first.certificate));
    const { prover: _, ...without } = second.certificate;
    const { precision: __, ...unnamed } = third.certificate;
    await assert.rejects(claimed(second.model, { ...without, format: 1 }), /certificate head/);
    await assert.rejects(claimed(first.model, { ...first.certificate, format: 2, prover: PROVER }), /certificate head/);
    await assert.rejects(
      claimed(second.model, { ...second.certificate, format: 3, precision: 'float32' }),
      /certificate head/,
    );
    await assert.rejects(claimed(third.model, { ...unnamed, format: 2 }), /certificate head/);
    await assert.rejects(claimed(second.model, { ...second.certificate, precision: 'float32' }), /no such field/);
    await assert.rejects(claimed(third.model, unnamed), /precision: expected/);
    await assert.rejects(
      claimed(third.model, { ...third.certificate, format: 4 }),
      /format: expected 1, 2, 3, found 4/,
    );
  });
});

const sealedFormat2 = async () =>
  new Uint8Array(await readFile(new URL('../../fixtures/sealed/format-2.onnx', import.meta.url)));

const NONE: AffineBound = { constant: 0, l2: 0, l1: 0 };

/** An encoder that claims to be the identity on three pixels, exact, whatever it really does. */
function claimedIdentity(maxImageNorm: number): EncoderBound {
  const norm = { constant: 0, l2: 1, l1: 0 };
  return {
    lipschitz: 1,
    layers: [],
    latentError: [NONE],
    latentNorm: norm,
    latentChain: { scales: 0, growth: 1, reach: norm },
    maxImageNorm,
    inputShape: [1, 1, 3],
    latentSize: 3,
    shapes: new Map(),
  };
}

/** What the head answers for an image and a network that computes the logits from it by `build`. */
async function answer(
  head: LinearHead,
  image: readonly number[],
  build: (builder: GraphBuilder) => string,
  format: 1 | 2 | 3 = 3,
): Promise<{ radius: number; logits: readonly number[] }> {
  const builder = new GraphBuilder(['N', 1, 1, 3]);
  const logits = build(builder);
  const terms = marginTerms(marginConstants(claimedIdentity(2 ** 60), head), head);
  const { nodes, initializers } = { 1: firstHead, 2: secondHead, 3: headGraph }[format](terms, 3);
  const named = builder.nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => (name === logits ? 'logits' : name)),
  }));
  const graph = {
    ...builder.graph('logits'),
    nodes: [
      ...named,
      { op: 'Flatten', name: 'z', inputs: ['image'], outputs: ['latent'], attributes: new Map() },
      ...nodes,
    ],
    initializers: new Map([...builder.initializers, ...initializers.map((tensor) => [tensor.name, tensor] as const)]),
    outputs: outputInfos(head.classes, 3),
  };
  const file = writeOnnx({
    irVersion: 8,
    opset: 18,
    producerName: 't',
    producerVersion: '0',
    graph,
    metadata: new Map(),
  });
  const session = await ort.InferenceSession.create(file, QUIET);
  const results = await session.run({ image: new ort.Tensor('float32', Float32Array.from(image), [1, 1, 1, 3]) });
  await session.release();
  return {
    radius: (results['radius']!.data as Float32Array)[0]!,
    logits: [...(results['logits']!.data as Float32Array)],
  };
}

const IDENTITY: LinearHead = {
  classes: 3,
  latentSize: 3,
  weights: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  bias: new Float32Array(3),
};

describe('the head', () => {
  it('answers 0 wherever a logit is not finite', async () => {
    // v∘a∘b − v∘c∘d: constants of a file are finite, and so its infinities are products.
    const computing = (a: readonly number[], c: readonly number[]) =>
      answer(IDENTITY, [0.5, 0.6, 0.7], (builder) => {
        const v = builder.node('Flatten', ['image']);
        const large = (by: readonly number[]) => {
          const once = builder.node('Mul', [v, builder.floats([3], by)]);
          const again = by.map((value) => (Math.abs(value) > 1e30 ? 3e38 : 1));
          return builder.node('Mul', [once, builder.floats([3], again)]);
        };
        return builder.node('Sub', [large(a), large(c)]);
      });
    assert((await computing([1, 1, 8], [0, 0, 0])).radius > 3);
    for (const place of [0, 1, 2]) {
      const cases: [number, number, number][] = [
        [3e38, 0, Number.POSITIVE_INFINITY],
        [0, 3e38, Number.NEGATIVE_INFINITY],
        [3e38, 3e38, Number.NaN],
      ];
      for (const [a, c, value] of cases) {
        const { radius, logits } = await computing([1, 1, 8].with(place, a), [0, 0, 0].with(place, c));
        assert.equal(logits[place], value);
        assert.equal(radius, 0, `${value} in logit ${place}`);
      }
    }
    assert.equal((await computing([3e38, 3e38, 3e38], [3e38, 3e38, 3e38])).radius, 0);
    assert.equal((await computing([3e38, 3e38, 3e38], [0, 0, 0])).radius, 0);
  });

  it('is written only where images that pass it are not longer than the network was proven for', () => {
    const written = (write: typeof headGraph, maxImageNorm: number) => () =>
      write(marginTerms(marginConstants(claimedIdentity(maxImageNorm), IDENTITY), IDENTITY), 4);
    // √4 pixels below 2⁻⁶³, and 4·cap = maxImageNorm.
    const least = 2 ** -57;
    for (const write of [firstHead, secondHead, headGraph]) {
      assert.doesNotThrow(written(write, least * (1 + 2 ** -20)));
      assert.throws(written(write, least * (1 - 2 ** -20)), /squares of pixels that small vanish in float32/);
    }
  });

  it('gives 0 in a tie and between logits that float32 cannot tell apart', async () => {
    const shifted = (...b: number[]) =>
      answer(IDENTITY, [0.5, 0.5, 0.5], (g) => g.node('Add', [g.node('Flatten', ['image']), g.floats([3], b)]));
    assert.equal((await shifted(0, 0, 0)).radius, 0);
    assert.equal((await shifted(1, 1, 0)).radius, 0);
    assert.equal((await shifted(1, 1 - 2 ** -24, 0)).radius, 0);
    assert.equal((await shifted(1, 1 - 2 ** -23, 1 - 2 ** -23)).radius, 0);
    assert((await shifted(1, 0.9, 0.9)).radius > 0.07);
  });

  it('keeps its radius where two other rows are nearly equal', async () => {
    const near = 2 ** -20;
    const head = { ...IDENTITY, weights: Float32Array.of(1, 0, 0, 0, 1, 0, near, 1, 0) };
    const image = [1, 0.25, 0];
    const product = (b: GraphBuilder) =>
      b.node('Gemm', [b.node('Flatten', ['image']), b.floats([3, 3], head.weights)], { transB: 1 });
    const exact = 0.75 / Math.SQRT2;
    const { radius } = await answer(head, image, product);
    assert(radius > exact * (1 - 1e-4) && radius <= exact, `${radius}`);
    const first = await answer(head, image, product, 1);
    assert.equal(first.radius, 0);
    const terms = marginTerms(marginConstants(claimedIdentity(2 ** 60), head), head);
    const own = marginCertificate([1, 0.25, 0.25 + near], imageNorms(Float32Array.from(image)), terms);
    assert(own.radius >= radius && own.radius <= exact, `${own.radius}`);
    assert(pairwiseDistances(head)[5]! < 2e-6);
  });
});

describe('sealing', () => {
  it('says which known vector overflows', async () => {
    const builder = new GraphBuilder(['N', 1, 1, 4]);
    const x = builder.node('Flatten', ['image']);
    const wide = builder.node('MatMul', [x, builder.floats([4, 2], Array(8).fill(2e38))]);
    const logits = builder.node('MatMul', [wide, builder.floats([2, 2], [1, 0, 0, 1])]);
    const { fileOf } = await import('../../support/networks/brought.ts');
    await assert.rejects(
      sealBytes(fileOf(builder, logits), { layout: 'NHWC' }),
      (error) => error instanceof Error && /overflow/.test(error.message) && !(error instanceof TypeError),
    );
    const narrow = new GraphBuilder(['N', 1, 1, 4]);
    const y = narrow.node('Flatten', ['image']);
    const z = narrow.node('MatMul', [y, narrow.floats([4, 2], Array(8).fill(5e37))]);
    const few = fileOf(narrow, narrow.node('MatMul', [z, narrow.floats([2, 2], [1e3, 0, 0, -1e3])]));
    await assert.rejects(
      sealBytes(few, { layout: 'NHWC' }),
      (error) =>
        error instanceof InputError &&
        /known vector \d: the network's float32 logits are .*overflow/.test(error.message),
    );
  });
});

describe('the proof', () => {
  it('is not made in a process that takes subnormal numbers for zero', async () => {
    const child = fileURLToPath(new URL('../../support/hostile/flushing-child.ts', import.meta.url));
    const file = fileURLToPath(new URL('../../fixtures/sealed/format-1.onnx', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', child, file]);
    assert.match(stdout, /takes subnormal numbers for zero: it proves nothing/);
  });
});
