/** Draws a face as the training pictures of models/avatars were drawn, with hair of any colour, and a smile or none. */
import { createAvatar, type Style } from '@dicebear/core';
import { BACKGROUNDS, FACE_STYLES, MOUTH } from '../../train/data/pictures/face-styles.ts';
import { channelsOf } from '../inspect/pictures/channels.ts';

/** The square that the models see a scaled picture of. */
const SQUARE = 128;

export interface Face {
  /** Which face it is: its style and everything but mouth and hair colour follow from this number. */
  readonly number: number;
  readonly smiling: boolean;
  /** `rrggbb`. */
  readonly hair: string;
}

/** The face as an SVG of the square. */
export function drawFace({ number, smiling, hair }: Face): string {
  const style = FACE_STYLES[number % FACE_STYLES.length]!;
  const mouths = smiling ? style.smiling : style.notSmiling;
  const { svg } = createAvatar(style.style as Style<Record<string, unknown>>, {
    ...style.options,
    seed: `page-${number}`,
    mouth: [mouths[number % mouths.length]!],
    hairColor: [hair],
  }).toJson();
  const { mouth, width } = style.face;
  const scale = SQUARE / width;
  const [x, y] = [0, 1].map((axis) => MOUTH[axis as 0 | 1] * SQUARE - mouth[axis as 0 | 1] * scale);
  const inner = svg.replace(/^<svg /, `<svg x="${x}" y="${y}" width="${scale}" height="${scale}" `);
  const background = BACKGROUNDS[number % BACKGROUNDS.length]!;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SQUARE}" height="${SQUARE}" viewBox="0 0 ${SQUARE} ${SQUARE}"><rect width="100%" height="100%" fill="#${background}"/>${inner}</svg>`;
}

/** An address at which the browser shows the drawing; whoever asks for it gives it back. */
export function addressOf(svg: string): string {
  return URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
}

/** The drawing as H·W·C bytes. */
export async function pixelsOfFace(svg: string, [height, width, channels]: readonly number[]): Promise<Uint8Array> {
  const url = addressOf(svg);
  try {
    const image = new Image(SQUARE, SQUARE);
    image.src = url;
    await image.decode();
    // First at the size of the training pictures, then scaled as those were.
    const drawn = new OffscreenCanvas(SQUARE, SQUARE);
    drawn.getContext('2d')!.drawImage(image, 0, 0, SQUARE, SQUARE);
    const scaled = new OffscreenCanvas(width!, height!).getContext('2d', { willReadFrequently: true })!;
    scaled.imageSmoothingQuality = 'high';
    scaled.drawImage(drawn, 0, 0, width!, height!);
    return channelsOf(scaled.getImageData(0, 0, width!, height!).data, channels!);
  } finally {
    URL.revokeObjectURL(url);
  }
}
