/** What a service says of itself: metrics by outcome and by Prometheus's rules, the trace of a request in its log line, the memory it gives back. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { Metrics } from '../../src/serve/observe/metrics.ts';
import { traceContext } from '../../src/serve/observe/trace-context.ts';
import { images, infer, inferUrl, is, jsonRequest } from './protocol/requests.ts';

const metrics = () => new Metrics({ models: () => [], connections: () => 0, buffered: () => 0 });

test('how long requests took is told by how they ended, so that refusals do not make answers look fast', async () => {
  const counted = metrics();
  const ended = { answered: [200, 204], refused: [400, 401, 404, 408, 413, 415, 503], failed: [499, 500] };
  for (const status of Object.values(ended).flat()) counted.request('infer', status, 0.02);
  const text = await counted.registry.getSingleMetricAsString('glean_request_seconds');
  for (const [outcome, statuses] of Object.entries(ended)) {
    const line = `glean_request_seconds_count{route="infer",outcome="${outcome}"} ${statuses.length}`;
    assert.ok(text.split('\n').includes(line), `${line}\nin\n${text}`);
  }
});

test('names are as Prometheus has them: _total for counters and for nothing else', async () => {
  const types = [...(await metrics().registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  assert.ok(types.length > 20);
  for (const [, name, type] of types)
    assert.equal(name!.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test('traceparent: what the standard has valid, and what it has ignored', () => {
  const valid = { traceId: TRACE, spanId: SPAN, state: undefined };
  const flags = { '00': false, '01': true, ff: true, fe: false };
  for (const [byte, sampled] of Object.entries(flags)) {
    const header = `00-${TRACE}-${SPAN}-${byte}`;
    assert.deepEqual(traceContext(header, undefined), { ...valid, sampled }, header);
  }
  for (const end of ['', '-', '-what-the-future-will-be']) {
    const header = `cc-${TRACE}-${SPAN}-01${end}`;
    assert.deepEqual(traceContext(header, undefined), { ...valid, sampled: true }, header);
  }
  const zeros = (text: string) => '0'.repeat(text.length);
  for (const header of [
    undefined,
    '',
    TRACE,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${zeros(TRACE)}-${SPAN}-01`,
    `00-${TRACE}-${zeros(SPAN)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}0-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-zz`,
    ` 00-${TRACE}-${SPAN}-01\n`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    [`00-${TRACE}-${SPAN}-01`],
  ]) {
    assert.equal(traceContext(header, 'vendor=1'), undefined, JSON.stringify(header));
  }
});

test('tracestate: what the standard has valid, and what it has ignored', () => {
  const parent = `00-${TRACE}-${SPAN}-01`;
  const key = (length: number) => 'k'.repeat(length);
  const valid: Readonly<Record<string, string>> = {
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE': 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    ' a=1 ,\t, b=2,': 'a=1,b=2',
    'a=x y': 'a=x y',
    'a= x': 'a= x',
    'fw529a3039@dt=FfAAAA_-*/.:;!~': 'fw529a3039@dt=FfAAAA_-*/.:;!~',
    '0tenant@vendor=1': '0tenant@vendor=1',
    [`${key(256)}=1`]: `${key(256)}=1`,
    [`${key(241)}@${key(14)}=1`]: `${key(241)}@${key(14)}=1`,
    [`a=${'v'.repeat(256)}`]: `a=${'v'.repeat(256)}`,
    [Array.from({ length: 32 }, (_, i) => `k${i}=1`).join()]: Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(),
  };
  for (const [header, state] of Object.entries(valid)) {
    assert.equal(traceContext(parent, header)?.state, state, header);
  }
  for (const header of [
    undefined,
    '',
    ' , ,',
    'a',
    'a=',
    '=1',
    'a=1,b',
    'a=1,a=2',
    'A=1',
    '0a=1',
    'a b=1',
    'a=1=2',
    'a=ü',
    'a=\u{0}',
    'a=1\n',
    'a@=1',
    '@b=1',
    'a@b@c=1',
    'a@0b=1',
    `${key(257)}=1`,
    `${key(242)}@b=1`,
    `a@${key(15)}=1`,
    `a=${'v'.repeat(257)}`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(),
    Array.from({ length: 3 }, (_, i) => `k${i}=${'v'.repeat(200)}`).join(),
    // Whoever looks at all these blanks from each of them does not end.
    `a${' '.repeat(1e6)}b=1`,
    ['a=1'],
  ]) {
    const context = traceContext(parent, header);
    assert.equal(context?.traceId, TRACE, 'a malformed state leaves the parent alone');
    assert.equal(context.state, undefined, JSON.stringify(header)?.slice(0, 300));
  }
});

test('the trace of a request is in its log line, whatever the answer; an invalid one is left out', async () => {
  const service = await ServiceProcess.start('--workers', '1', '--drain', '0');
  try {
    const ask = async (id: string, traceparent: string, body: string, path = inferUrl(service)) => {
      const logged = service.logged(is('request', { id }));
      // Two headers of one name, as they may be sent.
      const headers: [string, string][] = [
        ['tracestate', 'a=1'],
        ['tracestate', 'b=2'],
        ['traceparent', traceparent],
      ];
      const response = await fetch(path, { method: 'POST', body, headers: [...headers, ['x-request-id', id]] });
      await response.arrayBuffer();
      // The recommendation has no header for answers.
      for (const name of response.headers.keys()) assert.doesNotMatch(name, /^trace/);
      const { trace_id, span_id, trace_flags, trace_state, status } = await logged;
      assert.equal(status, response.status);
      return [status, trace_id, span_id, trace_flags, trace_state];
    };
    const header = `00-${TRACE}-${SPAN}-01`;
    const right = jsonRequest(images(1));
    const trace = [TRACE, SPAN, '01', 'a=1,b=2'];
    const none = [undefined, undefined, undefined, undefined];
    assert.deepEqual(await ask('answered', header, right), [200, ...trace]);
    assert.deepEqual(await ask('refused', header, '{'), [400, ...trace]);
    assert.deepEqual(await ask('unknown', header, '', `${service.url}/nowhere`), [404, ...trace]);
    assert.deepEqual(await ask('invalid', `${header}0`, right), [200, ...none]);
    assert.deepEqual(await ask('twice', `${header}, ${header}`, right), [200, ...none]);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});

test('gzip bombs by the hundred: none is let through, and the memory they took is small', {
  skip: process.platform !== 'linux',
}, async () => {
  const service = await ServiceProcess.start('--workers', '1', '--drain', '0');
  try {
    const [worker] = service.workers();
    const resident = async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${worker}/status`, 'utf8'))![1]) / 1024;
    for (let i = 0; i < 200; i++) await infer(service, images(1));
    const before = await resident();
    const bomb = gzipSync(Buffer.alloc(2 ** 26));
    const headers = { 'content-encoding': 'gzip' };
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let i = 0; i < 12; i++) {
          const response = await fetch(inferUrl(service), { method: 'POST', body: bomb, headers });
          assert.equal(response.status, 413);
          await response.arrayBuffer();
        }
      }),
    );
    // Sixteen at a time took 250 MiB and kept them.
    assert.ok((await resident()) - before < 150, `${before} MiB before, ${await resident()} MiB after`);
    const text = await (await fetch(`${service.url}/metrics`)).text();
    assert.match(text, /^glean_buffered_bytes 0$/m);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});
