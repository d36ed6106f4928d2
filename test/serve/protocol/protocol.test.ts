/** The Open Inference Protocol over the shipped model: right answers in every form, against ONNX Runtime on the same file. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import { floorToFloat32 } from '../../../src/certify-runtime/trusted/margin.ts';
import type { OPENAPI } from '../../../src/serve/http/openapi.ts';
import { SHIPPED_MODEL } from '../../support/command/glean.ts';
import { run } from '../../support/networks/sealed.ts';
import { type Answer, binaryRequest, images, infer, inferUrl, jsonRequest, output, SHAPE, SIZE } from './requests.ts';

let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start('--workers', '1');
});
after(() => service.stop());

function post(body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(inferUrl(service), { method: 'POST', body: body as unknown as string, headers });
}

/** Labels and logits as the whole file gives them, and a radius that is no larger than the mathematical one. */
async function assertRight(answer: Answer, pixels: Float32Array): Promise<void> {
  const expected = await run(await readFile(SHIPPED_MODEL), pixels, SHAPE);
  const [labels, radii, logits] = ['label', 'radius', 'logits'].map((name) => output(answer, name));
  expected.forEach(({ label, radius, logits: own }, i) => {
    assert.equal(labels![i], label);
    assert.ok(Math.abs(radii![i]! - radius) < 1e-3, `radius ${radii![i]} where the graph has ${radius}`);
    own.forEach((logit, k) => {
      assert.ok(Math.abs(logits![i * own.length + k]! - logit) < 1e-4);
    });
  });
}

test('JSON in, JSON out: shapes, types, parameters', async () => {
  const pixels = images(3);
  const answer = await infer(service, pixels);
  await assertRight(answer, pixels);
  const sha256 = createHash('sha256')
    .update(await readFile(SHIPPED_MODEL))
    .digest('hex');
  assert.equal(answer.model_name, 'cmnist');
  assert.equal(answer.model_version, sha256.slice(0, 12));
  assert.deepEqual(
    answer.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    [
      { name: 'label', datatype: 'INT64', shape: [3] },
      { name: 'radius', datatype: 'FP32', shape: [3] },
      { name: 'logits', datatype: 'FP32', shape: [3, 2] },
    ],
  );
  const { norm, lipschitz, precision, sha256: given } = answer.parameters;
  assert.deepEqual({ norm, precision, given }, { norm: 'l2', precision: 'float32', given: sha256 });
  assert.ok((lipschitz as number) >= 1 && (lipschitz as number) < 1.001);
});

test('nested data and bytes mean the same as flat floats', async () => {
  const bytes = Uint8Array.from(images(1), (value) => Math.round(value * 255));
  const floats = Float32Array.from(bytes, (byte) => byte / 255);
  const plain = await infer(service, floats);
  const rows = Array.from({ length: 28 }, (_, y) =>
    Array.from({ length: 28 }, (_, x) => [...bytes.subarray((y * 28 + x) * 3, (y * 28 + x) * 3 + 3)]),
  );
  for (const data of [[rows], [...bytes]]) {
    const inputs = [{ name: 'image', datatype: 'UINT8', shape: [1, ...SHAPE], data }];
    const response = await post(JSON.stringify({ inputs }));
    assert.deepEqual(((await response.json()) as Answer).outputs, plain.outputs);
  }
});

