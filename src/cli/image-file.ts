/** Reads a PNG, JPEG or WebP file as the pixels a model takes; what is no such image is refused by name. */
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { InputError } from '../certify-runtime/core/errors.ts';

export const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 50_000_000;

const FORMATS = 'a PNG, JPEG or WebP image';

export interface ImageFileOptions {
  /** Scales an image of another size to fit the model's, aspect ratio kept, the rest black (sharp's `contain`). */
  readonly resize?: boolean;
}

/** H·W·C bytes, channels interleaved, sRGB; a model sees them as byte/255. */
export interface DecodedImage {
  readonly data: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
}

/**
 * Decodes the image: EXIF orientation applied, alpha laid over black, colours brought to sRGB with 8 bits, grey
 * repeated in three channels (or colour made grey for a model of one channel); of an animation, the first frame.
 *
 * @param shape H, W, C of the model's input; C is 1 or 3
 * @throws InputError naming the file, what was found and what was expected: no file, not an image, damaged, over 64 MiB
 *   or 50 megapixels, or (without `resize`) of another size
 */
export async function readImageFile(
  file: string,
  shape: readonly [height: number, width: number, channels: number],
  options: ImageFileOptions = {},
): Promise<DecodedImage> {
  const [height, width, channels] = shape;
  if (channels !== 1 && channels !== 3) {
    throw new InputError(`${file}: the model takes ${channels} channels, an image file gives 1 or 3`, { file, shape });
  }
  const refuse = (found: string, expected: string) =>
    new InputError(`${file}: found ${found}, expected ${expected}`, { file, found, expected });

  const bytes = await readLimited(file, refuse);
  const format = sniff(bytes);
  if (format === undefined) throw refuse(`bytes that are no such image (${preview(bytes)})`, FORMATS);

  const size = await orientedSize(bytes).catch((error) => {
    throw refuse(`a damaged ${format} (${oneLine(error)})`, FORMATS);
  });
  if (size.width * size.height > MAX_PIXELS) {
    throw refuse(`${size.width}×${size.height} = ${size.width * size.height} pixels`, `at most ${MAX_PIXELS}`);
  }
  const fits = size.width === width && size.height === height;
  if (!fits && options.resize !== true) {
    throw refuse(
      `an image ${size.width} wide and ${size.height} high`,
      `${width} wide and ${height} high, as the model takes (--resize scales it)`,
    );
  }
  let image = sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS })
    .autoOrient()
    .flatten({ background: 'black' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb');
  if (!fits) image = image.resize(width, height, { fit: 'contain', background: 'black' });
  const { data, info } = await image
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((error) => {
      throw refuse(`a damaged or truncated ${format} (${oneLine(error)})`, `${FORMATS} that is whole`);
    });
  if (info.width !== width || info.height !== height || info.channels !== channels) {
    throw refuse(`${info.height}×${info.width}×${info.channels} once decoded`, `${height}×${width}×${channels}`);
  }
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), shape };
}

/** Width and height as shown, from the header alone: nothing is decoded yet. */
async function orientedSize(bytes: Buffer): Promise<{ width: number; height: number }> {
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  return metadata.autoOrient;
}

async function readLimited(file: string, refuse: (found: string, expected: string) => InputError): Promise<Buffer> {
  let bytes: Buffer;
  try {
    const status = await stat(file);
    if (status.isDirectory()) throw refuse('a folder', FORMATS);
    if (!status.isFile()) throw refuse('neither a file nor a folder', FORMATS);
    if (status.size === 0) throw refuse('an empty file', FORMATS);
    if (status.size > MAX_FILE_BYTES) throw refuse(`${status.size} bytes`, `at most ${MAX_FILE_BYTES} (64 MiB)`);
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw refuse(code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file' : message, FORMATS);
  }
  return bytes;
}

/** By its first bytes, so that no other decoder (SVG, PDF, TIFF) ever sees the file. */
function sniff(bytes: Buffer): 'PNG' | 'JPEG' | 'WebP' | undefined {
  const start = bytes.toString('latin1', 0, 12);
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (start.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'WebP';
  return undefined;
}

/** The first bytes, as hexadecimal and, where they are letters, as text. */
function preview(bytes: Buffer): string {
  const head = bytes.subarray(0, 8);
  const text = head.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.');
  return `they begin with ${head.toString('hex')}, '${text}'`;
}

/** What libvips says, in one line. */
function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s+/g, ' ');
}
