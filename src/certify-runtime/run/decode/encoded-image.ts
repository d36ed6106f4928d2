/**
 * Decodes PNG, JPEG and WebP, from files or bytes, to the pixels that a model takes, and refuses everything else by
 * name.
 */
import { readFile, stat } from 'node:fs/promises';
import sharp, { type Metadata } from 'sharp';
import { InputError } from '../../trusted/errors.ts';
import { toEightBits } from './eight-bits.ts';

export const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 50_000_000;

const FORMATS = 'a PNG, JPEG or WebP image';

export interface DecodeOptions {
  /**
   * Scales an image of another size to fit the model's: the aspect ratio is kept and the rest is black (sharp's
   * `contain`).
   */
  readonly resize?: boolean;
  /** Refuses an image with more pixels before it is decoded; 50 000 000 is the default and the maximum. */
  readonly maxPixels?: number;
}

/** H·W·C bytes, channels interleaved, sRGB; a model sees them as byte/255. */
export interface DecodedImage {
  readonly data: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
}

/**
 * Reads and decodes an image file; see decodeImage.
 *
 * @throws InputError naming the file, what was found and what was expected
 */
export async function readImageFile(
  file: string,
  shape: readonly [height: number, width: number, channels: number],
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  return decodeImage(await readLimited(file), shape, options, file);
}

/**
 * Decodes the image: EXIF orientation is applied, alpha is laid over black, colours are brought to sRGB with 8 bits,
 * and grey is repeated in three channels (or colour is made grey for a model of one channel); of an animation, the
 * first frame is taken.
 *
 * @param shape H, W, C of the model's input; C is 1 or 3
 * @param name what the image is called in errors
 * @throws InputError naming what was found and what was expected: not an image, damaged, over 64 MiB or `maxPixels`, or
 *   (without `resize`) of another size
 */
export async function decodeImage(
  bytes: Uint8Array,
  shape: readonly [height: number, width: number, channels: number],
  options: DecodeOptions = {},
  name = 'image',
): Promise<DecodedImage> {
  const [height, width, channels] = shape;
  const limit = Math.min(MAX_PIXELS, options.maxPixels ?? MAX_PIXELS);
  if (channels !== 1 && channels !== 3) {
    throw new InputError(`${name}: the model takes ${channels} channels, an image file gives 1 or 3`, { name, shape });
  }
  const refuse = refusal(name);
  if (bytes.length === 0) throw refuse('nothing', FORMATS);
  if (bytes.length > MAX_FILE_BYTES) {
    throw refuse(`${bytes.length} bytes`, `at most ${MAX_FILE_BYTES} (64 MiB)`);
  }
  const format = sniff(bytes);
  if (format === undefined) throw refuse(`bytes that are no such image (${preview(bytes)})`, FORMATS);

  const metadata = await inspect(bytes).catch((cause) => {
    throw refuse(`a damaged ${format} (${oneLine(cause)})`, FORMATS, { cause });
  });
  /** The size as the image is shown, after rotation. */
  const size = metadata.autoOrient;
  if (size.width * size.height > limit) {
    throw refuse(`${size.width}×${size.height} = ${size.width * size.height} pixels`, `at most ${limit}`);
  }
  const fits = size.width === width && size.height === height;
  if (!fits && options.resize !== true) {
    throw refuse(
      `an image ${size.width} wide and ${size.height} high`,
      `${width} wide and ${height} high, as the model takes (--resize scales it)`,
    );
  }
  let image = sharp(bytes, { failOn: 'error', limitInputPixels: limit }).autoOrient();
  if (!fits) image = image.resize(width, height, { fit: 'contain', background: 'black' });
  const { data, info } = await toEightBits(image, metadata, channels)
    .toBuffer({ resolveWithObject: true })
    .catch((cause) => {
      throw refuse(`a damaged or truncated ${format} (${oneLine(cause)})`, `${FORMATS} that is whole`, { cause });
    });
  if (info.width !== width || info.height !== height || info.channels !== channels) {
    throw refuse(`${info.height}×${info.width}×${info.channels} once decoded`, `${height}×${width}×${channels}`);
  }
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), shape };
}

/** What the header alone tells; nothing is decoded yet. */
async function inspect(bytes: Uint8Array): Promise<Metadata> {
  return sharp(bytes, { limitInputPixels: false }).metadata();
}

function refusal(name: string): (found: string, expected: string, options?: ErrorOptions) => InputError {
  return (found, expected, options) =>
    new InputError(`${name}: found ${found}, expected ${expected}`, { name, found, expected }, options);
}

async function readLimited(file: string): Promise<Uint8Array> {
  const refuse = refusal(file);
  try {
    const status = await stat(file);
    if (status.isDirectory()) throw refuse('a folder', FORMATS);
    if (!status.isFile()) throw refuse('neither a file nor a folder', FORMATS);
    if (status.size === 0) throw refuse('an empty file', FORMATS);
    if (status.size > MAX_FILE_BYTES) throw refuse(`${status.size} bytes`, `at most ${MAX_FILE_BYTES} (64 MiB)`);
    return await readFile(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw refuse(code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file' : message, FORMATS, { cause: error });
  }
}

/** Recognises the format by the first bytes, so that no other decoder (SVG, PDF, TIFF) ever sees the file. */
function sniff(bytes: Uint8Array): 'PNG' | 'JPEG' | 'WebP' | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (start.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'WebP';
  return undefined;
}

/** The first bytes in hexadecimal and, if they are printable, as text. */
function preview(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 8));
  const text = head.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.');
  return `they begin with ${head.toString('hex')}, '${text}'`;
}

/** What libvips says, in one line. */
function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s+/g, ' ');
}
