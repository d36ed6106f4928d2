/**
 * Mutations of a sealed file: each one that changes what the file computes or claims is refused with a reason.
 *
 * A file is *honest* if each provable claim is at least what a fresh proof of that very graph gives, the head is the
 * canonical one for the claims, and label is the argmax of the logits. Whoever leaves the digests alone is always refused.
 * Whoever makes them right again gets through with honest files only. Class names, sigma and training cannot be proven: he
 * may change these, and what protects them is a signature.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { GleanError } from '../../../src/certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { verifyModel } from '../../../src/certify-runtime/trusted/verify.ts';
import { frames, heads } from '../../support/hostile/frame-mutants.ts';
import {
  claims,
  damage,
  forgedFiles,
  graphs,
  type Mutant,
  redigested,
  weights,
} from '../../support/hostile/mutants.ts';
import { assertHonest } from '../../support/networks/oracle.ts';
import { parts, sealedNetwork, shippedModel } from '../../support/networks/sealed.ts';
import { Random } from '../../support/numbers/random.ts';

// A hang, on any machine: a refusal takes well under a second on an idle one.
const LIMIT_MS = 60_000;

/** Whether the mutant is accepted; a refusal must be one of ours, say why, and come soon. */
async function accepted({ name, bytes }: Mutant): Promise<boolean> {
  const begin = performance.now();
  try {
    await verifyModel(bytes);
    return true;
  } catch (error) {
    assert(error instanceof GleanError, `${name}: ${(error as Error).stack}`);
    assert(error.message.length > 10, `${name}: '${error.message}'`);
    return false;
  } finally {
    const took = performance.now() - begin;
    assert(took < LIMIT_MS, `${name} took ${took} ms`);
  }
}

describe('mutations of a sealed file', () => {
  let tiny: Uint8Array;
  let model: OnnxModel;
  let certificate: ReturnType<typeof parts>['certificate'];
  const tally: Record<string, { refused: number; accepted: string[] }> = {};

  const holds = async (kind: string, mutant: Mutant, original: Uint8Array): Promise<boolean> => {
    if (Buffer.compare(mutant.bytes, original) === 0) return true;
    tally[kind] ??= { refused: 0, accepted: [] };
    const taken = await accepted(mutant);
    if (taken) tally[kind].accepted.push(mutant.name);
    else tally[kind].refused++;
    return taken;
  };

  before(async () => {
    tiny = await sealedNetwork();
    ({ model, certificate } = parts(tiny));
  });

  it('are refused where the digests are left as they are', async () => {
    for (const mutant of damage(tiny, new Random(1), 1200)) {
      if (Buffer.compare(mutant.bytes, tiny) !== 0) assert(!(await holds('damage', mutant, tiny)), mutant.name);
    }
  });

  it('are refused in the shipped model, too', async () => {
    const shipped = await shippedModel();
    await verifyModel(shipped);
    for (const mutant of damage(shipped, new Random(2), 120)) {
      if (Buffer.compare(mutant.bytes, shipped) !== 0)
        assert(!(await holds('damage, shipped', mutant, shipped)), mutant.name);
    }
  });

  const honestOrRefused = async (kind: string, mutant: Mutant) => {
    if (!(await holds(kind, mutant, tiny))) return false;
    try {
      await assertHonest(mutant.bytes);
    } catch (error) {
      assert.fail(`${mutant.name} is accepted, but: ${(error as Error).stack}`);
    }
    return true;
  };

  it('with bits flipped and the digests right are refused or honest', async () => {
    for await (const mutant of redigested(tiny, new Random(3), 400)) await honestOrRefused('redigested', mutant);
  });

  it('of claims are refused or weaker', async () => {
    for (const forgery of claims(model, certificate)) {
      for (const mutant of await forgedFiles(forgery)) await honestOrRefused('claims', mutant);
    }
  });

  it('of weights are refused or honest', async () => {
    for (const forgery of weights(model, certificate, new Random(4))) {
      for (const mutant of await forgedFiles(forgery)) await honestOrRefused('weights', mutant);
    }
  });

  it('of the graph are refused or honest', async () => {
    for (const forgery of graphs(model, certificate)) {
      for (const mutant of await forgedFiles(forgery)) await honestOrRefused('graphs', mutant);
    }
  });

  it('of the head are refused', async () => {
    for (const forgery of heads(model, certificate)) {
      for (const mutant of await forgedFiles(forgery)) assert(!(await holds('heads', mutant, tiny)), mutant.name);
    }
  });

  it('of inputs, outputs, versions and metadata are refused', async () => {
    for (const forgery of frames(model, certificate)) {
      for (const mutant of await forgedFiles(forgery)) assert(!(await holds('frames', mutant, tiny)), mutant.name);
    }
  });

  it('were many', (t) => {
    for (const [kind, { refused, accepted }] of Object.entries(tally)) {
      t.diagnostic(`${kind}: ${refused} refused, ${accepted.length} accepted as honest`);
      if (process.env['GLEAN_MUTANTS'] !== undefined) for (const name of accepted) t.diagnostic(`  accepted: ${name}`);
    }
    const total = Object.values(tally).reduce((sum, { refused, accepted }) => sum + refused + accepted.length, 0);
    assert(total >= 2000, `${total}`);
  });
});
