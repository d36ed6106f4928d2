/** Every field of the protocol as absent, null, of every type, and empty: the right answer, or a refusal that names it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { after, before, test } from 'node:test';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { type Asked, changed, FIELDS, type Form, type Kind, VALUES } from './protocol-fields.ts';
import { type Answer, images, infer, SHAPE } from './requests.ts';

const pixels = images(1, 21);
let service: ServiceProcess;
let expected: Answer;
/** One connection: each request goes over the one that the request before it left usable. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let connections = 0;

before(async () => {
  service = await ServiceProcess.start('--workers', '1');
  expected = await infer(service, pixels);
});
after(async () => {
  agent.destroy();
  await service.stop();
});

interface Told {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function ask(form: Form, { json, raw, headers }: Asked): Promise<Told> {
  const path = form === 'index' ? '/v2/repository/index' : '/v2/models/cmnist/infer';
  const body = Buffer.concat([Buffer.from(JSON.stringify(json) ?? ''), raw]);
  const asking = request(service.url + path, { method: 'POST', agent, headers });
  asking.end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  if (!asking.reusedSocket) connections++;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Values of each output, read from JSON or from the bytes after it. */
function outputsOf({ headers, body }: Told): { readonly json: Answer; readonly values: Record<string, number[]> } {
  const length = headers['inference-header-content-length'];
  let at = length === undefined ? body.length : Number(length);
  const json = JSON.parse(body.toString('utf8', 0, at)) as Answer;
  const values: Record<string, number[]> = {};
  for (const { name, datatype, shape, data } of json.outputs) {
    const count = shape.reduce((product, size) => product * size, 1);
    const read = () => {
      const value = datatype === 'INT64' ? Number(body.readBigInt64LE(at)) : body.readFloatLE(at);
      at += datatype === 'INT64' ? 8 : 4;
      return value;
    };
    values[name] = data === undefined ? Array.from({ length: count }, read) : [...data];
  }
  assert.equal(at, body.length, 'bytes are left over');
  return { json, values };
}

function assertRight(form: Form, { json: asked }: Asked, told: Told, what: string): void {
  assert.equal(told.status, 200, `${what}: ${told.body.toString()}`);
  if (form === 'index') {
    const index = JSON.parse(told.body.toString()) as { name: string; state: string }[];
    assert.ok(
      index.some(({ name, state }) => name === 'cmnist' && state === 'READY'),
      what,
    );
    return;
  }
  const { json, values } = outputsOf(told);
  const { id, outputs } = asked as { id?: string | null; outputs?: { name: string }[] | null };
  assert.equal(json.id, id ?? undefined, what);
  const names = outputs?.length ? outputs.map(({ name }) => name) : ['label', 'radius', 'logits'];
  assert.deepEqual(Object.keys(values), names, what);
  for (const name of names) {
    const { data } = expected.outputs.find((output) => output.name === name)!;
    values[name]!.forEach((value, i) => {
      assert.ok(Math.abs(value - data[i]!) < 1e-5, `${what}: ${name} is ${value}, not ${data[i]}`);
    });
    assert.equal(values[name]!.length, data.length, what);
  }
}

for (const { forms, at, right, named, status = 400 } of FIELDS) {
  for (const form of forms) {
    const field = typeof at === 'string' ? at : at.join('.') || 'the whole';
    test(`${field} (${form})`, async () => {
      for (const kind of Object.keys(VALUES) as Kind[]) {
        const what = `${field} (${form}): ${kind}`;
        const asked = changed(form, at, kind, pixels);
        const told = await ask(form, asked);
        if (right.includes(kind)) {
          assertRight(form, asked, told, what);
        } else {
          assert.equal(told.status, status, `${what}: ${told.body.toString('utf8', 0, 500)}`);
          const { error } = JSON.parse(told.body.toString()) as { error: string };
          assert.match(error, named, what);
          assert.match(error, /found .*, expected /, what);
        }
      }
    });
  }
}

test('all of them went over one connection', () => {
  assert.equal(connections, 1);
});

test('what MLServer and KServe write is answered', async () => {
  const tensor = { name: 'image', shape: [1, ...SHAPE], datatype: 'FP32' };
  const nothing = { id: null, parameters: null, outputs: null };
  const bytes = Buffer.from(pixels.buffer);
  const mlserver = { ...nothing, inputs: [{ ...tensor, parameters: { content_type: null }, data: [...pixels] }] };
  const kserve = { ...nothing, inputs: [{ ...tensor, data: null, parameters: { binary_data_size: bytes.length } }] };
  const inJson = { json: mlserver, raw: Buffer.alloc(0), headers: {} };
  assertRight('json', inJson, await ask('json', inJson), 'MLServer');
  const length = Buffer.byteLength(JSON.stringify(kserve));
  const inBytes = { json: kserve, raw: bytes, headers: { 'inference-header-content-length': String(length) } };
  assertRight('binary', inBytes, await ask('binary', inBytes), 'KServe');
});
