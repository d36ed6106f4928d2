/** 10 000 malformed requests: each gets 4xx and {"error"}, none crashes a worker, none is told where it runs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { type HostileRequest, hostileRequests } from './hostile-requests.ts';
import { images, infer } from './protocol/requests.ts';

const COUNT = 10_000;
const CLIENTS = 8;
/** Milliseconds; the service's own limits are shorter, so this tells a hang from a refusal. */
const NO_ANSWER = 60_000;
/** What an answer must not hold: folders of this machine, files of ours, stack traces. */
const LEAKS = [process.cwd(), '/tmp', '/home', '/usr', 'node_modules', '.ts:', '.onnx', '\n    at ', 'node:internal'];

interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  readonly closes: boolean;
}

/** The first whole answer in `text`, a character for each byte; undefined while it is not there. */
function parse(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const headers = text.slice(0, end);
  const length = Number(/^content-length: (\d+)/im.exec(headers)?.[1]);
  const body = text.slice(end + 4);
  if (Number.isNaN(length)) assert.fail(`an answer without a length: ${headers}`);
  if (body.length < length) return undefined;
  const closes = /^connection: close/im.test(headers);
  return {
    status: Number(headers.slice(9, 12)),
    headers,
    body: Buffer.from(body.slice(0, length), 'latin1').toString(),
    closes,
  };
}

class Client {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** The answer; a connection that stays open is used again. */
  async ask({ bytes, cut }: HostileRequest): Promise<RawAnswer> {
    if (this.#socket === undefined) {
      this.#socket = connect(this.#port, '127.0.0.1');
      // The service may stop reading before all is written; what it said is there all the same.
      this.#socket.on('error', () => {});
      const opened = this.#socket;
      opened.on('close', () => {
        if (this.#socket === opened) this.#socket = undefined;
      });
      await once(opened, 'connect');
    }
    const socket = this.#socket!;
    const answer = new Promise<RawAnswer>((resolve, reject) => {
      let text = '';
      const end = (result: RawAnswer | Error) => {
        clearTimeout(hang);
        socket.off('data', onData);
        socket.off('close', onClose);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      const onData = (chunk: Buffer) => {
        text += chunk.toString('latin1');
        const parsed = parse(text);
        if (parsed !== undefined) end(parsed);
      };
      const hang = setTimeout(() => end(new Error('there was no answer')), NO_ANSWER);
      const onClose = () => end(new Error(`the connection was closed after ${JSON.stringify(text.slice(0, 200))}`));
      socket.on('data', onData);
      socket.on('close', onClose);
    });
    if (cut) socket.end(bytes);
    else socket.write(bytes);
    const result = await answer;
    const announced = Number(/^content-length: (\d+)/im.exec(bytes.toString('latin1', 0, 400))?.[1] ?? 0);
    if (result.closes || cut || announced > bytes.length) this.close();
    return result;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

test('10 000 malformed requests', async () => {
  const service = await ServiceProcess.start('--workers', '2', '--log-level', 'info');
  try {
    const workers = service.workers();
    const requests = hostileRequests(COUNT, 20_261_125);
    const seen = new Map<string, number>();
    const check = (request: HostileRequest, { status, body }: RawAnswer) => {
      const where = `${request.what}: ${request.bytes.toString('latin1', 0, 300)}\n→ ${status} ${body}`;
      assert.ok(status >= 400 && status < 500, where);
      const { error, ...rest } = JSON.parse(body) as Record<string, unknown>;
      assert.ok(typeof error === 'string' && error.length > 0 && Object.keys(rest).length === 0, where);
      for (const leak of LEAKS) assert.ok(!body.includes(leak), `${leak} in ${where}`);
      seen.set(request.what, (seen.get(request.what) ?? 0) + 1);
    };
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = new Client(service.port);
        for (const request of requests) {
          const answer = await client.ask(request).catch((error: Error) => {
            throw new Error(`${request.what}: ${request.bytes.toString('latin1', 0, 300)}: ${error.message}`);
          });
          check(request, answer);
        }
        client.close();
      }),
    );
    const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(total, COUNT);
    assert.ok([...seen.values()].every((count) => count > COUNT / seen.size / 2));
    assert.deepEqual(service.workers(), workers, 'the workers are those that began');
    assert.equal(service.lines.filter(({ status }) => status === 500).length, 0);
    assert.equal((await infer(service, images(1))).outputs.length, 3);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});
