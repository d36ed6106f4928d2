/** Web pages of other origins: none may read an answer unless the service was told which. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { glean } from '../../support/command/glean.ts';
import { binaryRequest, images, inferUrl } from './requests.ts';

const KEY = 'a-key-of-the-test-0123456789';
const PAGE = 'https://pages.example.org';
const LOCAL = 'http://localhost:5173';
const OTHER = 'https://other.example.org';
const PATHS = ['/v2', '/v2/models/cmnist/infer', '/predict', '/v2/health/ready', '/metrics', '/no/such/path'];

async function serving(args: readonly string[], act: (service: ServiceProcess) => Promise<void>): Promise<void> {
  const service = await ServiceProcess.start('--workers', '1', ...args);
  try {
    await act(service);
  } finally {
    await service.stop();
  }
}

function preflight({ url }: ServiceProcess, path: string, origin: string): Promise<Response> {
  const headers = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,inference-header-content-length',
  };
  return fetch(url + path, { method: 'OPTIONS', headers });
}

function list(response: Response, name: string): readonly string[] {
  return (response.headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase());
}

function grants({ headers }: Response): readonly string[] {
  return [...headers.keys()].filter((name) => name.startsWith('access-control-'));
}

test('off unless asked for', () =>
  serving([], async (service) => {
    for (const path of PATHS) {
      const asked = await preflight(service, path, PAGE);
      assert.ok(asked.status >= 400, path);
      assert.deepEqual(grants(asked), [], path);
    }
    const answer = await fetch(`${service.url}/v2`, { headers: { origin: PAGE } });
    assert.equal(answer.status, 200);
    assert.deepEqual(grants(answer), []);
    assert.equal(answer.headers.get('vary'), null);
  }));

test('pages of the origins that were named may ask and read, with keys too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glean-cors-'));
  const keyFile = join(folder, 'keys');
  await writeFile(keyFile, `${KEY}\n`);
  try {
    await serving(['--key-file', keyFile, '--cors', PAGE, '--cors', LOCAL], async (service) => {
      for (const path of PATHS) {
        for (const origin of [PAGE, LOCAL]) {
          const asked = await preflight(service, path, origin);
          assert.equal(asked.status, 204, path);
          assert.equal(await asked.text(), '');
          assert.equal(asked.headers.get('content-length'), null);
          assert.equal(asked.headers.get('access-control-allow-origin'), origin);
          assert.ok(list(asked, 'access-control-allow-methods').includes('post'));
          const headers = list(asked, 'access-control-allow-headers');
          for (const name of ['authorization', 'content-type', 'content-encoding', 'inference-header-content-length']) {
            assert.ok(headers.includes(name), name);
          }
          assert.ok(list(asked, 'vary').includes('origin'));
        }
        const refused = await preflight(service, path, OTHER);
        assert.equal(refused.status, 403);
        assert.deepEqual(grants(refused), []);
        assert.match(((await refused.json()) as { error: string }).error, /other\.example\.org.*pages\.example\.org/);
      }
      // An OPTIONS that no browser asks is as any other request.
      assert.equal((await fetch(`${service.url}/v2`, { method: 'OPTIONS', headers: { origin: PAGE } })).status, 401);

      const { body, headers } = binaryRequest(images(2), { parameters: { binary_data_output: true } });
      const ask = (origin: string, key: Record<string, string>) =>
        fetch(inferUrl(service), { method: 'POST', body: body as never, headers: { ...headers, origin, ...key } });
      const key = { authorization: `Bearer ${KEY}` };
      const answer = await ask(PAGE, key);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('access-control-allow-origin'), PAGE);
      const exposed = list(answer, 'access-control-expose-headers');
      for (const name of ['x-request-id', 'inference-header-content-length', 'retry-after']) {
        assert.ok(exposed.includes(name), name);
      }
      assert.equal(answer.headers.get('access-control-allow-credentials'), null);
      assert.ok(Number(answer.headers.get('inference-header-content-length')) > 0);
      // A page may read why it was refused, too.
      const refused = await ask(LOCAL, {});
      assert.equal(refused.status, 401);
      assert.equal(refused.headers.get('access-control-allow-origin'), LOCAL);
      const other = await ask(OTHER, key);
      assert.deepEqual(grants(other), []);
      assert.ok(list(other, 'vary').includes('origin'));

      const picture = await readFile('docs/images/digit-red.png');
      const sent = { method: 'POST', body: picture as never, headers: { ...key, origin: PAGE } };
      const predicted = await fetch(`${service.url}/predict?model=cmnist`, sent);
      assert.equal(predicted.status, 200);
      assert.equal(predicted.headers.get('access-control-allow-origin'), PAGE);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every page may, where that was asked for', () =>
  serving(['--cors', '*'], async (service) => {
    const asked = await preflight(service, '/predict', OTHER);
    assert.equal(asked.status, 204);
    assert.equal(asked.headers.get('access-control-allow-origin'), '*');
    const answer = await fetch(`${service.url}/v2`, { headers: { origin: 'null' } });
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  }));

test('what is no origin as browsers write one is refused', async () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    'example.org': /an origin, such as https:\/\/example\.org/,
    null: /an origin/,
    'https://*.example.org': /an origin/,
    'https://example.org/': /expected https:\/\/example\.org$/m,
    'https://Example.org': /expected https:\/\/example\.org$/m,
    'https://example.org:443': /expected https:\/\/example\.org$/m,
    'http://localhost:5173/app': /expected http:\/\/localhost:5173$/m,
  };
  for (const [origin, expected] of Object.entries(wrong)) {
    const { code, stderr } = await glean('serve', '--port', '0', `--cors=${origin}`);
    assert.equal(code, 2, origin);
    assert.match(stderr, expected, origin);
  }
});
