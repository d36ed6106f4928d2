/** One image file as a square of sRGB bytes, or the reason why it cannot be one. */
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { toEightBits } from '../../../certify-runtime/run/decode/eight-bits.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { unreadFormat } from './image-formats.ts';
import { floatBytes, isFloat, unreadSamples } from './samples.ts';

/**
 * Why a listed file has no image. `unsupported`: it is an image, but of a format or a kind of samples that is not read;
 * `damaged`: it would be read if it were whole.
 */
export type Skip = 'missing' | 'empty' | 'not an image' | 'damaged' | 'too large' | 'unsupported';

/**
 * Raise this when a file is decoded to other bytes than before, or is newly refused or accepted: images prepared with
 * another version, including the refused ones, are then decoded anew.
 */
export const DECODER_VERSION = 2;

/** Images with more pixels than this are not decoded. */
const MAX_PIXELS = 50_000_000;
/**
 * Nor are files with more bytes than this, which is more than MAX_PIXELS uncompressed pixels of four 16-bit channels
 * take.
 */
const MAX_BYTES = 512 << 20;

/**
 * The central square of the image, scaled to side·side·3 bytes, as `glean predict` does it: EXIF orientation is
 * applied, alpha is laid over black, and colours (CMYK, grey, 16 bits, floats on [0, 1], other profiles) are brought to
 * sRGB with 8 bits. Of an animation or a file of several pages, the first is taken.
 *
 * The file is read first, so that what the system refuses, or a lack of memory, is an error, and only what the decoder
 * refuses is `damaged`.
 *
 * @param crop the side of the square, as a share of the shorter side
 * @param explain hears what was found if a file is `unsupported`
 * @throws InputError if there is a file but it cannot be read, or cannot be decoded for lack of memory
 */
export async function decodeSquare(
  path: string,
  side: number,
  crop: number,
  explain: (found: string) => void = () => undefined,
): Promise<Uint8Array | Skip> {
  const bytes = await readOriginal(path);
  if (typeof bytes === 'string') return bytes;
  const unsupported = (found: string): Skip => {
    explain(found);
    return 'unsupported';
  };
  const format = unreadFormat(path, bytes);
  if (format !== undefined) return unsupported(format);
  const open = () => sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS });
  try {
    const metadata = await open().metadata();
    const { width, height } = metadata.autoOrient;
    if (width * height > MAX_PIXELS) return 'too large';
    const unread = await unreadSamples(metadata, bytes, async () => (await open().stats()).isOpaque);
    if (unread !== undefined) return unsupported(unread);
    let image = open().autoOrient();
    if (isFloat(metadata)) {
      const found = await floatBytes(image, metadata, bytes);
      if (typeof found === 'string') return unsupported(found);
      const { data, ...raw } = found;
      image = sharp(data, { raw });
    }
    if (crop < 1) {
      const length = Math.max(1, Math.round(Math.min(width, height) * crop));
      const [left, top] = [Math.floor((width - length) / 2), Math.floor((height - length) / 2)];
      image = image.extract({ left, top, width: length, height: length });
    }
    const { data, info } = await toEightBits(image.resize(side, side), metadata, 3).toBuffer({
      resolveWithObject: true,
    });
    // An image with another number of channels would be written over its neighbours, so it is refused whatever the
    // cause.
    return info.channels === 3 ? data : unsupported(`${info.channels} samples a pixel`);
  } catch (error) {
    const { message } = error as Error;
    if (NO_MEMORY.test(message))
      throw new InputError(`${path}: found no memory to decode it (${message})`, { path }, { cause: error });
    if (message.includes('exceeds pixel limit')) return 'too large';
    if (message.includes('unsupported image format')) return 'not an image';
    return NOT_READ.test(message) ? unsupported(message.trim().replaceAll(/\s+/g, ' ')) : 'damaged';
  }
}

/** The bytes of a file, or why there are none to decode. */
async function readOriginal(path: string): Promise<Uint8Array | Skip> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return 'not an image';
    if (found.size === 0) return 'empty';
    return found.size > MAX_BYTES ? 'too large' : await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    // With too many open files, a disk error or no permission, the same file may be a good image at another time or to
    // another user.
    throw new InputError(`${path}: cannot be read (${code}), expected an image`, { path, code }, { cause });
  }
}

/** What libvips, libjpeg and glib say if the system gives them no memory or no thread. */
const NO_MEMORY = /out of memory|insufficient memory|error creating thread/i;

/**
 * What the decoders say of intact files that they cannot read because of their bits, samples, colours or compression.
 */
const NOT_READ =
  /samples out of range|unsupported tiff image type|whole number of bytes|bad labq|channel limit|not configured|no known route|unsupported (JPEG|codec|feature|compression)/i;
