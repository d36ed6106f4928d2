/**
 * Checkpoints: named tensors in one safetensors file (https://github.com/huggingface/safetensors#format) that carries
 * its own SHA-256 in the header. A file is written under another name and then renamed; the newest two are kept.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { GleanError } from '../certify-runtime/trusted/errors.ts';
import { writeFileAtomic } from '../files/atomic-file.ts';

/** A checkpoint file is cut off, damaged, or belongs to another run. */
export class CheckpointError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('CHECKPOINT', message, details, options);
  }
}

export interface SavedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Identifies configuration, seed and data: a run resumes only from its own checkpoints. */
  readonly run: string;
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

const KEPT = 2;
const MAX_HEADER = 1 << 20;
const FILE_NAME = /^checkpoint-(\d{6,})\.safetensors$/;
/** Stands in the header for the file's SHA-256 while that is computed, so that the digest covers every other byte. */
const NO_DIGEST = '0'.repeat(64);
const DTYPES = { F32: Float32Array, U8: Uint8Array } as const;

const headerSchema = v.objectWithRest(
  {
    __metadata__: v.object({
      step: v.pipe(v.string(), v.regex(/^\d+$/)),
      run: v.string(),
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    }),
  },
  v.object({
    dtype: v.picklist(['F32', 'U8']),
    shape: v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
    data_offsets: v.tuple([v.pipe(v.number(), v.integer(), v.minValue(0)), v.pipe(v.number(), v.integer())]),
  }),
);

function sha256(...parts: readonly (Uint8Array | string)[]): string {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
}

function encode(checkpoint: Checkpoint): Uint8Array {
  const entries: Record<string, unknown> = {};
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of checkpoint.tensors) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dtype = data instanceof Float32Array ? 'F32' : 'U8';
    entries[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    chunks.push(bytes);
    offset += bytes.length;
  }
  const data = Buffer.concat(chunks);
  const metadata = { sha256: NO_DIGEST, step: String(checkpoint.step), run: checkpoint.run };
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata, ...entries }));
  const padded = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = Buffer.concat([length, padded, data]);
  file.write(sha256(file), file.indexOf(NO_DIGEST), 'latin1');
  return file;
}

function decode(bytes: Uint8Array, path: string): Checkpoint {
  const fail = (problem: string, options?: ErrorOptions): never => {
    throw new CheckpointError(`${path}: ${problem}`, { path }, options);
  };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 8) fail(`is ${buffer.length} bytes long, shorter than a checkpoint's first field`);
  const headerLength = Number(buffer.readBigUInt64LE(0));
  if (headerLength > MAX_HEADER) fail(`claims a header of ${headerLength} bytes; at most ${MAX_HEADER} are expected`);
  if (8 + headerLength > buffer.length) fail('is cut off inside its header');
  let json: unknown;
  try {
    json = JSON.parse(buffer.toString('utf8', 8, 8 + headerLength));
  } catch (cause) {
    fail('its header is not JSON', { cause });
  }
  const parsed = v.safeParse(headerSchema, json);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    return fail(`its header is malformed: ${v.getDotPath(issue) ?? ''} ${issue.message}`);
  }
  const { __metadata__: metadata, ...entries } = parsed.output;
  const data = buffer.subarray(8 + headerLength);
  const expected = Object.values(entries).reduce((end, entry) => Math.max(end, entry.data_offsets[1]), 0);
  if (data.length !== expected) fail(`holds ${data.length} bytes of data, expected ${expected}: it is cut off`);
  const digestAt = buffer.indexOf(metadata.sha256);
  const digest = sha256(buffer.subarray(0, digestAt), NO_DIGEST, buffer.subarray(digestAt + NO_DIGEST.length));
  if (digest !== metadata.sha256) fail('does not have the SHA-256 in its header: it is damaged');
  const tensors = new Map<string, SavedTensor>();
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(entries)) {
    const array = DTYPES[dtype];
    const count = shape.reduce((product, size) => product * size, 1);
    if (range[1] - range[0] !== count * array.BYTES_PER_ELEMENT) fail(`tensor '${name}' is not of its shape's size`);
    const copy = Uint8Array.from(data.subarray(...range)).buffer;
    tensors.set(name, { shape, data: new array(copy) });
  }
  return { step: Number(metadata.step), run: metadata.run, tensors };
}

async function list(directory: string): Promise<{ readonly path: string; readonly step: number }[]> {
  const names = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw cause;
  });
  return names
    .flatMap((name) => {
      const match = FILE_NAME.exec(name);
      return match === null ? [] : [{ path: join(directory, name), step: Number(match[1]) }];
    })
    .sort((a, b) => b.step - a.step);
}

/**
 * Writes `checkpoint-STEP.safetensors` and removes all but the newest two up to it. Later ones are there if they were
 * damaged, and training has begun anew before them.
 */
export async function saveCheckpoint(directory: string, checkpoint: Checkpoint): Promise<string> {
  const name = `checkpoint-${String(checkpoint.step).padStart(6, '0')}.safetensors`;
  const path = join(directory, name);
  await writeFileAtomic(path, encode(checkpoint));
  const earlier = (await list(directory)).filter(({ step }) => step <= checkpoint.step);
  for (const old of earlier.slice(KEPT)) await rm(old.path, { force: true });
  return path;
}

/**
 * The newest checkpoint that is whole, or undefined if there is none; `onRefused` hears of each newer one that is
 * damaged.
 *
 * @throws CheckpointError if `run` is given and the checkpoint is whole but belongs to another run
 */
export async function loadCheckpoint(
  directory: string,
  options: { readonly run?: string; readonly onRefused?: (error: CheckpointError) => void } = {},
): Promise<(Checkpoint & { readonly path: string }) | undefined> {
  for (const { path } of await list(directory)) {
    let checkpoint: Checkpoint;
    try {
      checkpoint = decode(await readFile(path), path);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      options.onRefused?.(error);
      continue;
    }
    if (options.run !== undefined && checkpoint.run !== options.run) {
      throw new CheckpointError(
        `${path}: belongs to a run with another configuration, seed or data; give those, or another folder`,
        { path, found: checkpoint.run, expected: options.run },
      );
    }
    return { ...checkpoint, path };
  }
  return undefined;
}
