/** One image file as a square of sRGB bytes, or the reason why it is none. */
import { stat } from 'node:fs/promises';
import sharp from 'sharp';

/** Why a listed file has no image. */
export type Skip = 'missing' | 'empty' | 'not an image' | 'damaged' | 'too large';

/** Images of more pixels are not decoded. */
const MAX_PIXELS = 50_000_000;

/**
 * The central square of the image, scaled to side·side·3 bytes: EXIF orientation applied, alpha laid over black, colours
 * (CMYK, grey, 16 bits, other profiles) brought to sRGB with 8 bits, as `glean predict` does; of an animation, the first frame.
 *
 * @param crop of the shorter side, the share that the square takes
 */
export async function decodeSquare(path: string, side: number, crop: number): Promise<Uint8Array | Skip> {
  const open = () => sharp(path, { failOn: 'error', limitInputPixels: MAX_PIXELS });
  let size: { width: number; height: number };
  try {
    size = (await open().metadata()).autoOrient;
  } catch (error) {
    return unreadable(path, error);
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
  } catch {
    return 'damaged';
  }
}

/** Why the header of a file cannot be read. */
async function unreadable(path: string, error: unknown): Promise<Skip> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'missing';
  if (found.isFile() && found.size === 0) return 'empty';
  const { message } = error as Error;
  if (message.includes('exceeds pixel limit')) return 'too large';
  return message.includes('unsupported image format') || !found.isFile() ? 'not an image' : 'damaged';
}
