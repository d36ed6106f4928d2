/** What the Dockerfile copies is enough to serve: its COPY lines laid out in an empty folder, and a request answered. And probes that load cannot fail. */
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

/** The numbers of one probe of a manifest. */
function probe(manifest: string, name: string): Readonly<Record<string, number>> {
  const lines = manifest.split('\n');
  const at = lines.findIndex((line) => line.trim() === `${name}:`);
  const indent = lines[at]!.search(/\S/);
  const numbers: Record<string, number> = {};
  for (const line of lines.slice(at + 1)) {
    if (line.search(/\S/) <= indent) break;
    const [, key, value] = /^\s*(\w+): (\d+)$/.exec(line) ?? [];
    if (key !== undefined) numbers[key] = Number(value);
  }
  return numbers;
}

for (const file of ['kubernetes.yaml', 'kserve.yaml']) {
  test(`${file}: one late answer takes no pod out, and a pod with much to do is not restarted`, async () => {
    const manifest = await readFile(`deploy/${file}`, 'utf8');
    const ready = probe(manifest, 'readinessProbe');
    const live = probe(manifest, 'livenessProbe');
    // Kubernetes's own defaults are 1 s and 3.
    for (const { timeoutSeconds = 1, failureThreshold = 3 } of [ready, live]) {
      assert.ok(timeoutSeconds >= 5 && failureThreshold >= 3);
    }
    const patience = ({ periodSeconds = 10, failureThreshold = 3 }) => periodSeconds * failureThreshold;
    assert.ok(patience(live) > 2 * patience(ready), 'taken out long before it is restarted');
    const [, drain] = /"--drain", "(\d+)"/.exec(manifest)!;
    const [, grace] = /terminationGracePeriodSeconds: (\d+)/.exec(manifest)!;
    assert.ok(Number(grace) > Number(drain) + 30);
  });
}
