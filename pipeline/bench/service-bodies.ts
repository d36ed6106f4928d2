/** Bodies for the service's bench: the same image as each service takes it. */
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import type { Post } from './service-load.ts';

const SHAPE = [28, 28, 3] as const;
const SIZE = SHAPE[0] * SHAPE[1] * SHAPE[2];
const PATH = '/v2/models/cmnist/infer';

/** Bytes of n images, always the same. */
function images(n: number): Uint8Array {
  const random = createRandom(5);
  return Uint8Array.from({ length: n * SIZE }, () => random.uint32() & 255);
}

/** The digits that a client prints: a float32 in its shortest form. */
function decimals(bytes: Uint8Array): number[] {
  return Array.from(bytes, (byte) => Number((byte / 255).toPrecision(8)));
}

function floats(bytes: Uint8Array): Buffer {
  return Buffer.from(Float32Array.from(bytes, (byte) => byte / 255).buffer);
}

export function gleanJson(port: number, n = 1): Post {
  const inputs = [{ name: 'image', shape: [n, ...SHAPE], datatype: 'FP32', data: decimals(images(n)) }];
  const body = Buffer.from(JSON.stringify({ inputs }));
  return { port, path: PATH, headers: { 'Content-Type': 'application/json' }, body };
}

/** What tritonclient sends: JSON, then the tensor; outputs binary too. */
export function gleanBinary(port: number, n = 1, datatype: 'FP32' | 'UINT8' = 'FP32'): Post {
  const raw = datatype === 'FP32' ? floats(images(n)) : Buffer.from(images(n));
  const parameters = { binary_data_size: raw.length };
  const inputs = [{ name: 'image', shape: [n, ...SHAPE], datatype, parameters }];
  const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: datatype === 'FP32' } }));
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': String(head.length),
  };
  return { port, path: PATH, headers, body: Buffer.concat([head, raw]) };
}

export function fastapiJson(port: number): Post {
  const body = Buffer.from(JSON.stringify({ data: decimals(images(1)) }));
  return { port, path: '/predict', headers: { 'Content-Type': 'application/json' }, body };
}

export function fastapiRaw(port: number): Post {
  const headers = { 'Content-Type': 'application/octet-stream' };
  return { port, path: '/predict/raw', headers, body: floats(images(1)) };
}
