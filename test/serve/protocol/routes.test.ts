/** Paths, encodings and the index of models as other clients write and read them. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { OPENAPI } from '../../../src/serve/http/openapi.ts';
import { SHIPPED_MODEL } from '../../support/command/glean.ts';
import { type Answer, images, infer, inferUrl, is, jsonRequest } from './requests.ts';

const DAMAGED = 'no model';
let folder: string;
let service: ServiceProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-routes-'));
  for (const path of ['cmnist/1', 'cmnist/2', 'damaged']) await mkdir(join(folder, path), { recursive: true });
  await copyFile(SHIPPED_MODEL, join(folder, 'cmnist/1/model.onnx'));
  await writeFile(join(folder, 'cmnist/2/model.onnx'), DAMAGED);
  await writeFile(join(folder, 'damaged/model.onnx'), DAMAGED);
  service = await ServiceProcess.start('--workers', '1', '--models', folder, '--poll', '0.2');
});
after(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

test('a slash at the end of a path changes nothing, on any route', async () => {
  const body = jsonRequest(images(1));
  for (const [documented, methods] of Object.entries(OPENAPI.paths)) {
    const path = documented.replace('{model}', 'cmnist').replace('{version}', '1');
    const ask = async (end: string, method: 'GET' | 'POST') => {
      const asked = path.endsWith('/infer') ? body : '';
      const response = await fetch(service.url + path + end, method === 'GET' ? {} : { method, body: asked });
      const { status } = response;
      // The counts of the metrics go on while one looks.
      return { status, text: path === '/metrics' ? '' : await response.text() };
    };
    const found = 'get' in (methods as object) ? 'GET' : 'POST';
    for (const method of ['GET', 'POST'] as const) {
      const plain = await ask('', method);
      assert.deepEqual(await ask('/', method), plain, `${method} ${path}/`);
      assert.deepEqual(await ask('/?a=/', method), await ask('?a=/', method), `${method} ${path}/?a=/`);
      if (method === found && path !== '/predict') assert.equal(plain.status, 200, path);
    }
    assert.notEqual((await ask('/x', found)).status, 200, `${path}/x`);
  }
});

test('every name of an encoding', async () => {
  const pixels = images(1, 3);
  const { outputs } = await infer(service, pixels);
  const json = jsonRequest(pixels);
  const bodies: Readonly<Record<string, string | Buffer>> = {
    gzip: gzipSync(json),
    'x-gzip': gzipSync(json),
    'X-GZIP': gzipSync(json),
    deflate: deflateSync(json),
    identity: json,
    '': json,
  };
  for (const [encoding, body] of Object.entries(bodies)) {
    const headers = { 'content-encoding': encoding };
    const response = await fetch(inferUrl(service), { method: 'POST', headers, body: body as string });
    assert.deepEqual(((await response.json()) as Answer).outputs, outputs, encoding);
  }
  for (const encoding of ['br', 'x-compress', 'x-deflate', 'gzip, gzip', 'zstd']) {
    const headers = { 'content-encoding': encoding };
    const response = await fetch(inferUrl(service), { method: 'POST', headers, body: gzipSync(json) as never });
    assert.equal(response.status, 415, encoding);
    const { error } = (await response.json()) as { error: string };
    assert.ok(error.includes(JSON.stringify(encoding)), error);
  }
});

test('a byte order mark before the JSON', async () => {
  const pixels = images(1, 4);
  const body = `\u{feff}${jsonRequest(pixels)}`;
  const response = await fetch(inferUrl(service), { method: 'POST', body });
  assert.deepEqual(((await response.json()) as Answer).outputs, (await infer(service, pixels)).outputs);
});

interface Entry {
  readonly name: string;
  readonly version?: string;
  readonly state: string;
  readonly reason: string;
}

async function index(body = ''): Promise<readonly Entry[]> {
  const response = await fetch(`${service.url}/v2/repository/index`, { method: 'POST', body });
  assert.equal(response.status, 200);
  return (await response.json()) as readonly Entry[];
}

test('the index has what is served and what is refused, and follows the folder', async () => {
  const ready = { name: 'cmnist', version: '1', state: 'READY', reason: '' };
  const refused = { state: 'UNAVAILABLE', reason: "refused; the service's log says why" };
  const all = [ready, { name: 'cmnist', version: '2', ...refused }, { name: 'damaged', ...refused }];
  assert.deepEqual(await index(), all);
  assert.deepEqual(await index('{}'), all);
  assert.deepEqual(await index('{"ready": false}'), all);
  assert.deepEqual(await index('{"ready": null}'), all);
  assert.deepEqual(await index('{"ready": true}'), [ready]);

  await rm(join(folder, 'cmnist/2'), { recursive: true });
  await mkdir(join(folder, 'other'));
  await writeFile(join(folder, 'other/model.onnx'), DAMAGED);
  await service.logged(is('model refused', { model: 'other' }));
  const now = [ready, { name: 'damaged', ...refused }, { name: 'other', ...refused }];
  // The worker is told after the look at the folder ends.
  for (let tries = 0; tries < 100 && (await index()).length !== now.length; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(await index(), now);
});

test('the index is asked for by POST; models are not loaded or unloaded on request', async () => {
  const got = await fetch(`${service.url}/v2/repository/index`);
  assert.equal(got.status, 405);
  assert.equal(got.headers.get('allow'), 'POST');
  for (const action of ['load', 'unload']) {
    const url = `${service.url}/v2/repository/models/cmnist/${action}`;
    const response = await fetch(url, { method: 'POST', body: '{}' });
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as { error: string }).error, /models folder/);
  }
  assert.equal((await index('{"ready": true}')).length, 1);
});
