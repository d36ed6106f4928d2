/** The limits of the service: queue, body, time, connections, keys. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import {
  type Answer,
  binaryRequest,
  images,
  infer,
  inferUrl,
  is,
  jsonRequest,
  output,
  raw,
} from './protocol/requests.ts';

async function withService(args: readonly string[], use: (service: ServiceProcess) => Promise<void>): Promise<void> {
  const service = await ServiceProcess.start('--workers', '1', '--drain', '0', ...args);
  try {
    await use(service);
  } finally {
    assert.equal(await service.stop(), 0);
  }
}

const HEAD = 'POST /v2/models/cmnist/infer HTTP/1.1\r\nHost: localhost\r\n';

interface Reply {
  readonly status: number;
  readonly retry: string | null;
  readonly answer: Answer & { readonly error: string };
}

/** 400 requests at once, of 4 images each. */
function crowd(service: ServiceProcess, pixels: Float32Array): Promise<readonly Reply[]> {
  const { body, headers } = binaryRequest(pixels);
  return Promise.all(
    Array.from({ length: 400 }, async () => {
      const response = await fetch(inferUrl(service), { method: 'POST', body: body as unknown as string, headers });
      const answer = (await response.json()) as Reply['answer'];
      return { status: response.status, retry: response.headers.get('retry-after'), answer };
    }),
  );
}

function assertRight(replies: readonly Reply[], expected: readonly number[]): void {
  for (const { answer } of replies) {
    output(answer, 'radius').forEach((radius, i) => {
      assert.ok(Math.abs(radius - expected[i]!) < 1e-5);
    });
  }
}

test('a full queue: requests wait for room, and are answered', async () => {
  await withService(['--queue', '8', '--max-batch', '4', '--max-wait', '60'], async (service) => {
    const pixels = images(4, 3);
    const expected = output(await infer(service, pixels), 'radius');
    const crowding = crowd(service, pixels);
    // Whoever looks after the service is answered meanwhile.
    for (const path of ['/v2/health/ready', '/v2/health/live', '/v2/models/cmnist/ready']) {
      assert.equal((await fetch(service.url + path)).status, 200);
    }
    const replies = await crowding;
    assert.deepEqual(
      replies.filter(({ status }) => status !== 200),
      [],
    );
    assertRight(replies, expected);
    const many = await fetch(inferUrl(service), { method: 'POST', body: jsonRequest(images(9)) });
    assert.equal(many.status, 413);
  });
});

test('a full queue where nobody may wait: 503 with Retry-After; what was accepted is answered rightly', async () => {
  await withService(['--queue', '8', '--max-batch', '4', '--max-wait', '0'], async (service) => {
    const pixels = images(4, 3);
    const expected = output(await infer(service, pixels), 'radius');
    const replies = await crowd(service, pixels);
    const taken = replies.filter(({ status }) => status === 200);
    const refused = replies.filter(({ status }) => status === 503);
    assert.equal(taken.length + refused.length, 400);
    assert.ok(taken.length > 0 && refused.length > 0, `${taken.length} taken, ${refused.length} refused`);
    for (const { retry, answer } of refused) {
      assert.match(retry!, /^[1-9]\d*$/);
      assert.match(answer.error, /try again later/);
    }
    assertRight(taken, expected);
  });
});

test('more pictures than decoders: they wait too', async () => {
  await withService(['--max-wait', '60'], async (service) => {
    const picture = await readFile('docs/images/digit-green.png');
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const response = await fetch(`${service.url}/predict?model=cmnist`, { method: 'POST', body: picture });
        await response.arrayBuffer();
        return response.status;
      }),
    );
    assert.deepEqual(new Set(statuses), new Set([200]));
  });
});

test('clients that never send the body they announce keep nobody else out', async () => {
  await withService(['--queue', '2', '--max-wait', '60'], async (service) => {
    const silent = Array.from({ length: 12 }, () => {
      const socket = connect(service.port, '127.0.0.1').on('error', () => {});
      socket.write(`${HEAD}Content-Length: 10000000\r\n\r\n{`);
      return socket;
    });
    for (let i = 0; i < 8; i++) await infer(service, images(1));
    for (const socket of silent) socket.destroy();
  });
});

test('a client that goes while it waits unread takes nothing with it', async () => {
  await withService(['--queue', '1', '--max-batch', '1', '--max-wait', '60'], async (service) => {
    const { body, headers } = binaryRequest(images(1));
    const gone = Array.from({ length: 50 }, () => {
      const stop = new AbortController();
      const asked = fetch(inferUrl(service), {
        method: 'POST',
        body: body as unknown as string,
        headers,
        signal: stop.signal,
      }).then(
        (response) => response.arrayBuffer(),
        () => {},
      );
      return { stop, asked };
    });
    await infer(service, images(1));
    for (const { stop } of gone) stop.abort();
    await Promise.all(gone.map(({ asked }) => asked));
    await infer(service, images(1));
    const metric = async (name: string) =>
      Number(
        new RegExp(`^${name}(?:\\{model="cmnist"\\})? (\\d+)$`, 'm').exec(
          await (await fetch(`${service.url}/metrics`)).text(),
        )![1],
      );
    for (const name of ['glean_unread_requests', 'glean_queue_images', 'glean_buffered_bytes']) {
      while ((await metric(name)) !== 0);
    }
  });
});