test('binary in and out, in any mixture, is what JSON says', async () => {
  const pixels = images(2, 7);
  const plain = await infer(service, pixels);
  const outputs = [
    { name: 'radius', parameters: { binary_data: true } },
    { name: 'label' },
    { name: 'logits', parameters: { binary_data: true } },
  ];
  const { body, headers } = binaryRequest(pixels, { id: 'mixed', outputs });
  const response = await post(body, headers);
  assert.equal(response.status, 200);
  const bytes = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get('inference-header-content-length'));
  const answer = JSON.parse(bytes.toString('utf8', 0, length)) as Answer;
  assert.equal(answer.id, 'mixed');
  assert.deepEqual(
    answer.outputs.map(({ name }) => name),
    ['radius', 'label', 'logits'],
  );
  assert.deepEqual(output(answer, 'label'), output(plain, 'label'));
  const floats = Array.from({ length: 6 }, (_, i) => bytes.readFloatLE(length + 4 * i));
  assert.deepEqual(floats, [...output(plain, 'radius'), ...output(plain, 'logits')]);
  assert.equal(bytes.length, length + 24);

  const all = await post(
    binaryRequest(pixels, { parameters: { binary_data_output: true } }).body,
    binaryRequest(pixels, { parameters: { binary_data_output: true } }).headers,
  );
  const allBytes = Buffer.from(await all.arrayBuffer());
  const at = Number(all.headers.get('inference-header-content-length'));
  assert.deepEqual(
    [0, 1].map((i) => Number(allBytes.readBigInt64LE(at + 8 * i))),
    output(plain, 'label'),
  );
});

