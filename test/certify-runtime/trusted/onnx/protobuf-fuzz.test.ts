/** Structure-aware mutations of the shipped file: each is refused with a reason, none crashes the verifier. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { GleanError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { verifyModel } from '../../../../src/certify-runtime/trusted/verify.ts';
import { SHIPPED_MODEL } from '../../../support/command/glean.ts';
import { protobufMutants } from '../../../support/networks/protobuf-mutator.ts';
import { Random } from '../../../support/numbers/random.ts';

const MUTANTS = 150;

it('refuses every file whose protobuf was changed', async () => {
  const bytes = new Uint8Array(await readFile(SHIPPED_MODEL));
  let refused = 0;
  for (const mutant of protobufMutants(bytes, new Random(1), MUTANTS)) {
    if (Buffer.compare(mutant, bytes) === 0) continue;
    await assert.rejects(verifyModel(mutant), (error) => error instanceof GleanError && error.message !== '');
    refused++;
  }
  assert.ok(refused > MUTANTS / 2);
});
