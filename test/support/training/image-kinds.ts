/** Image files of every kind that sharp reads, with the pixels they stand for. Pictures are 2×2. */
import sharp, { type Sharp } from 'sharp';
import { linearGrey, withProfile } from './grey-profile.ts';
import {
  colour,
  GREYS,
  grey,
  greyTiff,
  HALF,
  PIXELS,
  palette,
  RGB,
  raw,
  rgbTiff,
  shades,
  tiff,
  translucent,
  unit,
  withAlpha,
} from './image-samples.ts';

export type Content = Uint8Array | Sharp;
export type Kind = readonly [
  name: string,
  content: () => Content | Promise<Content>,
  expected: readonly number[],
  tolerance?: number,
];

/** Read by both; `.toColourspace` writes 16 bits, with the profile where there is one. */
export const BOTH: readonly Kind[] = [
  ['png', () => colour().png(), RGB, 0],
  ['interlaced.png', () => colour().png({ progressive: true }), RGB, 0],
  ['palette.png', () => colour().png({ palette: true }), RGB, 0],
  ['palette of 4 bits.png', () => colour().png({ palette: true, colours: 4 }), RGB, 0],
  ['grey.png', () => shades().toColourspace('b-w').png(), grey(GREYS), 0],
  ['grey of 2 bits.png', () => shades().toColourspace('b-w').png({ palette: true, colours: 4 }), grey(GREYS), 0],
  ['alpha.png', () => translucent().png(), HALF],
  ['grey and alpha.png', () => shades().ensureAlpha(0.5).toColourspace('b-w').png(), grey(GREYS.map((v) => v / 2))],
  ['16.png', () => colour().toColourspace('rgb16').png(), RGB, 0],
  ['16 and alpha.png', () => translucent().toColourspace('rgb16').png(), HALF],
  ['grey of 16.png', () => shades().toColourspace('grey16').png(), grey(GREYS), 0],
  ['sRGB profile.png', () => colour().withIccProfile('srgb').png(), RGB],
  ['P3 profile.png', () => colour().withIccProfile('p3').png(), RGB, 2],
  ['16, sRGB profile.png', () => colour().toColourspace('rgb16').withIccProfile('srgb').png(), RGB, 2],
  ['16, P3 profile.png', () => colour().toColourspace('rgb16').withIccProfile('p3').png(), RGB, 2],
  ['16, alpha, P3 profile.png', () => translucent().toColourspace('rgb16').withIccProfile('p3').png(), HALF, 2],
  [
    // Proportional to light: sRGB's curve brings 85 of 255 to 156, 170 to 213 (IEC 61966-2-1).
    'grey of 16, linear profile.png',
    async () => withProfile(await shades().toColourspace('grey16').png().toBuffer(), linearGrey()),
    grey([0, 156, 213, 255]),
  ],
  ['webp', () => colour().webp({ lossless: true }), RGB, 0],
  ['alpha.webp', () => translucent().webp({ lossless: true }), HALF],
  ['P3 profile.webp', () => colour().withIccProfile('p3').webp({ lossless: true }), RGB, 2],
  ['jpeg', () => raw(grey([90, 90, 90, 90])).jpeg({ quality: 100 }), grey([90, 90, 90, 90])],
  ['grey.jpg', () => raw([90, 90, 90, 90], 1).toColourspace('b-w').jpeg({ quality: 100 }), grey([90, 90, 90, 90])],
  [
    'white in CMYK.jpg',
    () =>
      raw(grey([255, 255, 255, 255]))
        .toColourspace('cmyk')
        .jpeg({ quality: 100 }),
    grey([255, 255, 255, 255]),
    2,
  ],
];

