/** Places that the file system refuses: one line that names them, and no stack. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { glean, SHIPPED_MODEL } from '../support/command/glean.ts';

test('a file where a folder should be is named, with what the system said', async () => {
  const out = join(SHIPPED_MODEL, 'answer.json');
  const result = await glean('certify', SHIPPED_MODEL, '--data', 'cmnist', '--limit', '1', '--out', out);
  assert.equal(result.code, 2);
  const last = result.stderr.trimEnd().split('\n').at(-1);
  assert.equal(last, `glean: ${SHIPPED_MODEL}: a file is where a folder should be (mkdir: EEXIST)`);
  assert.doesNotMatch(result.stderr, /^ +at /m);
});
