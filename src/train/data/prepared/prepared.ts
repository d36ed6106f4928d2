/** Images of files, decoded once into one file of side×side RGB on disk and read from there by position. */
import { createHash } from 'node:crypto';
import { constants, createReadStream, openSync, readSync, type Stats, statSync } from 'node:fs';
import { mkdir, open, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { writeFileAtomic } from '../../../files/atomic-file.ts';
import { writeWhole } from '../../../files/write-whole.ts';
import { bytesPerImage, checkIndex, type ImageSet, type Labels } from '../dataset.ts';
import { DECODER_VERSION, decodeSquare, type Skip } from '../readers/decode.ts';
import { inParallel } from './parallel.ts';

/** Hears how far a long step has come: what it does, how much is done, and how much there is in total. */
export type Progress = (what: string, done: number, total: number) => void;

export interface PrepareOptions {
  /** What the prepared folder is called, before its key. */
  readonly name: string;
  /** The folder that the paths of the originals are relative to. */
  readonly folder: string;
  /** Prepared images go to `<cache>/prepared/`. */
  readonly cache: string;
  /** Height and width that every image is scaled to. */
  readonly side: number;
  /** The central square that is kept, as a share of the original's shorter side; 1 by default. */
  readonly crop?: number;
  /** If more than this share of the originals has no image, the preparation is an error; 1 % by default. */
  readonly maxSkipped?: number;
  readonly onProgress?: Progress;
}

/** The originals that were left out for one reason. */
interface Skipped {
  readonly count: number;
  /** The first few. */
  readonly examples: readonly string[];
}

/** The originals that could be read, still numbered as they were listed. */
export interface Prepared {
  readonly shape: readonly [side: number, side: number, channels: 3];
  /** 1 for an original that has an image, otherwise 0. */
  readonly kept: Uint8Array;
  readonly skipped: Readonly<Partial<Record<Skip, Skipped>>>;
  /** The images of these originals, one after the other; throws RangeError for one that was left out. */
  read(originals: ArrayLike<number>): Uint8Array;
}

const INDEX = 'index.json';
const PIXELS = 'pixels.bin';
const STATUS = 'status.bin';

/** How many bytes of pixels are in memory at once, and are written between two marks of progress. */
const CHUNK_BYTES = 4 << 20;
/** How many decodes are in flight: libuv has four threads, and the others wait with their file already read. */
const IN_FLIGHT = 8;
const EXAMPLES = 3;
const MAX_SKIPPED = 0.01;

/**
 * The codes of `status.bin`, one byte for each original that is done; 0 is never written, because a crash may leave
 * zeros behind.
 */
const CODES = ['', 'kept', 'missing', 'empty', 'not an image', 'damaged', 'too large', 'unsupported'] as const;
type Code = Exclude<(typeof CODES)[number], ''>;

/**
 * The images of `paths`, from `<cache>/prepared/<name>-<key>/` if they are there, otherwise decoded into it.
 *
 * Original i has bytes i·side²·3 … of `pixels.bin`, and byte i of `status.bin` once those are on disk: an interrupted
 * preparation resumes where the status ends, and two at the same time write the same bytes to the same places.
 * `index.json` is written last. The key is a hash of the folder, the options, the versions of libvips and of our
 * decoder, and every path with its size and time, so that a changed original is decoded anew, and what an older version
 * refused is tried again.
 *
 * @throws InputError if more than `maxSkipped` of the originals have no image, naming counts, reasons and examples; if
 *   an original exists but cannot be read; if what was prepared is incomplete
 */
export async function prepareImages(paths: readonly string[], options: PrepareOptions): Promise<Prepared> {
  const { side, crop = 1 } = options;
  const folder = await realpath(options.folder);
  const place = join(resolve(options.cache), 'prepared', `${options.name}-${listingKey(paths, folder, side, crop)}`);
  const shape = [side, side, 3] as const;
  const stride = bytesPerImage(shape);

  const whole = await stat(join(place, INDEX)).then(
    () => true,
    () => false,
  );
  if (!whole) await decodeAll(paths, folder, place, { ...options, crop });

  const status = new Uint8Array(await readFile(join(place, STATUS)));
  const bytes = (await stat(join(place, PIXELS))).size;
  if (status.length !== paths.length || bytes !== paths.length * stride) {
    throw new InputError(
      `${place}: found ${status.length} images in ${bytes} bytes, expected ${paths.length} of ${stride}; remove the folder`,
      { folder: place },
    );
  }
  const unknown = countDone(status);
  if (unknown < status.length) {
    throw new InputError(
      `${place}: found the status ${status[unknown]} for image ${unknown}, expected 1 … ${CODES.length - 1}; remove the folder`,
      { folder: place },
    );
  }
  // A limit stricter than the one it was prepared with holds too.
  const skipped = refuseTooMany(status, paths, options);
  const file = openSync(join(place, PIXELS), 'r');
  return {
    shape,
    kept: status.map((code) => (CODES[code] === 'kept' ? 1 : 0)),
    skipped,
    read: (originals) => {
      const images = new Uint8Array(originals.length * stride);
      for (let begin = 0; begin < originals.length; ) {
        const first = checkIndex(originals[begin]!, paths.length);
        let end = begin;
        // Neighbours on disk are read at once.
        while (end < originals.length && originals[end] === first + end - begin) {
          if (CODES[status[originals[end]!]!] !== 'kept')
            throw new RangeError(`original ${originals[end]} has no image`);
          end++;
        }
        readExactly(file, images.subarray(begin * stride, end * stride), first * stride);
        begin = end;
      }
      return images;
    },
  };
}

/** Prepared originals as a set; `labels` and `attribute` hold one value for each of `indices`. */
export function preparedSet(
  prepared: Prepared,
  fields: {
    readonly name: string;
    readonly indices: Uint32Array;
    readonly labels: Labels;
    readonly attribute: Uint8Array;
  },
): ImageSet {
  const { name, indices, labels, attribute } = fields;
  return {
    name,
    shape: prepared.shape,
    size: indices.length,
    labels,
    attribute,
    source: indices,
    read: (of) => prepared.read(Uint32Array.from(of, (i) => indices[checkIndex(i, indices.length)]!)),
  };
}

/** How many originals were left out, by reason. */
export function skippedCounts(prepared: Prepared): Record<string, number> {
  return Object.fromEntries(Object.entries(prepared.skipped).map(([reason, { count }]) => [reason, count]));
}

/** Reads all of `into`: a single read may give less than asked, and above 2 GiB it always does. */
function readExactly(file: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length; ) {
    const got = readSync(file, into, done, into.length - done, position + done);
    if (got === 0) throw new Error('the file of prepared images was cut while it was in use');
    done += got;
  }
}