/** Read in training only. */
export const TRAINED: readonly Kind[] = [
  ['8.tif', () => rgbTiff(Uint8Array.from(RGB), 8), RGB, 0],
  [
    '16.tif',
    () =>
      rgbTiff(
        Uint16Array.from(RGB, (v) => v * 257),
        16,
      ),
    RGB,
    0,
  ],
  ['float.tif', () => rgbTiff(Float32Array.from(unit(RGB)), 32, 3), RGB, 0],
  ['grey.tif', () => greyTiff(Uint8Array.from(GREYS), 8), grey(GREYS), 0],
  [
    'grey of 16.tif',
    () =>
      greyTiff(
        Uint16Array.from(GREYS, (v) => v * 257),
        16,
      ),
    grey(GREYS),
    0,
  ],
  ['grey float.tif', () => greyTiff(Float32Array.from(unit(GREYS)), 32, 3), grey(GREYS), 0],
  // Between two bytes: to the nearest, and no further off [0, 1] than that.
  [
    'rounded float.tif',
    () => greyTiff(Float32Array.of(-0.0019, 0.25, 0.703, 1.0019), 32, 3),
    grey([0, 64, 179, 255]),
    0,
  ],
  ['black float.tif', () => greyTiff(new Float32Array(4), 32, 3), grey([0, 0, 0, 0]), 0],
  [
    'half floats.tif',
    () => rgbTiff(Uint16Array.of(0x3c00, 0, 0, 0, 0x3800, 0x3400, 0, 0x3c00, 0, 0x3a00, 0, 0x3c00), 16, 3),
    [255, 0, 0, 0, 128, 64, 0, 255, 0, 191, 0, 255],
    0,
  ],
  ['0 is white.tif', () => greyTiff(Uint8Array.from(GREYS), 8, 1, { photometric: 0 }), grey(GREYS.toReversed()), 0],
  [
    '0 is white, 16.tif',
    () =>
      greyTiff(
        Uint16Array.from(GREYS, (v) => v * 257),
        16,
        1,
        { photometric: 0 },
      ),
    grey(GREYS.toReversed()),
    0,
  ],
  [
    '0 is white, float.tif',
    () => greyTiff(Float32Array.from(unit(GREYS)), 32, 3, { photometric: 0 }),
    grey(GREYS.toReversed()),
    0,
  ],
  ['1 bit.tif', () => greyTiff(Uint8Array.of(0x40, 0x80), 1), grey([0, 255, 255, 0]), 0],
  [
    '1 bit, 0 is white.tif',
    () => greyTiff(Uint8Array.of(0x40, 0x80), 1, 1, { photometric: 0 }),
    grey([255, 0, 0, 255]),
    0,
  ],
  ['4 bits.tif', () => greyTiff(Uint8Array.of(0x05, 0xaf), 4), grey(GREYS), 0],
  ['palette.tif', () => greyTiff(Uint8Array.of(0, 1, 2, 3), 8, 1, { photometric: 3, palette: palette(256) }), RGB, 0],
  [
    'palette of 4 bits.tif',
    () => greyTiff(Uint8Array.of(0x01, 0x23), 4, 1, { photometric: 3, palette: palette(16) }),
    RGB,
    0,
  ],
  ['alpha.tif', () => rgbTiff(Uint8Array.from(withAlpha(128)), 8, 1, { samples: 4, extra: [2] }), HALF],
  [
    'alpha multiplied in.tif',
    () => rgbTiff(Uint8Array.from(withAlpha(128, 128 / 255)), 8, 1, { samples: 4, extra: [1] }),
    HALF,
    2,
  ],
  [
    'alpha of 16.tif',
    () => rgbTiff(Uint16Array.from(withAlpha(128).map((v) => v * 257)), 16, 1, { samples: 4, extra: [2] }),
    HALF,
  ],
  ['opaque, of no stated meaning.tif', () => rgbTiff(Uint8Array.from(withAlpha(255)), 8, 1, { samples: 4 }), RGB, 0],
  [
    'grey and alpha.tif',
    () => greyTiff(Uint8Array.from(GREYS.flatMap((v) => [v, 128])), 8, 1, { samples: 2, extra: [2] }),
    grey(GREYS.map((v) => v / 2)),
  ],
  [
    '16, P3 profile.tif',
    async () => {
      const png = colour().toColourspace('rgb16').withIccProfile('p3').png();
      const file = await png.toBuffer();
      const samples = await sharp(file, { ignoreIcc: true }).toColourspace('rgb16').raw({ depth: 'ushort' }).toBuffer();
      return rgbTiff(samples, 16, 1, { profile: (await sharp(file).metadata()).icc! });
    },
    RGB,
    2,
  ],
  // L, a, b of white, black, middle grey and sRGB's red, of 16 bits and as floats.
  [
    'CIELAB of 16.tif',
    () =>
      tiff({
        bits: 16,
        photometric: 8,
        samples: 3,
        data: Uint16Array.of(65_535, 0, 0, 0, 0, 0, 35_000, 0, 0, 34_890, 20_504, 17_205),
      }),
    [255, 255, 255, 0, 0, 0, 127, 127, 127, 255, 0, 0],
    2,
  ],
  [
    'CIELAB float.tif',
    () =>
      tiff({
        bits: 32,
        format: 3,
        photometric: 8,
        samples: 3,
        data: Float32Array.of(100, 0, 0, 0, 0, 0, 53.39, 0, 0, 53.24, 80.09, 67.2),
      }),
    [255, 255, 255, 0, 0, 0, 127, 127, 127, 255, 0, 0],
    2,
  ],
  // No ink, and all of every ink.
  [
    'CMYK.tif',
    () =>
      tiff({
        bits: 8,
        photometric: 5,
        samples: 4,
        data: Uint8Array.from([0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255]),
      }),
    grey([255, 0, 255, 0]),
  ],
  [
    'CMYK of 16.tif',
    () =>
      tiff({
        bits: 16,
        photometric: 5,
        samples: 4,
        data: Uint16Array.from([
          0, 0, 0, 0, 65_535, 65_535, 65_535, 65_535, 0, 0, 0, 0, 65_535, 65_535, 65_535, 65_535,
        ]),
      }),
    grey([255, 0, 255, 0]),
  ],
  [
    'JPEG inside.tif',
    () => raw(grey([90, 90, 90, 90])).tiff({ compression: 'jpeg', quality: 100 }),
    grey([90, 90, 90, 90]),
  ],
  ['BigTIFF.tif', () => colour().tiff({ bigtiff: true, compression: 'none' }), RGB, 0],
  ['LZW.tif', () => colour().tiff({ compression: 'lzw', predictor: 'horizontal' }), RGB, 0],
  ['tiles.tif', () => colour().tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: 'none' }), RGB, 0],
  [
    'two pages.tif',
    () =>
      sharp(Uint8Array.from([...RGB, ...RGB.map((v) => 255 - v)]), {
        raw: { width: 2, height: 4, channels: 3, pageHeight: 2 },
      }).tiff({ compression: 'none' }),
    RGB,
    0,
  ],
  ['gif', () => colour().gif(), RGB, 0],
  [
    'two frames.gif',
    () =>
      sharp(Uint8Array.from([...RGB, ...RGB.map((v) => 255 - v)]), {
        raw: { width: 2, height: 4, channels: 3, pageHeight: 2 },
      }).gif(),
    RGB,
    0,
  ],
  ['avif', () => colour().avif({ lossless: true }), RGB],
  ['alpha.avif', () => translucent().avif({ lossless: true }), HALF, 2],
  ['10 bits.avif', () => colour().avif({ lossless: true, bitdepth: 10 }), RGB],
  ['12 bits.avif', () => colour().avif({ lossless: true, bitdepth: 12 }), RGB],
  ['10 bits, P3 profile.avif', () => colour().withIccProfile('p3').avif({ lossless: true, bitdepth: 10 }), RGB, 3],
  [
    'svg',
    () =>
      Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"><rect width="2" height="2" fill="#c86432"/></svg>',
      ),
    PIXELS.flatMap(() => [...PIXELS[3]]),
    0,
  ],
];
