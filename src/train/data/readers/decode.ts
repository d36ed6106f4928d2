/** One image file as a square of sRGB bytes, or the reason why it is none. */
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { toEightBits } from '../../../certify-runtime/run/eight-bits.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { unreadFormat } from './image-formats.ts';
import { floatBytes, isFloat, unreadSamples } from './samples.ts';

/**
 * Why a listed file has no image. `unsupported` is an image, of a format or a kind of samples that is not read; `damaged` one that
 * would be read if it were whole.
 */
export type Skip = 'missing' | 'empty' | 'not an image' | 'damaged' | 'too large' | 'unsupported';

/**
 * Raised when a file is decoded to other bytes than before, or is refused or taken otherwise: prepared images of another version,
 * refused ones among them, are decoded anew.
 */
export const DECODER_VERSION = 2;

/** Images of more pixels are not decoded. */
const MAX_PIXELS = 50_000_000;
/** Nor are files of more bytes: these are more than MAX_PIXELS without compression, four channels of 16 bits each. */
const MAX_BYTES = 512 << 20;

/**
 * The central square of the image, scaled to side·side·3 bytes: EXIF orientation applied, alpha laid over black, colours
 * (CMYK, grey, 16 bits, floats on [0, 1], other profiles) brought to sRGB with 8 bits, as `glean predict` does; of an animation
 * the first frame, of several pages the first.
 *
 * The file is read first: what the system refuses is an error, as is a lack of memory; only what the decoder refuses is
 * `damaged`.
 *
 * @param crop of the shorter side, the share that the square takes
 * @param explain hears what was found in a file that is `unsupported`
 * @throws InputError where there is a file and it cannot be read, or not be decoded for lack of memory
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
    // What would be written over its neighbours is no image, whatever made it so.
    return info.channels === 3 ? data : unsupported(`${info.channels} samples a pixel`);
  } catch (error) {
    const { message } = error as Error;
    if (NO_MEMORY.test(message)) throw new InputError(`${path}: found no memory to decode it (${message})`, { path });
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
    // Too many open files, a disk's error, no permission: another time or to another user it may be a good image.
    throw new InputError(`${path}: cannot be read (${code}), expected an image`, { path, code });
  }
}

/** What libvips, libjpeg and glib say where the system gives them no memory or no thread. */
const NO_MEMORY = /out of memory|insufficient memory|error creating thread/i;

/** What the decoders say of whole files that they do not know how to read: bits, samples, colours, a compression. */
const NOT_READ =
  /samples out of range|unsupported tiff image type|whole number of bytes|bad labq|channel limit|not configured|no known route|unsupported (JPEG|codec|feature|compression)/i;
