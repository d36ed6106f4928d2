/** With keys on, no spelling of a path gets past them: only the two paths of health need none. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { OPENAPI } from '../../../src/serve/http/openapi.ts';

const HEALTH = ['/v2/health/live', '/v2/health/ready'];
/** Ways of writing "up from the folder of health, and on from there". */
const UP = ['..', '.%2e', '%2E.', '%2e%2e', '../..', 'x/../..', '..\\..\\v2', '..%2f..%2fv2', ';/..', '/..', '.'];
let folder: string;
let service: ServiceProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-keyless-'));
  await writeFile(join(folder, 'keys'), 'a-key-of-the-test-0123456789\n');
  service = await ServiceProcess.start('--workers', '1', '--key-file', join(folder, 'keys'));
});
after(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

/** fetch would resolve the path before it is sent. */
async function status(method: string, path: string): Promise<number> {
  const asking = request({ port: service.port, host: '127.0.0.1', method, path });
  asking.end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode!;
}

test('health is answered without a key, with and without a slash at its end', async () => {
  for (const path of HEALTH) {
    for (const end of ['', '/', '?x', '/?x']) assert.equal(await status('GET', path + end), 200, path + end);
  }
});

test('nothing else is, however it is written', async () => {
  for (const documented of Object.keys(OPENAPI.paths)) {
    const path = documented.replace('{model}', 'cmnist').replace('{version}', '1');
    const tail = path.replace(/^\/v2/, '');
    const spellings = [`/${path}`, `/.${path}`, `/x/..${path}`, path.replace('v2', '%762')];
    for (const up of UP) spellings.push(`/v2/health/${up}${tail}`, `/v2/health/${up}/..${path}`);
    if (!HEALTH.includes(path)) spellings.push(path, `${path}/`, `${path}?/v2/health/live`);
    for (const spelling of spellings) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const found = await status(method, spelling);
        assert.ok([400, 401].includes(found), `${method} ${spelling} → ${found}`);
      }
    }
  }
});
