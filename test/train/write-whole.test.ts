/** Writes that the system takes only in part are gone on with, at their place and at the end of a file. */
import assert from 'node:assert/strict';
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeWhole } from '../../src/files/write-whole.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-write-'));
});
after(() => rm(folder, { recursive: true }));

/** A file that takes `most` bytes at a time. */
function grudging(file: FileHandle, most: number): Pick<FileHandle, 'write'> {
  const write = (bytes: Uint8Array, offset: number, length: number, position: number | null) =>
    file.write(bytes, offset, Math.min(length, most), position);
  return { write: write as FileHandle['write'] };
}

const bytes = Uint8Array.from({ length: 50 }, (_, i) => i + 1);

test('at a position, what is around it stays', async () => {
  const path = join(folder, 'positions');
  const file = await open(path, 'w+');
  await file.writeFile(new Uint8Array(100).fill(255));
  await writeWhole(grudging(file, 7), bytes, 20);
  await file.close();
  const expected = new Uint8Array(100).fill(255);
  expected.set(bytes, 20);
  assert.deepEqual(new Uint8Array(await readFile(path)), expected);
});

test('without a position, one after the other', async () => {
  const path = join(folder, 'appended');
  const file = await open(path, 'a');
  for (let i = 0; i < 3; i++) await writeWhole(grudging(file, 7), bytes);
  await writeWhole(file, new Uint8Array(0));
  await file.close();
  assert.deepEqual([...(await readFile(path))], [...bytes, ...bytes, ...bytes]);
});

test('a file that takes nothing more is an error', async () => {
  const file = await open(join(folder, 'none'), 'w');
  await assert.rejects(writeWhole(grudging(file, 0), bytes, 0), /the last 50 of 50 bytes were not written/);
  await file.close();
});
