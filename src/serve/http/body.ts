/** Reads request bodies. Each has a limit, and so do all the bodies that a worker holds together. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { Gate } from '../worker/gate.ts';
import { HttpError, overloaded, shown } from './http-error.ts';

const unzip = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/** The content encoding, named as in RFC 9110; `x-gzip` is the older name of gzip (section 8.4.1.3). */
function encodingOf(request: IncomingMessage): 'identity' | keyof typeof unzip {
  const found = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  if (found === 'x-gzip') return 'gzip';
  if (found === '' || found === 'identity') return 'identity';
  if (found === 'gzip' || found === 'deflate') return found;
  throw new HttpError(415, `found Content-Encoding ${shown(found)}, expected gzip, deflate or none`, {
    'accept-encoding': 'gzip, deflate',
  });
}

/**
 * Limits how many bodies are decompressed at a time. Each may grow to the whole limit before it is refused, and the
 * heap does not return memory to the system once it has grown.
 */
const unzipping = new Gate(2);
const UNZIP_CHUNK = 64 * 1024;

/** The bytes that all bodies together may take up. */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  get free(): number {
    return this.#limit - this.#used;
  }

  take(bytes: number): void {
    if (this.#used + bytes > this.#limit) throw overloaded('too many bytes are being received; try again later');
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** What one request has taken from the budget. All of it is given back by the time the request ends. */
export class Share {
  readonly #budget: ByteBudget;
  #taken = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#budget.give(bytes);
    this.#taken -= bytes;
  }

  release(): void {
    this.give(this.#taken);
  }
}

function tooLarge(limit: number, found = ''): HttpError {
  return new HttpError(413, `the body is too large${found}, expected at most ${limit} bytes`);
}

/**
 * Reads the body and decompresses it.
 *
 * @param begin called just before the body is read, which is the moment to send 100 Continue
 * @throws HttpError 400 if the body is cut off or does not match its encoding, 413 if it is over `limit`, 415 if the
 *   encoding is unknown, 503 if all bodies together are too large
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  share: Share,
  begin: () => void,
): Promise<Buffer> {
  const encoding = encodingOf(request);
  const length = request.headers['content-length'];
  if (length !== undefined && Number(length) > limit) throw tooLarge(limit, ` (${length} bytes)`);
  begin();
  const body = await collect(request, limit, share);
  if (encoding === 'identity') return body;
  return unzipping.pass(
    () => decompress(encoding, body, limit, share),
    () => request.socket.destroyed,
  );
}

async function decompress(encoding: keyof typeof unzip, body: Buffer, limit: number, share: Share): Promise<Buffer> {
  // The decompressed size is not known in advance, so we take the most that it may be.
  share.take(limit);
  try {
    const whole = await unzip[encoding](body, { maxOutputLength: limit, chunkSize: UNZIP_CHUNK });
    share.give(limit - whole.length);
    return whole;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw new HttpError(400, `the body is no whole ${encoding} stream`, {}, { cause: error });
  }
}

/** Counts bytes as they arrive, not as they are announced, because announcing costs a client nothing. */
function collect(request: IncomingMessage, limit: number, share: Share): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (error: unknown) => {
      request.off('data', onData);
      chunks.length = 0;
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > limit) return fail(tooLarge(limit));
      try {
        share.take(chunk.length);
      } catch (error) {
        fail(error);
      }
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.once('error', () => fail(new HttpError(400, 'the body was cut off')));
  });
}
