/** Malformed requests by the thousand: each is wrong in one way that the service must answer with 4xx. Seeded. */
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { createRandom, type Random, uniformInt } from '../../src/certify-runtime/smoothing/random.ts';
import { SHAPE, SIZE } from './protocol/requests.ts';

export interface HostileRequest {
  readonly what: string;
  /** Exact bytes, the whole request. */
  readonly bytes: Buffer;
  /** The client ends the connection's sending half after them: the request is cut off. */
  readonly cut: boolean;
}

type Tensor = Record<string, unknown>;
type Maker = (random: Random) => Omit<HostileRequest, 'what'>;

const PATH = '/v2/models/cmnist/infer';

function pick<T>(random: Random, values: readonly T[]): T {
  return values[uniformInt(values.length, random)]!;
}

interface Parts {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
}

function http({ method = 'POST', path = PATH, headers = {}, body = '' }: Parts): Buffer {
  const lines = Object.entries({ Host: 'localhost', 'Content-Length': Buffer.byteLength(body), ...headers });
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body as string)]);
}

const whole = (parts: Parts): Omit<HostileRequest, 'what'> => ({ bytes: http(parts), cut: false });

const tensor = (change: Tensor): string =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'UINT8', shape: [1, ...SHAPE], data: [0], ...change }] });

function binary(
  json: unknown,
  raw: Buffer,
  headers: Record<string, string | number> = {},
): Omit<HostileRequest, 'what'> {
  const head = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return whole({
    headers: { 'Inference-Header-Content-Length': head.length, ...headers },
    body: Buffer.concat([head, raw]),
  });
}

const rawTensor = (change: Tensor = {}, size: unknown = SIZE * 4): unknown => ({
  inputs: [
    { name: 'image', datatype: 'FP32', shape: [1, ...SHAPE], parameters: { binary_data_size: size }, ...change },
  ],
});

/** A PNG whose header claims so many pixels, and whose data inflates to more than it says. */
function pngBomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', ZEROS),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const ZEROS = deflateSync(Buffer.alloc(2 ** 22));
/** Inflates to 64 MiB, over the limit of a body. */
const GZIP_BOMB = gzipSync(Buffer.alloc(2 ** 26));

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const WRONG_VALUES = [null, true, 'x', {}, [], -1, 1.5, 1e308, '', [[]], 'FP32 '] as const;
const TRICKS = [
  '../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/model.onnx',
  '....//cmnist',
  'cmnist%00.onnx',
  'cmnist/../cmnist-erm/../..',
  '%c0%ae%c0%ae%c0%af',
  '%',
  '%zz',
  'CMNIST',
  'cmnist%20',
  '__proto__',
  'constructor',
  'a'.repeat(5000),
  '~root',
  'con',
  '\\..\\..\\windows',
] as const;

const notANumber = (random: Random): Buffer => {
  const raw = Buffer.alloc(SIZE * 4);
  raw.writeFloatLE(
    pick(random, [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.001, 1e30, -1e-30]),
    4 * uniformInt(SIZE, random),
  );
  return raw;
};

