/** Every comparison of verification decides alone: files in which all is right but for one claim, one unit off. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { GleanError } from '../../../../src/certify-runtime/trusted/errors.ts';
import type { Certificate } from '../../../../src/certify-runtime/trusted/file/claims.ts';
import { proveConstants, verifyModel } from '../../../../src/certify-runtime/trusted/verify.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { forge, parts, sealedNetwork, withDigests } from '../../../support/networks/sealed.ts';

const { model, certificate } = parts(await sealedNetwork({ shape: [2, 2, 1], widths: [4], classes: 2 }));

// The sealer's claims are a little weaker than the proof.
const { encoder, constants } = proveConstants(model.graph, allRules);
const { lipschitz: upper, ...float32 } = constants;
const honest: Certificate = { ...certificate, lipschitz: { upper, layers: encoder.layers }, float32 };

type Slack = NonNullable<Certificate['float32']>;

const withSlack = (change: (slack: Slack) => Partial<Slack>): Certificate => ({
  ...honest,
  float32: { ...honest.float32!, ...change(honest.float32!) },
});

const accepted = async (certificate: Certificate): Promise<void> => {
  await verifyModel(await forge(model, certificate));
};

async function refused(certificate: Certificate, reason: RegExp): Promise<void> {
  await assert.rejects(forge(model, certificate).then(verifyModel), (error) => {
    assert(error instanceof GleanError, `${(error as Error).stack}`);
    assert.match(error.message, reason);
    return true;
  });
}

/** The float64 next to a value ≥ 0: of one sign, they have the order of their bits. */
function neighbour(value: number, steps: bigint): number {
  const float = Float64Array.of(value);
  const bits = new BigInt64Array(float.buffer);
  bits[0]! += steps;
  return float[0]!;
}

const above = (value: number): number => neighbour(value, 1n);
const below = (value: number): number => neighbour(value, -1n);

const COEFFICIENTS = ['constant', 'l2', 'l1'] as const;

test('a claim may be what is proven, or weaker, and no stronger: L and the slopes', async () => {
  await accepted(honest);
  const { lipschitz } = honest;
  const claim = (upper: number): Certificate => ({ ...honest, lipschitz: { ...lipschitz, upper } });
  await accepted(claim(above(lipschitz.upper)));
  await refused(claim(below(lipschitz.upper)), /claims lipschitz = /);
  for (const name of ['latentErrorSlope', 'logitErrorSlope'] as const) {
    await accepted(withSlack((slack) => ({ [name]: above(slack[name]) })));
    await refused(
      withSlack((slack) => ({ [name]: below(slack[name]) })),
      new RegExp(`claims ${name} = `),
    );
  }
});

test('a claim of the largest norm is at most what is proven', async () => {
  await accepted(withSlack(({ maxImageNorm }) => ({ maxImageNorm: below(maxImageNorm) })));
  await refused(
    withSlack(({ maxImageNorm }) => ({ maxImageNorm: above(maxImageNorm) })),
    /claims maxImageNorm = /,
  );
});

test('a claim of an error is one for each of its coefficients', async () => {
  const { latentError } = honest.float32!;
  assert(latentError.length > 1);
  const slopes = { latentErrorSlope: 1, logitErrorSlope: 1 };
  for (const name of COEFFICIENTS) {
    const logits = (logitError: AffineBound) => withSlack(() => ({ logitError, ...slopes }));
    const { logitError } = honest.float32!;
    await accepted(logits({ ...logitError, [name]: above(logitError[name]) }));
    if (logitError[name] > 0)
      await refused(logits({ ...logitError, [name]: below(logitError[name]) }), /claims logitError = /);
    for (const [i, bound] of latentError.entries()) {
      const latents = (value: number) =>
        withSlack(() => ({ latentError: latentError.with(i, { ...bound, [name]: value }), ...slopes }));
      await accepted(latents(above(bound[name])));
      if (bound[name] > 0) await refused(latents(below(bound[name])), /claims latentError = /);
    }
  }
});