test('a compressed body, and one in chunks of unknown length', async () => {
  const pixels = images(1, 9);
  const plain = await infer(service, pixels);
  const zipped = await post(gzipSync(jsonRequest(pixels)), { 'content-encoding': 'gzip' });
  assert.deepEqual(((await zipped.json()) as Answer).outputs, plain.outputs);
  const stream = new Blob([jsonRequest(pixels)]).stream();
  const chunked = await fetch(inferUrl(service), { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
  assert.deepEqual(((await chunked.json()) as Answer).outputs, plain.outputs);
});

test('many at a time get their own answers, whatever batch they were in', async () => {
  const alone = await Promise.all(Array.from({ length: 150 }, (_, i) => infer(service, images(1 + (i % 3), 100 + i))));
  for (let i = 0; i < alone.length; i += 10) {
    const again = await infer(service, images(1 + (i % 3), 100 + i));
    assert.deepEqual(output(again, 'label'), output(alone[i]!, 'label'));
    output(again, 'radius').forEach((radius, k) => {
      assert.ok(Math.abs(radius - output(alone[i]!, 'radius')[k]!) < 1e-5);
    });
  }
});

test('more images than a batch holds', async () => {
  const pixels = images(150, 11);
  await assertRight(await infer(service, pixels), pixels);
});

test('a picture: what the library says of the same file', async () => {
  const picture = await readFile('docs/images/digit-red.png');
  const response = await fetch(`${service.url}/predict?model=cmnist`, { method: 'POST', body: picture });
  const answer = (await response.json()) as Record<string, unknown>;
  const certifier = await Certifier.load(SHIPPED_MODEL);
  const expected = await certifier.predict('docs/images/digit-red.png');
  await certifier.dispose();
  assert.equal(answer['label'], expected.label);
  assert.equal(answer['class'], expected.className);
  assert.equal(answer['radius'], floorToFloat32(expected.radius));
});

test('nothing is called certified unless the request brings a least radius; a radius of 0 never is', async () => {
  const pixels = images(6, 3);
  const plain = await infer(service, pixels);
  const radii = output(plain, 'radius');
  assert.ok(radii.includes(0) && radii.some((radius) => radius > 0));
  assert.deepEqual([plain.outputs.length, 'min_radius' in plain.parameters], [3, false]);
  const response = await post(jsonRequest(pixels, { parameters: { min_radius: Number.MIN_VALUE } }));
  const { outputs, parameters } = (await response.json()) as Answer;
  assert.deepEqual(
    outputs.at(-1)!.data,
    radii.map((radius) => radius > 0),
  );
  assert.equal(parameters['min_radius'], Number.MIN_VALUE);
  const refused = await post(jsonRequest(pixels, { outputs: [{ name: 'certified' }] }));
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /found output certified and no least radius, expected the parameter min_radius/);
  const url = `${service.url}/predict?model=cmnist`;
  const body = await readFile('docs/images/digit-red.png');
  for (const [query, said] of [
    ['', undefined],
    ['&min_radius=2.5', true],
    ['&min_radius=2.6', false],
  ] as const) {
    const answer = (await (await fetch(url + query, { method: 'POST', body })).json()) as Record<string, unknown>;
    assert.equal(answer['certified'], said, query);
  }
});

test('a picture of another size is fitted only where that is asked for', async () => {
  const picture = await readFile('docs/images/cmnist.png');
  const refused = await fetch(`${service.url}/predict?model=cmnist`, { method: 'POST', body: picture });
  assert.equal(refused.status, 400);
  const url = `${service.url}/predict?model=cmnist&resize=true`;
  assert.equal((await fetch(url, { method: 'POST', body: picture })).status, 200);
});

test('the request id is the given one where it is one', async () => {
  const given = await fetch(`${service.url}/v2`, { headers: { 'x-request-id': 'abc-1.2:3' } });
  assert.equal(given.headers.get('x-request-id'), 'abc-1.2:3');
  const made = await fetch(`${service.url}/v2`, { headers: { 'x-request-id': '{"level":"fatal"}' } });
  assert.match(made.headers.get('x-request-id')!, /^[0-9a-f-]{36}$/);
});

test('metrics of all workers, with the radii', async () => {
  await infer(service, images(1));
  const text = await (await fetch(`${service.url}/metrics`)).text();
  assert.match(text, /^glean_requests_total\{route="infer",status="200"\} \d+$/m);
  assert.match(text, /^glean_radius_count\{model="cmnist"\} [1-9]\d*$/m);
  assert.match(text, /^glean_workers 1$/m);
  assert.match(text, /^glean_queue_images\{model="cmnist"\} \d+$/m);
  assert.match(text, /^glean_batch_images_bucket\{le="64"\} \d+$/m);
});

test('every documented route answers, and the document holds together', async () => {
  const { openapi, paths, components } = (await (await fetch(`${service.url}/openapi.json`)).json()) as typeof OPENAPI;
  assert.equal(openapi, '3.1.0');
  const text = JSON.stringify({ paths, components });
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(name! in components.schemas, `${name} is referred to, but not there`);
  }
  const { model_version: version } = await infer(service, images(1));
  for (const [path, methods] of Object.entries(paths)) {
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = ((methods as { parameters?: { name: string }[] }).parameters ?? []).map(({ name }) => name);
    assert.deepEqual(described, parameters, path);
    const url = service.url + path.replace('{model}', 'cmnist').replace('{version}', version);
    for (const method of ['get', 'post'] as const) {
      const operation = (methods as Record<string, { responses: Record<string, unknown> }>)[method];
      const response = await fetch(url, method === 'get' ? {} : { method: 'POST', body: '' });
      if (operation === undefined) {
        assert.equal(response.status, 405, `${method} ${path}`);
        assert.ok(!response.headers.get('allow')!.toLowerCase().includes(method));
      } else {
        assert.ok(String(response.status) in operation.responses, `${method} ${path} answers ${response.status}`);
        assert.notEqual(response.status, 404);
      }
      await response.arrayBuffer();
    }
  }
});

test('health, HEAD, an unknown path, and the page', async () => {
  assert.deepEqual(await (await fetch(`${service.url}/v2/health/live`)).json(), { live: true });
  assert.deepEqual(await (await fetch(`${service.url}/v2/health/ready`)).json(), { ready: true });
  const head = await fetch(`${service.url}/v2`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const unknown = await fetch(`${service.url}/no/such/path`);
  assert.equal(unknown.status, 404);
  assert.ok('error' in ((await unknown.json()) as object));
  const page = await (await fetch(service.url)).text();
  assert.match(page, /<a href="\/v2\/models\/cmnist">cmnist<\/a>/);
  assert.equal(SIZE, 2352);
});
