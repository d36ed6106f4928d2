/** One image file as a square of sRGB bytes, or the reason why it is none. */
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { InputError } from '../../certify-runtime/core/errors.ts';

/** Why a listed file has no image. */
export type Skip = 'missing' | 'empty' | 'not an image' | 'damaged' | 'too large';

/** Images of more pixels are not decoded. */
const MAX_PIXELS = 50_000_000;
/** Nor are files of more bytes: these are more than MAX_PIXELS without compression, four channels of 16 bits each. */
const MAX_BYTES = 512 << 20;

/**
 * The central square of the image, scaled to side·side·3 bytes: EXIF orientation applied, alpha laid over black, colours
 * (CMYK, grey, 16 bits, other profiles) brought to sRGB with 8 bits, as `glean predict` does; of an animation, the first frame.
 *
 * The file is read first: what the system refuses is an error, as is a lack of memory; only what the decoder refuses is
 * `damaged`.
 *
 * @param crop of the shorter side, the share that the square takes
 * @throws InputError where there is a file and it cannot be read, or not be decoded for lack of memory
 */
export async function decodeSquare(path: string, side: number, crop: number): Promise<Uint8Array | Skip> {
  const bytes = await readOriginal(path);
  if (typeof bytes === 'string') return bytes;
  const open = () => sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS });
  let size: { width: number; height: number };
  try {
    size = (await open().metadata()).autoOrient;
  } catch (error) {
    return refusal(path, error as Error);
  }
  if (size.width * size.height > MAX_PIXELS) return 'too large';
  let image = open().autoOrient();
  if (crop < 1) {
    const length = Math.max(1, Math.round(Math.min(size.width, size.height) * crop));
    const [left, top] = [Math.floor((size.width - length) / 2), Math.floor((size.height - length) / 2)];
    image = image.extract({ left, top, width: length, height: length });
  }
  try {
    return await image
      .resize(side, side)
      .flatten({ background: 'black' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  } catch (error) {
    return refusal(path, error as Error);
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

/** Why the decoder does not take a file. */
function refusal(path: string, { message }: Error): Skip {
  if (NO_MEMORY.test(message)) throw new InputError(`${path}: found no memory to decode it (${message})`, { path });
  if (message.includes('exceeds pixel limit')) return 'too large';
  return message.includes('unsupported image format') ? 'not an image' : 'damaged';
}
