/** Requests for the tests of the service: inference bodies, and exact bytes over a socket. */
import { connect, type Socket } from 'node:net';
import type { LogLine, ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';

export const SHAPE = [28, 28, 3] as const;
export const SIZE = 28 * 28 * 3;

/** n images with pixels on [0, 1], the same for the same seed. */
export function images(n: number, seed = 1): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: n * SIZE }, () => Math.fround((random.uint32() >>> 8) / 2 ** 24));
}

export function jsonRequest(pixels: Float32Array, extra: Record<string, unknown> = {}): string {
  const shape = [pixels.length / SIZE, ...SHAPE];
  return JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape, data: [...pixels] }], ...extra });
}

export interface BinaryRequest {
  readonly body: Buffer;
  readonly headers: Record<string, string>;
}

export function binaryRequest(pixels: Float32Array, extra: Record<string, unknown> = {}): BinaryRequest {
  const raw = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const shape = [pixels.length / SIZE, ...SHAPE];
  const parameters = { binary_data_size: raw.length };
  const json = JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape, parameters }], ...extra });
  const header = Buffer.from(json);
  return {
    body: Buffer.concat([header, raw]),
    headers: { 'inference-header-content-length': String(header.length), 'content-type': 'application/octet-stream' },
  };
}

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Answer {
  readonly id?: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Output[];
}

export function inferUrl({ url }: ServiceProcess, model = 'cmnist'): string {
  return `${url}/v2/models/${model}/infer`;
}

export async function infer(service: ServiceProcess, pixels: Float32Array, model?: string): Promise<Answer> {
  const response = await fetch(inferUrl(service, model), { method: 'POST', body: jsonRequest(pixels) });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

export function output(answer: Answer, name: string): readonly number[] {
  return answer.outputs.find((tensor) => tensor.name === name)!.data;
}

/** Sends bytes as they are, and gives all that comes back until the other side closes. */
export function raw(service: ServiceProcess, bytes: string | Buffer, act?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(service.port, '127.0.0.1');
    let text = '';
    socket.on('connect', () => {
      socket.write(bytes);
      act?.(socket);
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

export function is(message: string, fields: LogLine = {}): (line: LogLine) => boolean {
  return (line) => line['msg'] === message && Object.entries(fields).every(([name, value]) => line[name] === value);
}

/** What a promise gives; that it is 'still running' where that takes longer than milliseconds. */
export function soon<T>(promise: Promise<T>, milliseconds = 20_000): Promise<T | 'still running'> {
  return Promise.race([
    promise,
    new Promise<'still running'>((resolve) => setTimeout(resolve, milliseconds, 'still running').unref()),
  ]);
}
