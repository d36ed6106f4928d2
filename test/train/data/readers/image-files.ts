/** Image files for tests: plain squares whose colour tells which they are, and files that are no whole image. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';

export type Colour = readonly [red: number, green: number, blue: number];

/** Colour number i < 4096: far from its neighbours', so that JPEG's rounding does not mix them up. */
export const colourOf = (i: number): Colour => [(i % 16) * 17, ((i >> 4) % 16) * 17, (i >> 8) * 17];

/** Which colour number a pixel is. */
export const numberOf = (pixel: ArrayLike<number>): number => {
  const digit = (value: number) => Math.round(value / 17);
  return digit(pixel[0]!) + 16 * digit(pixel[1]!) + 256 * digit(pixel[2]!);
};

export function plain([r, g, b]: Colour, width = 16, height = width): Sharp {
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
}

/** Writes a JPEG of one colour, with its folders. */
export async function writePlain(file: string, colour: Colour, width = 16, height = width): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(
    file,
    await plain(colour, width, height).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer(),
  );
}

/** Files with one reason each for not being an image; `missing.jpg` is not written. */
export async function writeBadFiles(folder: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(join(folder, 'folder.jpg'), { recursive: true });
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) >> 3);
  const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
    .jpeg()
    .toBuffer();
  await writeFile(join(folder, 'cut.jpg'), whole.subarray(0, whole.length >> 1));
  await writeFile(join(folder, 'cut-in-header.jpg'), whole.subarray(0, 40));
  await writeFile(join(folder, 'empty.jpg'), '');
  await writeFile(join(folder, 'text.jpg'), 'This is no image, whatever it is called.\n');
  await plain([255, 0, 0], 10_000, 5001).png().toFile(join(folder, 'huge.png'));
  return {
    'cut.jpg': 'damaged',
    'cut-in-header.jpg': 'damaged',
    'empty.jpg': 'empty',
    'text.jpg': 'not an image',
    'folder.jpg': 'not an image',
    'huge.png': 'too large',
    'missing.jpg': 'missing',
  };
}
