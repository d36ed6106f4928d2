/** Picture files as the pixels that a model takes: what src/certify-runtime/run/decode does in Node with sharp. */
import { InputError } from '../../../certify-runtime/web.ts';
import { channelsOf } from '../pictures/channels.ts';
import { pictureSize } from './picture-size.ts';

const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 50_000_000;
/** JPEGs may begin with large colour profiles and previews. */
const HEADER = 2 ** 18;
const FORMATS = 'a PNG, JPEG or WebP picture';

/**
 * H·W·C bytes of a picture file. A picture of the model's size is taken as it is; another is scaled to fit, and what is
 * left over is black.
 *
 * @throws InputError naming the file, what was found and what was expected
 */
export async function decodePicture(file: File, shape: readonly number[]): Promise<Uint8Array> {
  const [height, width, channels] = shape as [number, number, number];
  const refuse = (found: string, expected = FORMATS, options?: ErrorOptions): InputError =>
    new InputError(`${file.name}: found ${found}, expected ${expected}`, {}, options);
  if (channels !== 1 && channels !== 3) throw refuse('a picture', `${channels} channels, which no picture file has`);
  if (file.size > MAX_FILE_BYTES) throw refuse(`${file.size} bytes`, `at most ${MAX_FILE_BYTES} (64 MiB)`);
  const size = pictureSize(new Uint8Array(await file.slice(0, HEADER).arrayBuffer()));
  if (size === undefined) throw refuse(file.type === '' ? 'a file of another kind' : file.type);
  const pixels = size.width * size.height;
  if (pixels > MAX_PIXELS) throw refuse(`${size.width}×${size.height} = ${pixels} pixels`, `at most ${MAX_PIXELS}`);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { premultiplyAlpha: 'none' });
  } catch (cause) {
    throw refuse(`a damaged ${size.format}`, FORMATS, { cause });
  }
  try {
    const drawing = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    const scale = Math.min(width / bitmap.width, height / bitmap.height);
    const [w, h] = [bitmap.width, bitmap.height].map((length) => Math.max(1, Math.round(length * scale))) as [
      number,
      number,
    ];
    drawing.imageSmoothingQuality = 'high';
    drawing.drawImage(bitmap, Math.floor((width - w) / 2), Math.floor((height - h) / 2), w, h);
    return channelsOf(drawing.getImageData(0, 0, width, height).data, channels);
  } finally {
    bitmap.close();
  }
}
