/**
 * What the numbers of an image file mean if they are not bytes or 16-bit integers: float TIFFs on [0, 1], and kinds of
 * samples that stand for no colours, or for none that are agreed on, but that libvips decodes all the same.
 */
import type { Metadata, Sharp } from 'sharp';
import { tiffTag } from './tiff-tags.ts';

const PHOTOMETRIC = 262;
const MIN_IS_WHITE = 0;
const SAMPLES_PER_PIXEL = 277;
const EXTRA_SAMPLES = 338;
/** The meanings of an extra sample that are alpha: the colours are multiplied by it, or are not. */
const ALPHA = [1, 2];
/** How many samples make a colour, by PhotometricInterpretation: grey and palettes, RGB, CMYK, YCbCr, CIELAB. */
const COLOURS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3 };

const INTEGERS: Readonly<Record<string, string>> = {
  char: 'signed 8-bit',
  short: 'signed 16-bit',
  int: 'signed 32-bit',
  uint: 'unsigned 32-bit',
};

/** Whether an image has 32-bit float samples, grey or RGB, which floatBytes turns into bytes. */
export function isFloat({ space, depth }: Metadata): boolean {
  return depth === 'float' && (space === 'scrgb' || space === 'b-w');
}

/**
 * Why an image's samples cannot be read; undefined if they can.
 *
 * What is read: 8 and 16 bits in every colour space, CIELAB, and 32-bit floats without alpha or profile. For 32-bit or
 * signed integers no convention says which number is white.
 *
 * @param isOpaque called only if a fourth sample may be alpha or something else
 */
export async function unreadSamples(
  metadata: Metadata,
  bytes: Uint8Array,
  isOpaque: () => Promise<boolean>,
): Promise<string | undefined> {
  const { space, depth, hasAlpha, icc } = metadata;
  if (isFloat(metadata)) {
    if (hasAlpha) return 'float samples with alpha or of more than three colours';
    return icc === undefined ? undefined : 'float samples with a colour profile';
  }
  const isLab = (space === 'lab' && depth === 'float') || (space === 'labs' && depth === 'short');
  if (!isLab && depth !== 'uchar' && depth !== 'ushort') {
    return INTEGERS[depth] === undefined ? `${depth} samples of ${space}` : `${INTEGERS[depth]} integers`;
  }
  if (space === 'multiband') return 'samples that stand for no colours';
  const colours = COLOURS[tiffTag(bytes, PHOTOMETRIC)?.[0] ?? -1];
  if (colours === undefined) return undefined;
  const extra = (tiffTag(bytes, SAMPLES_PER_PIXEL)?.[0] ?? 1) - colours;
  if (extra > 1) return `${colours + extra} samples a pixel`;
  // A fourth channel may be near infrared: only a stated alpha is laid over black.
  const meaning = tiffTag(bytes, EXTRA_SAMPLES)?.[0] ?? 0;
  if (extra === 1 && !ALPHA.includes(meaning) && !(await isOpaque())) {
    return 'a sample beside the colours of which it is not said that it is alpha';
  }
  return undefined;
}

/**
 * Turns float samples v on [0, 1] into bytes round(255·v), without gamma. The picture is oriented as `image` is.
 *
 * A picture that would need clipping is refused: one with a sample that is not a number, or whose byte would be below 0
 * or above 255. That tells pictures apart from floats on [0, 255], heights and temperatures.
 *
 * @returns a raw picture, or the range that was found
 */
export async function floatBytes(
  image: Sharp,
  { space }: Metadata,
  file: Uint8Array,
): Promise<
  { readonly data: Uint8Array; readonly width: number; readonly height: number; readonly channels: 1 | 3 } | string
> {
  const { data, info } = await image
    .toColourspace(space === 'b-w' ? 'b-w' : 'scrgb')
    .raw({ depth: 'float' })
    .toBuffer({ resolveWithObject: true });
  const aligned = data.byteOffset % 4 === 0 ? data : Uint8Array.from(data);
  const samples = new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  const inverted = tiffTag(file, PHOTOMETRIC)?.[0] === MIN_IS_WHITE;
  const bytes = new Uint8Array(samples.length);
  let [least, greatest, numbers] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i]!;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
    if (Number.isNaN(value)) numbers = false;
    bytes[i] = Math.round(255 * (inverted ? 1 - value : value));
  }
  if (!numbers) return 'float samples that are no number, expected [0, 1]';
  if (Math.round(255 * least) < 0 || Math.round(255 * greatest) > 255) {
    return `float samples from ${+least.toPrecision(4)} to ${+greatest.toPrecision(4)}, expected [0, 1]`;
  }
  return { data: bytes, width: info.width, height: info.height, channels: info.channels === 1 ? 1 : 3 };
}
