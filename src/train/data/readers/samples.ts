/**
 * What the numbers of an image file mean, where that is not bytes or 16 bits: float TIFFs on [0, 1], and kinds of samples
 * that stand for no colours, or for none that are agreed on, which libvips decodes to something all the same.
 */
import type { Metadata, Sharp } from 'sharp';
import { tiffTag } from './tiff-tags.ts';

const PHOTOMETRIC = 262;
const MIN_IS_WHITE = 0;
const SAMPLES_PER_PIXEL = 277;
const EXTRA_SAMPLES = 338;
/** Meanings of an extra sample: alpha that the colours are multiplied by, or are not. */
const ALPHA = [1, 2];
/** Samples that make a colour, by PhotometricInterpretation: grey and palettes, RGB, CMYK, YCbCr, CIELAB. */
const COLOURS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3 };

const INTEGERS: Readonly<Record<string, string>> = {
  char: 'signed 8-bit',
  short: 'signed 16-bit',
  int: 'signed 32-bit',
  uint: 'unsigned 32-bit',
};

/** Samples of 32 bits, grey or RGB, that floatBytes brings to bytes. */
export function isFloat({ space, depth }: Metadata): boolean {
  return depth === 'float' && (space === 'scrgb' || space === 'b-w');
}

/**
 * Why an image is not read, by its samples; undefined where it is.
 *
 * Read are 8 and 16 bits in every colour space, CIELAB, and 32-bit floats without alpha or profile. Which number of 32-bit or
 * signed integers is white, no convention says.
 *
 * @param isOpaque asked only where a fourth sample may be alpha or anything else
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
 * Bytes round(255·v) of float samples v on [0, 1], as they are: no gamma is applied. The picture is turned as `image` is.
 *
 * Refused is what would need clipping: a sample that is no number, or whose byte were below 0 or above 255. Floats on [0, 255],
 * of a height or a temperature are thereby told from pictures.
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