test('a claim of a slope is at least what the claimed errors have, whichever of them grows fastest', async () => {
  const grown = (bound: AffineBound): AffineBound => ({ ...bound, l2: 2 * bound.l2 + 1e-3 });
  const reason = /grow faster than their claimed slopes/;
  for (const i of honest.float32!.latentError.keys()) {
    const steep = withSlack(({ latentError }) => ({ latentError: latentError.with(i, grown(latentError[i]!)) }));
    await refused(steep, reason);
    await accepted({ ...steep, float32: { ...steep.float32!, latentErrorSlope: 1 } });
  }
  await refused(
    withSlack(({ logitError }) => ({ logitError: grown(logitError) })),
    reason,
  );
  await accepted(withSlack(({ logitError }) => ({ logitError: grown(logitError), logitErrorSlope: 1 })));
});

test('a claim of the layers names each of them, in order, with a bound', async () => {
  const { layers } = honest.lipschitz;
  const claim = (...changed: typeof layers) => ({ ...honest, lipschitz: { ...honest.lipschitz, layers: changed } });
  const reason = /lipschitz\.layers does not list/;
  await refused(claim(...layers.slice(1)), reason);
  await refused(claim(...layers.slice(0, -1)), reason);
  await refused(claim(...layers, layers[0]!), reason);
  for (const [i, layer] of layers.entries()) {
    const changed = (change: Partial<typeof layer>) => claim(...layers.with(i, { ...layer, ...change }));
    await accepted(changed({ upper: above(layer.upper) }));
    await refused(changed({ upper: below(layer.upper) }), reason);
    await refused(changed({ op: `${layer.op}x` }), reason);
    await refused(changed({ name: `${layer.name}x` }), reason);
  }
});

/** Claims about the known vectors, which forge would make right again. */
const { model: file, certificate: sealed } = parts(await forge(model, honest));

const withVector = (change: Partial<Certificate['vectors'][number]>): Certificate => ({
  ...sealed,
  vectors: sealed.vectors.map((vector, i) => (i === 1 ? { ...vector, ...change } : vector)),
});
const refusedAsIs = async (certificate: Certificate, reason: RegExp): Promise<void> => {
  await assert.rejects(withDigests(file, certificate).then(verifyModel), (error) => {
    assert(error instanceof GleanError, `${(error as Error).stack}`);
    assert.match(error.message, reason);
    return true;
  });
};

test('a known vector has as many logits as there are classes, their label, and no larger radius than they give', async () => {
  const { logits, label, radius } = sealed.vectors[1]!;
  assert(radius > 0);
  await refusedAsIs(withVector({ logits: [...logits, 0] }), /vectors\[1\] has 3 logits/);
  await refusedAsIs(withVector({ logits: logits.slice(1) }), /vectors\[1\] has 1 logits/);
  await refusedAsIs(withVector({ label: 1 - label }), /claims label/);
  const up = Math.fround(radius * (1 + 2 ** -23));
  assert(up > radius);
  await refusedAsIs(withVector({ radius: up }), /claims radius/);
  await verifyModel(await withDigests(file, withVector({ radius: Math.fround(radius / 2) })));
});

test('a known vector has an image of the right size, in the one spelling of base64', async () => {
  const { image } = sealed.vectors[1]!;
  assert.equal(image.length, 8);
  const reason = /image is not base64/;
  await refusedAsIs(withVector({ image: `${image.slice(0, 4)}` }), reason);
  await refusedAsIs(withVector({ image: `AAAA${image}` }), reason);
  await refusedAsIs(withVector({ image: ` ${image}` }), reason);
  await refusedAsIs(withVector({ image: image.replace('==', '') }), reason);
  await refusedAsIs(withVector({ image: '!!!!!!==' }), reason);
  await refusedAsIs(withVector({ image: `${image.slice(0, 5)}${image[5] === 'B' ? 'C' : 'B'}==` }), reason);
});
