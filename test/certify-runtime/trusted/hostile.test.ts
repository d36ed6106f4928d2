/**
 * The hostile files: each was sealed with a claim that is false by prover 1, 2, 3 or 4, or looks like a form that has a rule.
 * Each must be refused, with its place and reason, or sealed with a bound and radii that are true.
 *
 * HOSTILE_ROOT names a checkout from before the cures: its sealer is taken, and every file must be false there.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LOOKALIKE } from '../../../pipeline/hostile/functions.ts';
import { bytesOf, cases } from '../../../pipeline/hostile.ts';
import { verifyModel } from '../../../src/certify-runtime/trusted/verify.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { readForeignOnnx } from '../../../src/export/foreign/onnx/read.ts';
import { examine, FIXTURES, type HostileEntry, readManifest } from '../../support/hostile/hostile.ts';
import { execute, flushingExecutor } from '../../support/hostile/hostile-runs.ts';
import { sealerOf } from '../../support/hostile/hostile-sealer.ts';
import { allRules } from '../../support/networks/all-rules.ts';

const root = process.env['HOSTILE_ROOT'];
const seal = await sealerOf(root ?? fileURLToPath(new URL('../../..', import.meta.url)));
const flushing = flushingExecutor();
after(() => flushing.close());

const manifest = await readManifest();
const bytesOfFile = async ({ file }: HostileEntry) => new Uint8Array(await readFile(new URL(file, FIXTURES)));

/** Refused for the head, which cannot compare norms that small, and not for an operator. */
const VANISHES = /^the network may overflow for images of norm .*: squares of pixels that small vanish in float32/;

/** An error of the prover's, which says which operator of the file it cannot prove, and why. */
function assertExplained(error: unknown, bytes: Uint8Array): void {
  if (!(error instanceof Error) || error.constructor.name !== 'UnprovableError') throw error;
  if (VANISHES.test(error.message)) return;
  const { nodes } = readForeignOnnx(bytes).graph;
  // A node that was rewritten is called after the tensor that it gives.
  const named = nodes.some(({ op, name, outputs }) =>
    [`${op} "${name}"`, `${op} "${outputs[0]}/`].some((place) => error.message.includes(place)),
  );
  assert(named, `the message names no operator of the file: ${error.message}`);
  assert(error.message.length > 40, `the message gives no reason: ${error.message}`);
}

/** Refused because its answers differ from the original's, not by the proof: ONNX Runtime itself changes the original. */
const DIFFERS = /^the sealed network gives .* where the original gives/;

/** The proof alone refuses the file as it is, and what the rewriting made of it is true. */
async function assertHarmless(bytes: Uint8Array, entry: HostileEntry, rewritten: Uint8Array): Promise<void> {
  const { graph } = readForeignOnnx(bytes);
  const names = { input: graph.inputs[0]!.name, latent: graph.outputs[0]!.name };
  assert.throws(
    () => boundEncoder(graph, { ...names, rules: allRules }),
    (error) => {
      assertExplained(error, bytes);
      return true;
    },
  );
  const { proven, certificate } = await verifyModel(rewritten);
  const sealed = { bytes: rewritten, shape: certificate.input.shape, proven };
  assert.deepEqual((await examine(sealed, entry, [execute, flushing.execute])).found, []);
}

/** The others were never sealed with a false claim. */
const earlier = ({ kind }: HostileEntry): boolean => kind !== LOOKALIKE;

for (const entry of root === undefined ? manifest : manifest.filter(earlier)) {
  test(`${entry.file}: ${entry.what}`, async (t) => {
    const bytes = await bytesOfFile(entry);
    let last: Uint8Array = new Uint8Array();
    const sealed = await seal(bytes, entry, (run) => {
      last = run;
    }).catch((error: unknown) => error as Error);
    if (sealed instanceof Error) {
      assert(root === undefined, `refused by ${root}: ${sealed.message}`);
      if (DIFFERS.test(sealed.message)) await assertHarmless(bytes, entry, last);
      else assertExplained(sealed, bytes);
      t.diagnostic(`refused: ${sealed.message}`);
      return;
    }
    const measured = await examine(sealed, entry, [execute, flushing.execute]);
    if (root !== undefined) return assert(measured.found.length > 0, 'nothing false was found');
    t.diagnostic(`sealed: L ≤ ${measured.claimed}, at least ${measured.secant}`);
    assert.deepEqual(measured.found, []);
  });
}

test('the files are those that pipeline/hostile.ts writes, small, and each was false', async () => {
  const written = new Map(cases.map((each) => [`${each.id}.onnx`, bytesOf(each)]));
  assert(manifest.length >= 48);
  for (const entry of manifest) {
    const bytes = await bytesOfFile(entry);
    assert(bytes.length < 20_000);
    const expected = written.get(entry.file);
    if (expected !== undefined) assert.deepEqual(bytes, new Uint8Array(expected), entry.file);
    written.delete(entry.file);
    assert(entry.base.found.length > 0 || !earlier(entry), `${entry.file} was never seen to be false`);
  }
  assert.deepEqual([...written.keys()], []);
});
