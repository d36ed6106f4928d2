/** What is an image, by name and by first bytes, and what is read: as sharp itself says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { isImageHead, isImageName, unreadFormat } from '../../../../src/train/data/readers/image-formats.ts';
import { plain } from './image-files.ts';

test('every format that sharp reads and writes is an image that is read, whatever it is called', async () => {
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const) {
    const bytes = await plain([200, 0, 0], 8).toFormat(format).toBuffer();
    assert.ok(isImageHead(bytes), format);
    for (const name of [`x.${format}`, 'x', 'x.heic', 'x.bmp'])
      assert.equal(unreadFormat(name, bytes), undefined, `${format} ${name}`);
  }
  for (const { input } of Object.values(sharp.format)) {
    if (!input.buffer) continue;
    for (const ending of input.fileSuffix ?? []) {
      for (const name of [`x${ending}`, `X${ending.toUpperCase()}`]) assert.equal(isImageName(name), true, name);
      assert.equal(unreadFormat(`x${ending}`, Buffer.from('no image')), undefined);
    }
  }
});

test('what sharp refuses is named, by its bytes under any name', async () => {
  const box = (...brands: string[]) =>
    `\0\0\0${String.fromCharCode(8 + 4 * (brands.length + 1))}ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`;
  for (const [name, head] of [
    ['HEIC', box('heic', 'mif1', 'heic')],
    ['HEIC', box('mif1', 'mif1', 'heix')],
    ['HEIC', box('msf1', 'hevc')],
    ['JPEG XL', '\xff\x0a\x10\x10'],
    ['JPEG XL', '\0\0\0\x0cJXL \r\n\x87\n'],
    ['JPEG 2000', '\0\0\0\x0cjP  \r\n\x87\n'],
    ['JPEG XR', 'II\xbc\x01'],
    ['BMP', 'BM\x36\x30\0\0\0\0\0\0\x36\0\0\0'],
    ['ICO', '\0\0\x01\0\x01\0'],
    ['PNM', 'P6\n8 8\n255\n'],
    ['PNM', 'P2 8 8 255'],
    ['Photoshop', '8BPS\0\x01'],
    ['OpenEXR', '\x76\x2f\x31\x01'],
    ['DICOM', `${'\0'.repeat(128)}DICM`],
    ['FITS', 'SIMPLE  =                    T'],
    ['camera raw', 'II*\0\x10\0\0\0CR\x02\0'],
    ['camera raw', box('crx ', 'crx ', 'isom')],
  ] as const) {
    const bytes = Buffer.from(head.padEnd(200, '\0'), 'latin1');
    await assert.rejects(sharp(bytes).raw().toBuffer(), `${name} is read here after all`);
    for (const file of ['a.jpg', 'a', 'a.heic']) assert.equal(unreadFormat(file, bytes), name, file);
    assert.ok(isImageHead(bytes));
  }
  // A TIFF by its bytes; the picture in it that would be read is a thumbnail.
  const tiff = await plain([9, 9, 9], 8).tiff().toBuffer();
  assert.equal(unreadFormat('IMG.NEF', tiff), 'camera raw');
  assert.equal(unreadFormat('IMG.tif', tiff), undefined);
});

test('names that are no image’s, and names that do not tell', () => {
  for (const name of ['Thumbs.db', 'desktop.ini', 'a.txt', 'LIST.CSV', 'a.json', 'a.xml', 'a.pdf', 'a.jpg.txt']) {
    assert.equal(isImageName(name), false, name);
  }
  for (const name of ['a.heic', 'a.HEIF', 'a.bmp', 'a.dcm', 'a.nef', 'a.jxl', 'a.svg.gz'])
    assert.equal(isImageName(name), true, name);
  for (const name of ['README', 'a', 'jpg', 'a.mp4', 'a.zip', 'photo.jpg~'])
    assert.equal(isImageName(name), undefined, name);
  for (const text of ['', 'B', 'BMW is a car', 'P', 'Pictures', 'ftyp', 'SIMPLE', 'GIF', 'II']) {
    assert.equal(isImageHead(Buffer.from(text)), false, text);
  }
});