function listingKey(paths: readonly string[], folder: string, side: number, crop: number): string {
  const hash = createHash('sha256').update(JSON.stringify([DECODER_VERSION, folder, side, crop, sharp.versions.vips]));
  for (const path of paths) {
    const found = statusOf(join(folder, path));
    hash.update(`${path}\0${found?.size ?? -1}\0${found?.mtimeMs ?? 0}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Undefined for a path that does not exist or cannot be reached, for example a link to itself: the decoder says why.
 */
function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

async function decodeAll(
  paths: readonly string[],
  folder: string,
  place: string,
  options: PrepareOptions & { readonly crop: number },
): Promise<void> {
  const { side, crop } = options;
  const stride = bytesPerImage([side, side, 3]);
  await mkdir(place, { recursive: true });
  const forUpdate = constants.O_RDWR | constants.O_CREAT;
  const pixelsFile = await open(join(place, PIXELS), forUpdate);
  const statusFile = await open(join(place, STATUS), forUpdate);
  const status = new Uint8Array(paths.length);
  /** What was found in each refused file, by path. */
  const details = new Map<string, string>();
  try {
    const before = new Uint8Array(await statusFile.readFile()).subarray(0, paths.length);
    const done = countDone(before);
    status.set(before.subarray(0, done));
    const chunk = Math.max(IN_FLIGHT, Math.floor(CHUNK_BYTES / stride));
    for (let begin = done; begin < paths.length; begin += chunk) {
      options.onProgress?.(`preparing ${options.name}`, begin, paths.length);
      const codes = status.subarray(begin, begin + chunk);
      const pixels = new Uint8Array(codes.length * stride);
      await inParallel(codes.length, IN_FLIGHT, async (i) => {
        const path = paths[begin + i]!;
        const square = await decodeSquare(join(folder, path), side, crop, (found) => details.set(path, found));
        if (typeof square !== 'string') pixels.set(square, i * stride);
        codes[i] = codeOf(typeof square === 'string' ? square : 'kept');
      });
      refuseTooMany(status, paths, options, details);
      await writeWhole(pixelsFile, pixels, begin * stride);
      await pixelsFile.datasync();
      await writeWhole(statusFile, codes, begin);
    }
    // The index, which says that everything is done, must not reach the disk before this.
    await statusFile.datasync();
    options.onProgress?.(`preparing ${options.name}`, paths.length, paths.length);
  } finally {
    await pixelsFile.close();
    await statusFile.close();
  }
  const index = {
    format: 1,
    folder,
    side,
    crop,
    images: paths.length,
    skipped: skippedOf(status, paths),
    sha256: await hashFile(join(place, PIXELS)),
  };
  await writeFileAtomic(join(place, INDEX), `${JSON.stringify(index, null, 2)}\n`);
}

/** How many originals, counted from the first, have a status. */
function countDone(status: Uint8Array): number {
  const first = status.findIndex((code) => !CODES[code]);
  return first < 0 ? status.length : first;
}

function codeOf(code: Code): number {
  return CODES.indexOf(code);
}

function skippedOf(status: Uint8Array, paths: readonly string[]): Partial<Record<Skip, Skipped>> {
  const skipped: Partial<Record<Skip, { count: number; examples: string[] }>> = {};
  status.forEach((value, i) => {
    const code = CODES[value];
    if (code === undefined || code === '' || code === 'kept') return;
    skipped[code] ??= { count: 0, examples: [] };
    const entry = skipped[code];
    entry.count++;
    if (entry.examples.length < EXAMPLES) entry.examples.push(paths[i]!);
  });
  return skipped;
}

function refuseTooMany(
  status: Uint8Array,
  paths: readonly string[],
  options: PrepareOptions,
  details: ReadonlyMap<string, string> = new Map(),
) {
  const skipped = skippedOf(status, paths);
  const entries = Object.entries(skipped);
  const count = entries.reduce((sum, [, reason]) => sum + reason.count, 0);
  const { maxSkipped = MAX_SKIPPED } = options;
  if (count > maxSkipped * paths.length) {
    const detailed = (path: string) => (details.has(path) ? `${path}: ${details.get(path)}` : path);
    const reasons = entries.map(
      ([reason, { count, examples }]) => `${count} ${reason} (${examples.map(detailed).join(', ')})`,
    );
    throw new InputError(
      `${options.folder}: found ${count} of ${paths.length} listed images unusable: ${reasons.join('; ')}; expected at most ${+(100 * maxSkipped).toFixed(2)} % (maxSkipped)${skipped.unsupported === undefined ? '' : '; convert what is unsupported to PNG or JPEG'}`,
      { folder: options.folder, skipped },
    );
  }
  return skipped;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
