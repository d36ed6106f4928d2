/** A file written atomically is whole or not there, and nothing is left beside it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeFileAtomic } from '../../src/files/atomic-file.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'glean-atomic-'));
});
after(() => rm(dir, { recursive: true, force: true }));

test('writes text and bytes, replaces, and makes the folder', async () => {
  const file = join(dir, 'a', 'b', 'file.txt');
  await writeFileAtomic(file, 'first');
  await writeFileAtomic(file, Uint8Array.of(0, 255));
  assert.deepEqual([...(await readFile(file))], [0, 255]);
  assert.deepEqual(await readdir(join(dir, 'a', 'b')), ['file.txt']);
});

test('removes what it wrote where the rename fails', async () => {
  const taken = join(dir, 'taken');
  await mkdir(join(taken, 'inside'), { recursive: true });
  await assert.rejects(writeFileAtomic(taken, 'text'));
  assert.deepEqual(
    (await readdir(dir)).filter((name) => name.includes('.tmp')),
    [],
  );
});
