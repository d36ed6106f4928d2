import { linearGrey } from './grey-profile.ts';
import { GREYS, greyTiff, RGB, rgbTiff, tiff, unit, withAlpha } from './image-samples.ts';

/** Refused in training, with what is said of it. */
export const UNSUPPORTED: readonly (readonly [name: string, content: () => Uint8Array, found: RegExp])[] = [
  [
    'float to 255.tif',
    () => rgbTiff(Float32Array.from(RGB), 32, 3),
    /^float samples from 0 to 255, expected \[0, 1\]$/,
  ],
  ['float below 0.tif', () => greyTiff(Float32Array.of(-0.5, 0, 0.25, 1), 32, 3), /from -0\.5 to 1, expected/],
  ['float just above 1.tif', () => greyTiff(Float32Array.of(0, 0, 0, 1.002), 32, 3), /from 0 to 1\.002, expected/],
  ['no number.tif', () => greyTiff(Float32Array.of(0, Number.NaN, 0.25, 1), 32, 3), /that are no number/],
  ['infinity.tif', () => greyTiff(Float32Array.of(0, Number.POSITIVE_INFINITY, 0, 1), 32, 3), /from 0 to Infinity/],
  [
    'float alpha.tif',
    () => rgbTiff(Float32Array.from(unit(withAlpha(128))), 32, 3, { samples: 4, extra: [2] }),
    /^float samples with alpha/,
  ],
  [
    'float profile.tif',
    () => greyTiff(Float32Array.from(unit(GREYS)), 32, 3, { profile: linearGrey() }),
    /colour profile/,
  ],
  [
    'float CMYK.tif',
    () => tiff({ bits: 32, format: 3, photometric: 5, samples: 4, data: new Float32Array(16) }),
    /float samples of cmyk/,
  ],
  [
    'three grey floats.tif',
    () => greyTiff(Float32Array.from(unit(RGB)), 32, 3, { samples: 3 }),
    /more than three colours|samples a pixel/,
  ],
  ['grey half floats.tif', () => greyTiff(Uint16Array.of(0, 0x3400, 0x3800, 0x3c00), 16, 3), /float samples of grey16/],
  ['double.tif', () => greyTiff(Float64Array.from(unit(GREYS)), 64, 3), /samples out of range/],
  ['complex.tif', () => greyTiff(new Float32Array(8), 64, 6), /samples out of range/],
  [
    'signed 8.tif',
    () =>
      rgbTiff(
        Int8Array.from(RGB, (v) => v / 2),
        8,
        2,
      ),
    /^signed 8-bit integers$/,
  ],
  ['signed 16.tif', () => greyTiff(Int16Array.of(-100, 0, 1000, 32_767), 16, 2), /^signed 16-bit integers$/],
  ['signed 32.tif', () => greyTiff(Int32Array.of(-100, 0, 100, 300), 32, 2), /^signed 32-bit integers$/],
  [
    'unsigned 32.tif',
    () =>
      rgbTiff(
        Uint32Array.from(RGB, (v) => v * 16_843_009),
        32,
      ),
    /^unsigned 32-bit integers$/,
  ],
  ['64.tif', () => greyTiff(new BigUint64Array(4), 64), /samples out of range/],
  ['12 bits.tif', () => greyTiff(new Uint8Array(6), 12), /whole number of bytes/],
  [
    'near infrared.tif',
    () => rgbTiff(Uint8Array.from(withAlpha(128)), 8, 1, { samples: 4, extra: [0] }),
    /not said that it is alpha/,
  ],
  [
    'fourth sample.tif',
    () => rgbTiff(Uint8Array.from(withAlpha(128)), 8, 1, { samples: 4 }),
    /not said that it is alpha/,
  ],
  ['three greys.tif', () => greyTiff(Uint8Array.from(RGB), 8, 1, { samples: 3, extra: [0, 0] }), /^3 samples a pixel$/],
  [
    'eight bands.tif',
    () => greyTiff(new Uint8Array(32), 8, 1, { samples: 8, extra: Array(7).fill(0) }),
    /exceeds channel limit/,
  ],
  [
    'RGB, alpha and more.tif',
    () => rgbTiff(new Uint8Array(20), 8, 1, { samples: 5, extra: [2, 0] }),
    /^5 samples a pixel$/,
  ],
  ['CIELAB of 8.tif', () => tiff({ bits: 8, photometric: 8, samples: 3, data: new Uint8Array(12) }), /labq/],
  [
    'colour filter array.tif',
    () => greyTiff(Uint8Array.from(GREYS), 8, 1, { photometric: 32_803 }),
    /stand for no colours/,
  ],
  ['photo.heic', () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'), /^HEIC$/],
  ['named otherwise.jpg', () => Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0', 'latin1'), /^BMP$/],
  ['light.hdr', () => Buffer.from('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 2\n'), /^Radiance$/],
  ['light.exr', () => Buffer.from([0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0]), /^OpenEXR$/],
  ['stars.fits', () => Buffer.from('SIMPLE  =                    T'.padEnd(2880)), /^FITS$/],
  ['waves.jp2', () => Buffer.from('\0\0\0\x0cjP  \r\n\x87\n', 'latin1'), /^JPEG 2000$/],
  ['new.jxl', () => Buffer.from([0xff, 0x0a, 0, 0]), /^JPEG XL$/],
];
