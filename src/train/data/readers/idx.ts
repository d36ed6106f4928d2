/** Reads MNIST-like data sets as published: IDX files of images and labels, gzipped or not, in one folder. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type GreyImages, withoutDuplicates } from './grey-images.ts';

/** Magic numbers: unsigned bytes (0x08) in three dimensions and in one, big-endian. */
const IMAGES_MAGIC = 0x0803;
const LABELS_MAGIC = 0x0801;

/** No published MNIST-like set comes near this; it keeps a gzip bomb from filling memory. */
const MAX_BYTES = 1 << 30;

const PARTS = ['train', 't10k'] as const;

/** The grey images of a folder, and the labels of the first part in file order, by which the set is recognised. */
export interface IdxFolder {
  readonly images: GreyImages;
  readonly firstPart: (typeof PARTS)[number];
  readonly firstLabels: Uint8Array;
}

/**
 * Reads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`,
 * each with or without `.gz`; if both parts are there, t10k follows train. Exact duplicates are dropped.
 *
 * @throws InputError naming the file, what was found and what was expected
 */
export async function readIdxFolder(folder: string): Promise<IdxFolder> {
  const names = await listFolder(folder);
  const parts = [];
  for (const part of PARTS) {
    const images = pick(names, `${part}-images-idx3-ubyte`);
    const labels = pick(names, `${part}-labels-idx1-ubyte`);
    if (images === undefined && labels === undefined) continue;
    if (images === undefined || labels === undefined) {
      const [there, missing] = images === undefined ? [labels, 'images-idx3'] : [images, 'labels-idx1'];
      throw new InputError(`${folder}: found ${there} alone, expected ${part}-${missing}-ubyte[.gz] beside it`, {
        folder,
      });
    }
    parts.push({ part, ...(await readPart(join(folder, images), join(folder, labels))) });
  }
  const first = parts[0];
  if (first === undefined) {
    const found = names.length === 0 ? 'nothing' : names.slice(0, 8).join(', ') + (names.length > 8 ? ', …' : '');
    throw new InputError(
      `${folder}: found ${found}, expected train-images-idx3-ubyte[.gz] and train-labels-idx1-ubyte[.gz], or t10k-…`,
      { folder },
    );
  }
  for (const { part, height, width } of parts) {
    if (height !== first.height || width !== first.width) {
      throw new InputError(
        `${folder}: found ${height}×${width} images in ${part}, expected ${first.height}×${first.width} as in ${first.part}`,
        { folder },
      );
    }
  }
  const pixels = concat(parts.map((part) => part.pixels));
  const labels = concat(parts.map((part) => part.labels));
  return {
    images: withoutDuplicates(first.height, first.width, pixels, labels),
    firstPart: first.part,
    firstLabels: first.labels,
  };
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'nothing there' : code === 'ENOTDIR' ? 'a file' : String(cause);
    const hint = folder.startsWith('/usr/share/datasets/')
      ? ' (Fashion-MNIST: apt-get install dataset-fashion-mnist)'
      : '';
    throw new InputError(`${folder}: found ${found}, expected a folder of IDX files${hint}`, { folder }, { cause });
  }
}

/** The plain file if there is one, otherwise the gzipped one. */
function pick(names: readonly string[], name: string): string | undefined {
  return [name, `${name}.gz`].find((candidate) => names.includes(candidate));
}

async function readPart(imagesFile: string, labelsFile: string) {
  const images = await readIdxImages(imagesFile);
  const labels = await readIdxLabels(labelsFile);
  if (images.count !== labels.length) {
    const message = `${labelsFile}: found ${labels.length} labels, expected ${images.count}, as many as ${imagesFile} has images`;
    throw new InputError(message, { file: labelsFile, found: labels.length, expected: images.count });
  }
  return { height: images.height, width: images.width, pixels: images.pixels, labels };
}

/** One file of images: count·height·width bytes. */
async function readIdxImages(file: string) {
  const { sizes, data } = await readIdx(file, IMAGES_MAGIC, 'images');
  const [count, height, width] = sizes as [number, number, number];
  return { count, height, width, pixels: data };
}

/** One file of labels, each 0–9. */
async function readIdxLabels(file: string): Promise<Uint8Array> {
  const { data } = await readIdx(file, LABELS_MAGIC, 'labels');
  const wrong = data.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new InputError(`${file}: found label ${data[wrong]} at position ${wrong}, expected 0 to 9`, {
      file,
      found: data[wrong],
    });
  }
  return data;
}

type Refuse = (found: string, expected: string, options?: ErrorOptions) => InputError;

/** Header: magic, then one big-endian uint32 per dimension; then exactly the bytes the dimensions announce. */
async function readIdx(file: string, magic: number, what: string): Promise<{ sizes: number[]; data: Uint8Array }> {
  const refuse: Refuse = (found, expected, options) =>
    new InputError(`${file}: found ${found}, expected ${expected}`, { file, found, expected }, options);

  const bytes = await inflate(file, refuse);
  const dimensions = magic & 0xff;
  const header = 4 * (1 + dimensions);
  if (bytes.length < header) throw refuse(`${bytes.length} bytes`, `a header of ${header} bytes of IDX ${what}`);
  const found = bytes.readUInt32BE(0);
  if (found !== magic) throw refuse(`magic number ${hex(found)}`, `${hex(magic)}, IDX ${what} of unsigned bytes`);
  const sizes = Array.from({ length: dimensions }, (_, i) => bytes.readUInt32BE(4 * (1 + i)));
  if (sizes.includes(0)) throw refuse(`sizes ${sizes.join(' × ')}`, 'none of them 0');
  const announced = header + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== announced) {
    throw refuse(`${bytes.length} bytes`, `${announced} for the ${sizes.join(' × ')} ${what} its header announces`);
  }
  return { sizes, data: new Uint8Array(bytes.buffer, bytes.byteOffset + header, bytes.length - header) };
}

/** The file's bytes, unzipped if they begin like gzip, whatever the file is called. */
async function inflate(file: string, refuse: Refuse): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw refuse((cause as Error).message, 'a readable IDX file', { cause });
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const options = { cause };
    if (code === 'Z_BUF_ERROR')
      throw refuse(`a gzip stream cut off after ${bytes.length} bytes`, 'a whole one', options);
    if (code === 'ERR_BUFFER_TOO_LARGE') throw refuse(`more than ${MAX_BYTES} bytes unzipped`, 'at most that', options);
    throw refuse(`a damaged gzip stream (${message})`, 'a sound one', options);
  }
}

function concat(arrays: readonly Uint8Array[]): Uint8Array {
  if (arrays.length === 1) return arrays[0]!;
  return new Uint8Array(Buffer.concat(arrays));
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
