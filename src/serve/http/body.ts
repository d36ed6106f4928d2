/** Reads request bodies: within a limit each, and within one for all that a worker holds. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { Gate } from '../worker/gate.ts';
import { HttpError, overloaded, shown } from './http-error.ts';

const unzip = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/** As RFC 9110 names them; `x-gzip` is gzip's older name (section 8.4.1.3). */
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
 * Bodies at a time: each may become as large as is allowed before it is refused, and what the heap has once grown to the system
 * does not get back.
 */
const unzipping = new Gate(2);
const UNZIP_CHUNK = 64 * 1024;

/** The bytes that all bodies together may take. */
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

/** What one request took of the budget, given back as a whole at the latest. */
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
 * The body, decompressed.
 *
 * @param begin called when the body is about to be read: the moment to send 100 Continue
 * @throws HttpError 400 where it is cut off or not what its encoding says, 413 over `limit`, 415 for an encoding that is
 *   not known, 503 where all bodies together are too large
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
  // What it becomes is not known before: the most it may become is taken.
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

/** Bytes are counted as they come, not as they are announced: announcing costs a client nothing. */
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
