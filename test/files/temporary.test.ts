/** Temporary files and folders: gone after use, after an error, and when the process exits in the middle. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { withTemporary, withTemporaryFolder } from '../../src/files/temporary.ts';
import { runProgram } from '../support/command/glean.ts';

const place = mkdtempSync(join(tmpdir(), 'glean-temporary-'));
after(() => rmSync(place, { recursive: true }));

test('gone after use and after an error; nothing listens for the exit any more', async () => {
  const listeners = process.listenerCount('exit');
  const path = join(place, 'folder');
  const given = await withTemporary(path, async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'x');
    return 5;
  });
  assert.equal(given, 5);
  let folder = '';
  const failing = withTemporaryFolder('glean-temporary-test-', async (made) => {
    folder = made;
    assert.ok(existsSync(made));
    throw new Error('no');
  });
  await assert.rejects(failing, /^Error: no$/);
  assert.ok(!existsSync(folder));
  assert.deepEqual(readdirSync(place), []);
  assert.equal(process.listenerCount('exit'), listeners);
});

/** In a process of its own, which exits as soon as it sees what is being written. */
const exiting = (work: string) => `
  import { readdirSync } from 'node:fs';
  import { writeFileAtomic } from './src/files/atomic-file.ts';
  import { pictureFolder } from './src/train/data/pictures/folder.ts';
  import { writeFile } from 'node:fs/promises';
  const place = process.argv[1];
  setInterval(() => {
    const seen = readdirSync(place, { recursive: true });
    if (seen.some((name) => name.endsWith('.tmp'))) process.exit(7);
  }, 1);
  ${work}`;

for (const [what, work] of [
  ['a file', "await writeFileAtomic(place + '/big', new Uint8Array(2 ** 28));"],
  [
    'a folder of pictures',
    "await pictureFolder(place, 'drawn', async (folder) => { for (let i = 0; ; i++) await writeFile(folder + '/' + i, 'x'); });",
  ],
] as const) {
  test(`${what} of which a part is written when the process exits`, async () => {
    const target = mkdtempSync(join(place, 'exit-'));
    const args = ['--import', 'tsx', '--input-type=module', '-e', exiting(work), target];
    const { code, stderr } = await runProgram(process.execPath, args);
    assert.equal(code, 7, stderr);
    const left = readdirSync(target, { recursive: true });
    assert.deepEqual(
      left.filter((name) => name !== 'pictures'),
      [],
    );
  });
}
