/** What the Dockerfile copies is enough to serve: its COPY lines laid out in an empty folder, and a request answered. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

test('the image of the Dockerfile serves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glean-image-'));
  try {
    const [, image] = (await readFile('deploy/Dockerfile', 'utf8')).split(/^FROM .*slim$/m);
    const copies = [...image!.matchAll(/^COPY (?!--from)(\S+) (\S+)$/gm)];
    assert.ok(copies.length >= 6);
    for (const [, from, to] of copies) {
      const target = join(folder, to!.endsWith('/') ? join(to!, from!) : to!);
      await mkdir(dirname(target), { recursive: true });
      await cp(from!, target, { recursive: true });
    }
    await symlink(resolve('node_modules'), join(folder, 'node_modules'));
    const child = spawn(process.execPath, ['deploy/serve.mjs', '--port', '0', '--workers', '1', '--drain', '0'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((done) => child.once('close', done));
    let url = '';
    for await (const text of createInterface({ input: child.stdout })) {
      const line = JSON.parse(text) as { msg: string; url: string };
      if (line.msg === 'listening') {
        url = line.url;
        break;
      }
    }
    child.stdout.resume();
    const picture = await readFile('docs/images/digit-green.png');
    const response = await fetch(`${url}/predict?model=cmnist`, { method: 'POST', body: picture });
    assert.equal(((await response.json()) as { class: string }).class, 'digit 5–9');
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