test('a client that is slow with headers or body is cut off with 408; one that is idle, without a word', async () => {
  await withService(['--request-timeout', '0.5', '--idle-timeout', '5'], async (service) => {
    assert.match(await raw(service, 'POST /v2'), /^HTTP\/1.1 408 .*\{"error":/s);
    assert.match(await raw(service, `${HEAD}Content-Length: 1000\r\n\r\n{`), /^HTTP\/1.1 408 .*\{"error":/s);
  });
  await withService(['--idle-timeout', '0.3'], async (service) => {
    assert.equal(await raw(service, `${HEAD}Content-Length: 1000\r\n\r\n{`), '');
    await infer(service, images(1));
  });
});

test('a body over the limit: announced, in chunks, or once decompressed', async () => {
  await withService(['--max-body', '100000'], async (service) => {
    assert.match(await raw(service, `${HEAD}Connection: close\r\nContent-Length: 100001\r\n\r\n`), /^HTTP\/1.1 413 /);
    const chunk = `${(60_000).toString(16)}\r\n${'x'.repeat(60_000)}\r\n`;
    assert.match(
      await raw(service, `${HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`),
      /^HTTP\/1.1 413 /,
    );
  });
});

test('Expect: 100-continue is answered before the body is sent, yes or no', async () => {
  await withService(['--max-body', '100000'], async (service) => {
    const body = jsonRequest(images(1).map(Math.round));
    const asked = await raw(
      service,
      `${HEAD}Expect: 100-continue\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
      (socket) => {
        socket.once('data', (chunk: Buffer) => {
          assert.match(chunk.toString(), /^HTTP\/1.1 100 Continue/);
          socket.write(body);
        });
      },
    );
    assert.match(asked, /HTTP\/1.1 200 OK/);
    const refused = await raw(service, `${HEAD}Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n`);
    assert.match(refused, /^HTTP\/1.1 413 .*connection: close/is);
  });
});

test('pipelined requests are answered in their order', async () => {
  await withService([], async (service) => {
    const one = (i: number) => {
      const body = jsonRequest(images(1).map(Math.round), { id: `n${i}` });
      return `${HEAD}${i === 19 ? 'Connection: close\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`;
    };
    const text = await raw(service, Array.from({ length: 20 }, (_, i) => one(i)).join(''));
    const ids = Array.from(text.matchAll(/"id":"n(\d+)"/g), ([, id]) => Number(id));
    assert.deepEqual(
      ids,
      Array.from({ length: 20 }, (_, i) => i),
    );
  });
});

test('more connections than allowed are refused, and let in again when others end', async () => {
  await withService(['--max-connections', '3'], async (service) => {
    const sockets = Array.from({ length: 3 }, () => connect(service.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    let answer = '';
    while (!answer.startsWith('HTTP/1.1 503'))
      answer = await raw(service, 'GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(answer, /Retry-After: 1\r\n/i);
    for (const probe of ['live', 'ready']) {
      const asked = `GET /v2/health/${probe} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      assert.match(await raw(service, asked), /^HTTP\/1.1 200 /, 'probes are answered all the same');
    }
    for (const socket of sockets) socket.destroy();
    while (!answer.startsWith('HTTP/1.1 200'))
      answer = await raw(service, 'GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  });
});

test('with a key file a key is needed, but for health; new keys are read while it runs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glean-keys-'));
  try {
    const file = join(folder, 'keys');
    await writeFile(file, '# ours\nfirst-key-0123456789\n');
    await withService(['--key-file', file, '--poll', '0.1'], async (service) => {
      const status = async (authorization?: string, path = '/v2') =>
        (await fetch(service.url + path, authorization === undefined ? {} : { headers: { authorization } })).status;
      assert.equal(await status(), 401);
      assert.equal(await status('Bearer first-key-012345678'), 401);
      assert.equal(await status('Basic first-key-0123456789'), 401);
      assert.equal(await status('Bearer first-key-0123456789'), 200);
      assert.equal(await status(undefined, '/v2/health/ready'), 200);
      assert.equal(await status(undefined, '/metrics'), 401);
      assert.equal((await fetch(inferUrl(service), { method: 'POST', body: jsonRequest(images(1)) })).status, 401);
      await writeFile(`${file}.new`, 'second-key-0123456789\n');
      await rename(`${file}.new`, file);
      await service.logged(is('keys changed'));
      while ((await status('Bearer second-key-0123456789')) !== 200);
      assert.equal(await status('Bearer first-key-0123456789'), 401);
      assert.ok(!JSON.stringify(service.lines).includes('key-0123456789'), 'no key is logged');
    });
    await writeFile(file, 'short\n');
    await assert.rejects(ServiceProcess.start('--key-file', file), /ended with 2 .*line 1 is no key/s);
  } finally {
    await rm(folder, { recursive: true });
  }
});
