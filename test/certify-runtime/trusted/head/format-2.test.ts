/** Files of format 2, which are read, proven and run as they were sealed. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Certifier } from '../../../../src/certify-runtime/node.ts';
import { generateKeys, readPrivateKey, sign } from '../../../../src/certify-runtime/signature/signing.ts';
import { PROVER } from '../../../../src/certify-runtime/trusted/file/claims.ts';
import { verifyModel } from '../../../../src/certify-runtime/trusted/verify.ts';
import { sealBytes } from '../../../support/networks/brought.ts';
import { parts, run, withDigests } from '../../../support/networks/sealed.ts';

const sealedFormat2 = async () =>
  new Uint8Array(await readFile(new URL('../../../fixtures/sealed/format-2.onnx', import.meta.url)));

describe('a file of format 2', () => {
  it('is proven, signed or not, and run with the answers that it was sealed with', async () => {
    const bytes = await sealedFormat2();
    const { certificate, images } = await verifyModel(bytes);
    assert.deepEqual([certificate.format, certificate.prover, certificate.precision], [2, 2, undefined]);
    const keys = await generateKeys();
    const signature = await sign(bytes, await readPrivateKey(keys.privatePem));
    const signed = { publicKey: keys.publicPem, signature } as const;
    const whole = await run(bytes, Float32Array.from(images.flatMap((image) => [...image])), certificate.input.shape);
    for (const options of [{}, signed]) {
      const certifier = await Certifier.load(bytes, options);
      assert.notEqual(certifier.model.proven, null);
      for (const [i, { label, radius, logits }] of certificate.vectors.entries()) {
        const own = await certifier.predict(images[i]!);
        assert.deepEqual([own.label, whole[i]!.label], [label, label]);
        assert.deepEqual([...whole[i]!.logits], logits);
        assert.equal(whole[i]!.radius, radius);
        assert(own.radius >= radius && own.radius < radius + 1e-4 && radius > 0, `${own.radius} and ${radius}`);
      }
      await certifier.dispose();
    }
  });

  it('is not believed because it is signed: prover 2 is broken, and no other wrote this format', async () => {
    const { model, certificate } = parts(await sealedFormat2());
    const keys = await generateKeys();
    const trusted = async (bytes: Uint8Array) => {
      const signature = await sign(bytes, await readPrivateKey(keys.privatePem));
      return Certifier.load(bytes, { publicKey: keys.publicPem, signature, proof: 'unless-signed' });
    };
    await assert.rejects(trusted(await sealedFormat2()), /those of prover 2, .*soundness\.md.*proof 'always'/);
    const renamed = await withDigests(model, { ...certificate, prover: PROVER });
    await assert.rejects(trusted(renamed), /no sealed model of format 3 .*format 2/);
  });

  it('becomes one of format 3 with radii as large', async () => {
    const { bytes } = await sealBytes(await sealedFormat2());
    const [before, { certificate }] = [parts(await sealedFormat2()).certificate, parts(bytes)];
    assert.equal(certificate.format, 3);
    certificate.vectors.forEach(({ image, label, radius }, i) => {
      assert.deepEqual([image, label], [before.vectors[i]!.image, before.vectors[i]!.label]);
      assert(Math.abs(radius - before.vectors[i]!.radius) < 1e-4, `${radius}`);
    });
  });
});
