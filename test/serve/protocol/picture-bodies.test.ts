/** Pictures wrapped, damaged or spelled out on their way to /predict: the error says what came and how to send a picture. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';

let service: ServiceProcess;
const pictures: Record<string, Buffer> = {};

before(async () => {
  service = await ServiceProcess.start('--workers', '1');
  const picture = sharp(await readFile('docs/images/digit-red.png'));
  pictures['png'] = await picture.clone().png().toBuffer();
  pictures['jpeg'] = await picture.clone().jpeg().toBuffer();
  pictures['webp'] = await picture.clone().webp().toBuffer();
});
after(() => service.stop());

async function send(body: unknown, type?: string): Promise<{ readonly status: number; readonly error: string }> {
  const response = await fetch(`${service.url}/predict?model=cmnist`, {
    method: 'POST',
    body: body as string,
    ...(type === undefined ? {} : { headers: { 'content-type': type } }),
  });
  const { error } = (await response.json()) as { error: string };
  return { status: response.status, error };
}

const FORM = 'application/x-www-form-urlencoded';
const LOST = new Set([0, 10, 13]);

/** What becomes of a file in `curl -d @FILE`. */
const CURL_D: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  'curl that takes line ends and NUL bytes away': (bytes) => Buffer.from(bytes.filter((byte) => !LOST.has(byte))),
  'curl that takes each line only up to its first NUL byte': (bytes) =>
    Buffer.from(
      bytes
        .toString('latin1')
        .split('\n')
        .map((line) => line.split('\0', 1)[0]!.replaceAll('\r', ''))
        .join(''),
      'latin1',
    ),
};

test('a picture is taken whatever its Content-Type says, but for a form', async () => {
  for (const [format, bytes] of Object.entries(pictures)) {
    for (const type of [`image/${format}`, 'application/octet-stream', FORM, 'text/plain']) {
      assert.equal((await send(bytes, type)).status, 200, `${format} as ${type}`);
    }
  }
});

const HOW = /expected .*--data-binary @FILE -H 'Content-Type: image\/png'/;

test('curl -F', async () => {
  for (const [format, bytes] of Object.entries(pictures)) {
    const form = new FormData();
    form.append('image', new Blob([Uint8Array.from(bytes)]), `picture.${format}`);
    const { status, error } = await send(form);
    assert.equal(status, 415);
    assert.match(error, /found Content-Type "multipart\/form-data" \(curl -F/);
    assert.match(error, HOW);
  }
  assert.equal((await send('x', 'Multipart/Mixed; boundary=x')).status, 415);
});

test('curl -d', async () => {
  for (const [how, damage] of Object.entries(CURL_D)) {
    for (const [format, bytes] of Object.entries(pictures)) {
      for (const type of [FORM, `image/${format}`]) {
        const { status, error } = await send(damage(bytes), type);
        assert.equal(status, 400);
        assert.match(error, /found a (PNG|JPEG|WebP) without .* as curl -d sends it/, `${how}: ${format}`);
        assert.match(error, HOW);
      }
    }
  }
});

test('base64, bare, in quotes, in lines, or as a data URL', async () => {
  for (const [format, bytes] of Object.entries(pictures)) {
    const base64 = bytes.toString('base64');
    const lines = base64.replaceAll(/.{76}/g, '$&\n');
    for (const body of [base64, lines, `${lines}\n`, `"${base64}"`, ` ${base64}`]) {
      const { status, error } = await send(body);
      assert.equal(status, 400);
      assert.match(error, /found base64 of a (PNG|JPEG|WebP)/);
      assert.ok(error.toLowerCase().includes(`of a ${format}`), error);
      assert.match(error, HOW);
    }
    for (const body of [`data:image/${format};base64,${base64}`, `"data:;base64,${base64}"`]) {
      const { status, error } = await send(body);
      assert.equal(status, 400);
      assert.match(error, /found a data URL/);
      assert.match(error, HOW);
    }
  }
});

test('fields of forms, and JSON', async () => {
  const bytes = pictures['png']!;
  const percent = encodeURIComponent(bytes.toString('latin1'));
  const escaped = bytes.reduce((text, byte) => `${text}%${byte.toString(16).toUpperCase().padStart(2, '0')}`, '');
  for (const body of ['image=@x.png', `image=${bytes.toString('base64')}`, `image=${percent}`, escaped]) {
    const { status, error } = await send(body, FORM);
    assert.equal(status, 400);
    assert.match(error, /found the field of a form/);
    assert.match(error, HOW);
  }
  for (const body of ['{"image": "x"}', '[1, 2]', ' {"instances": [[0]]}']) {
    const { status, error } = await send(body, 'application/json');
    assert.equal(status, 400);
    assert.match(error, /found JSON, which \/v2\/models\/NAME\/infer takes/);
    assert.match(error, HOW);
  }
});

test('what none of this explains is said as before', async () => {
  const cut = pictures['png']!.subarray(0, 60);
  assert.match((await send(cut)).error, /damaged/);
  assert.match((await send('GIF89a')).error, /no such image/);
  assert.match((await send('')).error, /nothing/);
});
