/** Models that change while the service runs: which version is served, and what is never served. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { SHIPPED_MODEL } from '../support/command/glean.ts';
import { sealedNetwork } from '../support/networks/sealed.ts';
import { Load } from './protocol/load.ts';
import { images, infer, inferUrl, is } from './protocol/requests.ts';

const FAST = ['--poll', '0.1', '--drain', '0.3'] as const;

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'glean-serve-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Replaces a file as one should: written beside it, then renamed. */
async function place(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}

test('a new version is taken without dropping a request; a refused one never takes the place of one that works', async () => {
  await inFolder(async (models) => {
    const path = join(models, 'net', 'model.onnx');
    const shape = [28, 28, 3] as const;
    const versions = await Promise.all([1, 2].map((seed) => sealedNetwork({ seed, shape, widths: [16, 16] })));
    await place(path, versions[0]!);
    const service = await ServiceProcess.start('--models', models, '--workers', '2', ...FAST);
    try {
      const first = (await infer(service, images(1), 'net')).model_version;
      const load = new Load(inferUrl(service, 'net'), () => true);
      await load.more(50);

      // Half written, in place and not by rename.
      await writeFile(path, versions[1]!.subarray(0, versions[1]!.length / 2));
      await service.logged(is('model refused', { model: 'net' }));
      // Right in form, but its weights are not those that were proven.
      const forged = versions[1]!.slice();
      forged[forged.length >> 1]! ^= 1;
      // A file written in place may have been seen, and refused, more than once.
      const refusals = () => service.lines.filter(is('model refused')).length;
      const before = refusals();
      await place(path, forged);
      await service.logged((line) => line['msg'] === 'model refused' && refusals() > before);
      await load.more(50);
      assert.ok(load.outcomes.every(({ answer }) => answer?.model_version === first));

      await place(path, versions[1]!);
      await service.logged((line) => line['msg'] === 'model loaded' && line['replaces'] === first);
      let version = first;
      while (version === first) version = (await infer(service, images(1), 'net')).model_version;
      await load.more(50);
      await load.stop();
      assert.ok(load.outcomes.every(({ status }) => status === 200));
      const seen = new Set(load.outcomes.map(({ answer }) => answer!.model_version));
      assert.deepEqual(seen, new Set([first, version]));
    } finally {
      assert.equal(await service.stop(), 0);
    }
  });
});

test('numbered versions: the highest that verifies; a model that goes is gone, one that comes is there', async () => {
  await inFolder(async (models) => {
    const net = await sealedNetwork();
    await place(join(models, 'net', '3', 'model.onnx'), net);
    await place(join(models, 'net', '10', 'model.onnx'), 'no model');
    const service = await ServiceProcess.start('--models', models, '--workers', '1', ...FAST);
    try {
      const metadata = async () =>
        (await (await fetch(`${service.url}/v2/models/net`)).json()) as { versions: string[] };
      assert.deepEqual((await metadata()).versions, ['3']);
      assert.equal((await fetch(`${service.url}/v2/models/net/versions/3/ready`)).status, 200);
      assert.equal((await fetch(`${service.url}/v2/models/net/versions/10/ready`)).status, 404);
      await place(join(models, 'net', '11', 'model.onnx'), net);
      await service.logged(is('model loaded', { version: '11' }));
      assert.deepEqual((await metadata()).versions, ['11']);
      await cp(dirname(SHIPPED_MODEL), join(models, 'cmnist'), { recursive: true });
      await service.logged(is('model loaded', { model: 'cmnist' }));
      await infer(service, images(1));
      await rm(join(models, 'net'), { recursive: true });
      await service.logged(is('model unloaded', { model: 'net' }));
      assert.equal((await fetch(`${service.url}/v2/models/net`)).status, 404);
    } finally {
      assert.equal(await service.stop(), 0);
    }
  });
});

test('a service that can serve nothing does not start, and says why', async () => {
  await inFolder(async (models) => {
    await assert.rejects(
      ServiceProcess.start('--models', join(models, 'none')),
      /ended with 2 .*expected a folder of models/s,
    );
    await assert.rejects(ServiceProcess.start('--models', models), /ended with 2 .*found no model/s);
    await place(join(models, 'net', 'model.onnx'), (await readFile(SHIPPED_MODEL)).subarray(0, 1000));
    await assert.rejects(ServiceProcess.start('--models', models), /ended with 1 .*all were refused/s);
  });
  const service = await ServiceProcess.start('--workers', '1');
  const port = String(service.port);
  await assert.rejects(ServiceProcess.start('--port', port), /ended with 2 .*the port is taken/s);
  assert.equal(await service.stop(), 0);
});
