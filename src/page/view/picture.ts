/** Pictures on canvases, and picture files as pixels. */
import { SIDE } from '../digit/colour.ts';
import { type Ink, inkOf } from '../digit/normalise.ts';

export function context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context2d = canvas.getContext('2d', { willReadFrequently: true });
  if (context2d === null) throw new Error('this browser gives no 2D canvas');
  return context2d;
}

/** [H, W, C] of a digit. */
const DIGIT: readonly number[] = [SIDE, SIDE, 3];

/** Shows H·W·C bytes on a canvas of their size; one channel is grey, and of more than three the first three are shown. */
export function show(canvas: HTMLCanvasElement, image: ArrayLike<number>, shape = DIGIT): void {
  const [height, width, channels] = shape as [number, number, number];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const data = new ImageData(width, height);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) data.data[p * 4 + c] = image[p * channels + (channels < 3 ? 0 : c)]!;
    data.data[p * 4 + 3] = 255;
  }
  context(canvas).putImageData(data, 0, 0);
}

export function thumbnail(image: ArrayLike<number>, label: string, shape = DIGIT): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.className = 'pixels';
  // Without a label the canvas is decoration: the text beside it says the same.
  if (label === '') canvas.setAttribute('aria-hidden', 'true');
  else {
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', label);
  }
  show(canvas, image, shape);
  return canvas;
}

export interface Picture {
  /** 28×28×3 bytes if the file has that size; it is then taken as it is. */
  readonly exact: Uint8Array | undefined;
  readonly ink: Ink;
}

/** Pictures with longer sides are scaled down before the ink is looked for. */
const MAX_SIDE = 512;

/**
 * Decodes a PNG, JPEG or WebP file; alpha is laid over black.
 *
 * @throws Error naming the file if the browser cannot read it
 */
export async function readPicture(file: File): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    // No conversion, because a model takes the bytes of the file.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch (cause) {
    throw new Error(
      `${file.name}: found ${file.type || 'a file of no known type'}, expected a PNG, JPEG or WebP picture`,
      { cause },
    );
  }
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((length) => Math.max(1, Math.round(length * scale)));
  const canvas = new OffscreenCanvas(width!, height!);
  const drawing = canvas.getContext('2d')!;
  drawing.drawImage(bitmap, 0, 0, width!, height!);
  const unlaid = drawing.getImageData(0, 0, width!, height!).data;
  const isModelSize = bitmap.width === SIDE && bitmap.height === SIDE;
  bitmap.close();
  const exact = isModelSize
    ? Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3) * 4;
        return Math.round((unlaid[pixel + (i % 3)]! * unlaid[pixel + 3]!) / 255);
      })
    : undefined;
  return { exact, ink: inkOf(unlaid, width!, height!) };
}