const MAKERS: Readonly<Record<string, Maker>> = {
  'wrong datatype': (r) =>
    whole({
      body: tensor({ datatype: pick(r, ['FP16', 'FP64', 'INT8', 'BYTES', 'fp32', 'FP32\0', ...WRONG_VALUES]) }),
    }),
  'wrong shape': (r) =>
    whole({
      body: tensor({
        shape: pick<unknown>(r, [
          [],
          [1],
          [0, ...SHAPE],
          [-1, ...SHAPE],
          [1.5, ...SHAPE],
          [1, 3, 28, 28],
          SHAPE,
          ...WRONG_VALUES,
        ]),
      }),
    }),
  'huge dimensions': (r) =>
    whole({ body: tensor({ shape: [pick(r, [2 ** 31, 2 ** 53, 1e9, 513, 1e300]), ...SHAPE] }) }),
  'wrong number of values': (r) => whole({ body: tensor({ data: new Array(uniformInt(200, r)).fill(0) }) }),
  'wrong values': (r) => {
    const data: unknown[] = new Array(SIZE).fill(0);
    data[uniformInt(SIZE, r)] = pick<unknown>(r, [null, true, '0', {}, [0], -1, 256, 0.5]);
    return whole({ body: tensor({ data }) });
  },
  'wrong nesting': (r) =>
    whole({ body: tensor({ data: pick<unknown>(r, [[[]], [[[[0]]]], [[0], [0]], { length: SIZE }]) }) }),
  'deep nesting': (r) => {
    const depth = 1000 + uniformInt(20_000, r);
    return whole({ body: `{"inputs":${'['.repeat(depth)}${']'.repeat(depth)}}` });
  },
  'wrong inputs': (r) =>
    whole({
      body: JSON.stringify({ inputs: pick<unknown>(r, [[{ name: 'images' }], [{}, {}], [null], ...WRONG_VALUES]) }),
    }),
  'wrong outputs': (r) =>
    whole({
      body: JSON.stringify({
        inputs: [{ name: 'image' }],
        outputs: pick<unknown>(r, [
          [{ name: 'latent' }],
          ['label'],
          [{ name: 'label' }, { name: 'label' }],
          { name: 'label' },
          1,
        ]),
      }),
    }),
  'wrong id': (r) =>
    whole({
      body: JSON.stringify({ id: pick<unknown>(r, [1, null, {}, 'x'.repeat(257)]), inputs: [{ name: 'image' }] }),
    }),
  'no JSON': (r) =>
    whole({
      body: pick(r, ['', '{', 'null', '[]', '"x"', 'NaN', '{"inputs":[NaN]}', '\xff\xfe', '\0', '{"inputs":}']),
    }),
  'random bytes': (r) =>
    whole({ body: Buffer.from(Array.from({ length: 1 + uniformInt(300, r) }, () => uniformInt(256, r))) }),
  'NaN and beyond [0, 1], binary': (r) => binary(rawTensor(), notANumber(r)),
  'wrong binary size': (r) =>
    binary(
      rawTensor({}, pick<unknown>(r, [0, -1, SIZE, SIZE * 4 - 1, 2 ** 40, '9408', null, 1.5])),
      Buffer.alloc(uniformInt(100, r)),
    ),
  'binary and data': () => binary(rawTensor({ data: [0] }), Buffer.alloc(SIZE * 4)),
  'bytes after JSON': (r) => binary(tensor({}), Buffer.alloc(1 + uniformInt(100, r))),
  'wrong header length': (r) =>
    binary(rawTensor(), Buffer.alloc(SIZE * 4), {
      'Inference-Header-Content-Length': pick(r, ['-1', '0', '1e3', '99999999', '0x10', 'x', '12345678901234567890']),
    }),
  'path tricks': (r) =>
    whole({
      method: pick(r, ['GET', 'POST']),
      path: `/v2/models/${pick(r, TRICKS)}${pick(r, ['', '/infer', '/ready', '/versions/1/infer', '/versions/..%2f/ready'])}`,
    }),
  'path tricks in pictures': (r) => whole({ path: `/predict?model=${pick(r, TRICKS)}` }),
  'unknown version': (r) =>
    whole({ path: `/v2/models/cmnist/versions/${uniformInt(1000, r)}/infer`, body: tensor({}) }),
  'unknown path': (r) =>
    whole({
      method: 'GET',
      path:
        pick(r, ['/v1', '/v2/', '//', '/.env', '/models/cmnist/model.onnx', '/v2/models/', '/%']) +
        pick(r, ['', 'x', '/..']) +
        'y',
    }),
  'wrong method': (r) =>
    whole({
      method: pick(r, ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']),
      path: pick(r, [PATH, '/predict']),
    }),
  'wrong encoding': (r) =>
    whole({ headers: { 'Content-Encoding': pick(r, ['br', 'zstd', 'x', 'gzip, gzip', '*']) }, body: '{}' }),
  'damaged compression': (r) =>
    whole({
      headers: { 'Content-Encoding': pick(r, ['gzip', 'deflate']) },
      body: pick(r, [Buffer.from('no'), gzipSync('{}').subarray(0, 12), deflateRawSync('{}'), Buffer.alloc(0)]),
    }),
  'compression bomb': (r) =>
    whole({ path: pick(r, [PATH, '/predict?model=cmnist']), headers: { 'Content-Encoding': 'gzip' }, body: GZIP_BOMB }),
  'no picture': (r) =>
    whole({
      path: `/predict?model=cmnist${pick(r, ['', '&resize=true', '&resize=maybe'])}`,
      body: pick(r, [
        '',
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        'GIF89a',
        '%PDF-1.4',
        'RIFF0000WEBP',
        '\x89PNG\r\n\x1a\n',
      ]),
    }),
  'picture bomb': (r) =>
    whole({
      path: '/predict?model=cmnist&resize=true',
      body: pngBomb(pick(r, [65_535, 100_000, 2 ** 31 - 1]), pick(r, [65_535, 50_000, 2 ** 31 - 1])),
    }),
  'picture cut short': (r) =>
    whole({ path: '/predict?model=cmnist&resize=true', body: pngBomb(28, 28).subarray(0, 20 + uniformInt(30, r)) }),
  'body cut off': (r) => {
    const all = http({ body: tensor({}), headers: { 'Content-Length': 10_000 } });
    return { bytes: all.subarray(0, all.length - uniformInt(20, r)), cut: true };
  },
  'body too large': (r) =>
    whole({
      headers: { 'Content-Length': pick(r, [2 ** 24 + 1, 1e12, 9e15]) },
      path: pick(r, [PATH, '/predict?model=cmnist']),
    }),
  'bad header': (r) =>
    whole({
      headers: pick<Record<string, string | number>>(r, [
        { 'Content-Length': 'x' },
        { 'Content-Length': -5 },
        { 'Transfer-Encoding': 'chunked' },
        { 'Transfer-Encoding': 'gzip' },
        { 'X-Bad': 'a\0b' },
        { 'X Bad': '1' },
        { 'X-Large': 'x'.repeat(20_000) },
        { Expect: 'the worst' },
        { '': 'x' },
      ]),
    }),
  'bad request line': (r) => ({
    bytes: Buffer.from(
      pick(r, [
        'GET\r\n\r\n',
        'POST / HTTP/9.9\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
        'GET / HTTP/1.1\r\n\r\n',
        'POST http://evil/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
        'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n',
        'SSH-2.0-x\r\n',
        '\0\0\0\0',
      ]),
      'latin1',
    ),
    cut: false,
  }),
};

/** `count` requests, every kind as often as any other. */
export function* hostileRequests(count: number, seed: number): Generator<HostileRequest> {
  const random = createRandom(seed);
  const kinds = Object.entries(MAKERS);
  for (let i = 0; i < count; i++) {
    const [what, make] = kinds[i % kinds.length]!;
    yield { what, ...make(random) };
  }
}
