/** The pixels of the test images, 2×2, and how files of them are made. */
import sharp from 'sharp';
import { type TiffFields, tiffFile } from './tiff-file.ts';

export const PIXELS = [
  [255, 0, 0],
  [0, 128, 64],
  [10, 20, 30],
  [200, 100, 50],
] as const;
export const RGB = PIXELS.flat();
export const GREYS = [0, 85, 170, 255];
/** Half the light of each. */
export const HALF = RGB.map((value) => (value * 128) / 255);
export const grey = (values: readonly number[]) => values.flatMap((value) => [value, value, value]);

export const raw = (values: readonly number[], channels: 1 | 3 | 4 = 3) =>
  sharp(Uint8Array.from(values), { raw: { width: 2, height: 2, channels } });
export const colour = () => raw(RGB);
export const shades = () => raw(GREYS, 1);
export const translucent = () =>
  raw(
    PIXELS.flatMap((pixel) => [...pixel, 128]),
    4,
  );

export const tiff = (fields: Omit<TiffFields, 'width' | 'height'>) => tiffFile({ width: 2, height: 2, ...fields });
export const rgbTiff = (data: ArrayBufferView, bits: number, format = 1, more: Partial<TiffFields> = {}) =>
  tiff({ data, bits, format, photometric: 2, samples: 3, ...more });
export const greyTiff = (data: ArrayBufferView, bits: number, format = 1, more: Partial<TiffFields> = {}) =>
  tiff({ data, bits, format, photometric: 1, ...more });
export const unit = (values: readonly number[]) => values.map((value) => value / 255);
export const withAlpha = (alpha: number, scale = 1) =>
  PIXELS.flatMap((pixel) => [...pixel.map((v) => v * scale), alpha]);
export const palette = (entries: number) =>
  [0, 1, 2].flatMap((c) => Array.from({ length: entries }, (_, i) => (PIXELS[i]?.[c] ?? 0) * 257));
