/** Image files become the model's pixels, and each kind of wrong file gets its own answer. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { MAX_FILE_BYTES, readImageFile } from '../../src/certify-runtime/run/decode/encoded-image.ts';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';

const RGB = [2, 3, 3] as const;
/** 3 wide, 2 high. */
const PIXELS = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90);

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'glean-image-'));
});
after(() => rm(dir, { recursive: true, force: true }));

const small = () => sharp(PIXELS, { raw: { width: 3, height: 2, channels: 3 } });
const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#204060' } });
const noise = () =>
  sharp({
    create: {
      width: 64,
      height: 64,
      channels: 3,
      background: '#000',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  });

async function file(name: string, content: Uint8Array | string): Promise<string> {
  await writeFile(join(dir, name), content);
  return join(dir, name);
}

async function refused(path: string, message: RegExp, shape: readonly [number, number, number] = RGB): Promise<void> {
  await assert.rejects(readImageFile(path, shape), (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.ok(error.message.startsWith(`${path}: `), error.message);
    assert.match(error.message, message);
    return true;
  });
}

describe('readImageFile decodes', () => {
  test('PNG and lossless WebP to the very bytes', async () => {
    for (const [name, bytes] of [
      ['a.png', await small().png().toBuffer()],
      ['a.webp', await small().webp({ lossless: true }).toBuffer()],
    ] as const) {
      const image = await readImageFile(await file(name, bytes), RGB);
      assert.deepEqual(image, { data: PIXELS, shape: RGB }, name);
    }
  });

  test('JPEG, by content and whatever the name', async () => {
    const path = await file('photo.png', await blank(3, 2).jpeg({ quality: 100 }).toBuffer());
    const { data } = await readImageFile(path, RGB);
    assert.equal(data.length, 18);
    for (const [i, value] of data.entries()) assert.ok(Math.abs(value - [0x20, 0x40, 0x60][i % 3]!) <= 2);
  });

  test('grey, palette, 16 bits and CMYK as RGB', async () => {
    const grey = sharp(Uint8Array.of(0, 50, 100, 150, 200, 255), { raw: { width: 3, height: 2, channels: 1 } });
    const { data } = await readImageFile(await file('grey.png', await grey.clone().png().toBuffer()), RGB);
    assert.deepEqual(
      [...data],
      [0, 50, 100, 150, 200, 255].flatMap((v) => [v, v, v]),
    );
    const palette = await readImageFile(await file('p.png', await small().png({ palette: true }).toBuffer()), RGB);
    assert.deepEqual([...palette.data.subarray(0, 3)], [255, 0, 0]);
    const deep = await small().toColourspace('rgb16').png().toBuffer();
    assert.equal((await sharp(deep).metadata()).depth, 'ushort');
    assert.deepEqual((await readImageFile(await file('deep.png', deep), RGB)).data, PIXELS);
    const cmyk = await blank(3, 2).toColourspace('cmyk').jpeg().toBuffer();
    assert.equal((await sharp(cmyk).metadata()).channels, 4);
    assert.equal((await readImageFile(await file('cmyk.jpg', cmyk), RGB)).data.length, 18);
  });

  test('for a model of one channel', async () => {
    const { data } = await readImageFile(await file('one.png', await blank(3, 2).png().toBuffer()), [2, 3, 1]);
    assert.equal(data.length, 6);
  });

  test('alpha over black', async () => {
    const half = sharp({
      create: { width: 3, height: 2, channels: 4, background: { r: 200, g: 100, b: 0, alpha: 0.5 } },
    });
    const { data } = await readImageFile(await file('alpha.png', await half.png().toBuffer()), RGB);
    for (const [i, value] of data.entries()) assert.ok(Math.abs(value - [100, 50, 0][i % 3]!) <= 1, String(data));
  });

  test('the way EXIF says it is held', async () => {
    const held = await small().webp({ lossless: true }).withMetadata({ orientation: 6 }).toBuffer();
    const path = await file('held.webp', held);
    const { data } = await readImageFile(path, [3, 2, 3]);
    // A quarter turn clockwise: the left column, read upwards, is the top row.
    assert.deepEqual([...data.subarray(0, 6)], [10, 20, 30, 255, 0, 0]);
    await refused(path, /found an image 2 wide and 3 high/);
  });

  test('another size, contained in black, when asked to', async () => {
    const path = await file('wide.png', await blank(40, 10).png().toBuffer());
    const { data, shape } = await readImageFile(path, [28, 28, 3], { resize: true });
    assert.deepEqual(shape, [28, 28, 3]);
    assert.deepEqual([...data.subarray(0, 3)], [0, 0, 0]);
    const middle = (14 * 28 + 14) * 3;
    assert.deepEqual([...data.subarray(middle, middle + 3)], [0x20, 0x40, 0x60]);
  });
});

describe('readImageFile refuses', () => {
  test('what is no file', async () => {
    await refused(join(dir, 'absent.png'), /found no such file, expected a PNG, JPEG or WebP/);
    await refused(dir, /found a folder/);
    await refused('/dev/null', /found neither a file nor a folder/);
    await refused(await file('empty.png', ''), /found an empty file/);
  });

  test('what is no such image', async () => {
    await refused(await file('text.png', 'hello, world'), /they begin with 68656c6c6f2c2077, 'hello, w'/);
    await refused(
      await file('x.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>'),
      /no such image/,
    );
    await refused(await file('x.gif', await small().gif().toBuffer()), /no such image/);
    await refused(await file('x.tiff', await small().tiff().toBuffer()), /no such image/);
    await refused(await file('head.png', (await small().png().toBuffer()).subarray(0, 12)), /a damaged PNG/);
  });

  test('another size than the model takes', async () => {
    const path = await file('big.png', await blank(40, 30).png().toBuffer());
    await refused(path, /found an image 40 wide and 30 high, expected 3 wide and 2 high.*--resize/);
  });

  test('a file cut off', async () => {
    for (const [name, bytes] of [
      ['cut.png', await noise().png().toBuffer()],
      ['cut.jpg', await noise().jpeg().toBuffer()],
      ['cut.webp', await noise().webp().toBuffer()],
    ] as const) {
      const path = await file(name, bytes.subarray(0, Math.floor(bytes.length / 2)));
      await refused(path, /a damaged(?: or truncated)? (?:PNG|JPEG|WebP)/, [64, 64, 3]);
    }
  });

  test('a file damaged in the middle', async () => {
    const bytes = await noise().png().toBuffer();
    bytes.fill(0x55, 5000, 5064);
    await refused(await file('garbled.png', bytes), /a damaged or truncated PNG/, [64, 64, 3]);
  });

  test('too many pixels, before decoding them', async () => {
    const path = await file('huge.png', await blank(10_000, 6_000).png({ compressionLevel: 1 }).toBuffer());
    await refused(path, /found 10000×6000 = 60000000 pixels, expected at most 50000000/);
    await assert.rejects(readImageFile(path, RGB, { resize: true }), /at most 50000000/);
  });

  test('too many bytes, before reading them', async () => {
    const path = await file('heavy.png', '');
    await truncate(path, MAX_FILE_BYTES + 1);
    await refused(path, /found 67108865 bytes, expected at most 67108864 \(64 MiB\)/);
  });

  test('a model that takes no image', async () => {
    await refused(await file('ok.png', await small().png().toBuffer()), /takes 4 channels/, [2, 3, 4]);
  });
});
