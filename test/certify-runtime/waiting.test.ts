/** Calls that wait for a workspace, behind others that find no memory for theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { sealedNetwork } from '../support/networks/sealed.ts';

test('a call goes on after calls before it that could not be given room', async () => {
  const certifier = await Certifier.load(await sealedNetwork());
  const small = new Float32Array(certifier.imageSize).fill(0.5);
  // More pixels than a WebAssembly memory has room for: one image over and over.
  const huge = Array<Float32Array>(3e7).fill(small);
  const running = Array.from({ length: 4 }, () => certifier.predict(small));
  const refused = Array.from({ length: 4 }, () => certifier.predictBatch(huge));
  const last = certifier.predict(small);
  const answers = await Promise.allSettled([...running, ...refused, last]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [...Array(4).fill('fulfilled'), ...Array(4).fill('rejected'), 'fulfilled'],
  );
  await certifier.dispose();
});
