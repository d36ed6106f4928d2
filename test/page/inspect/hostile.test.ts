/** Files that are made to do harm, or are no models at all: each gives an error, and the page works on. */
import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { GleanError } from '../../../src/certify-runtime/node.ts';
import { refusalOf } from '../../../src/export/refusal/refusal.ts';
import { launchBrowser } from '../../support/browser/browser.ts';
import { type BuiltPage, buildPage, type Visit } from '../../support/browser/built-page.ts';
import { giveModel, givePictures, openModel, outcome, refusal, visitInspect } from '../../support/browser/inspect.ts';
import { type StaticServer, serveFolder } from '../../support/browser/static-server.ts';
import { sealBytes } from '../../support/networks/brought.ts';

const HOSTILE = fileURLToPath(new URL('../../fixtures/hostile/', import.meta.url));
const CMNIST = fileURLToPath(new URL('../../../models/cmnist/model.onnx', import.meta.url));
const CNN = fileURLToPath(new URL('../../fixtures/byo/pytorch-cnn.onnx', import.meta.url));

/** The files of the adversary: one of each of its tricks. */
const TRICKS = ['b1_natural', 'b1flip', 'b2_div_sum', 'b3a', 'b3c', 'b4_ReduceMean'];

describe('hostile files', () => {
  let built: BuiltPage;
  let browser: Browser;
  let server: StaticServer;
  let folder: string;
  let visited: Visit;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
    server = await serveFolder(built.folder);
    folder = await mkdtemp(join(tmpdir(), 'glean-hostile-'));
    visited = await visitInspect(browser, server.url);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** A file of zeros that takes no room on the disk. */
  async function zeros(size: number): Promise<string> {
    const path = join(folder, `zeros-${size}.onnx`);
    const file = await open(path, 'w');
    await file.truncate(size);
    await file.close();
    return path;
  }

  it('are refused as the command refuses them', async () => {
    const { page } = visited;
    const options = page.locator('[data-slot="0"] .choices');
    await options.evaluate((element) => element.setAttribute('open', ''));
    await page.selectOption('#choice-layout-0', 'NHWC');
    for (const name of TRICKS) {
      const buffer = await readFile(`${HOSTILE}${name}.onnx`);
      const here = await sealBytes(buffer, { source: 'a.onnx', layout: 'NHWC' }).catch(
        (error: unknown) => error as GleanError,
      );
      const found = await openModel(page, { name: 'a.onnx', buffer });
      assert.equal(found, here instanceof GleanError ? 'refused' : 'proven', name);
      if (here instanceof GleanError) assert.equal(await refusal(page), refusalOf(here, 'a.onnx').message, name);
    }
    await page.selectOption('#choice-layout-0', '');
  });

  it('are told from models: cut off, changed, packed, empty, zeros, too large', async () => {
    const { page, complaints } = visited;
    const sealed = await readFile(CMNIST);
    const changed = Buffer.from(sealed);
    changed[sealed.length >> 1]! ^= 1;
    const cases: readonly (readonly [string, string | { name: string; buffer: Buffer }, RegExp])[] = [
      ['cut off', { name: 'cut.onnx', buffer: sealed.subarray(0, sealed.length - 1000) }, /^cut\.onnx: /],
      ['changed', { name: 'changed.onnx', buffer: changed }, /the file has been changed/],
      ['packed', { name: 'packed.onnx', buffer: gzipSync(sealed) }, /^packed\.onnx: /],
      ['empty', { name: 'empty.onnx', buffer: Buffer.alloc(0) }, /^empty\.onnx: /],
      ['a zip', { name: 'zip.onnx', buffer: Buffer.from('PK\x03\x04'.padEnd(4096, 'x')) }, /^zip\.onnx: /],
      ['zeros', await zeros(2 ** 26), /^zeros-67108864\.onnx: /],
      ['too large', await zeros(200_000_000), /200 MB, at most 100 MB/],
    ];
    for (const [what, given, reason] of cases) {
      assert.equal(await openModel(page, given), 'refused', what);
      assert.match(await refusal(page), reason, what);
    }
    assert.equal(await openModel(page, CMNIST), 'proven');
    assert.deepEqual(complaints, []);
  });

  it('among pictures are named, and the others are labelled', async () => {
    const { page } = visited;
    const bomb = Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00', 'latin1'),
      Buffer.alloc(64),
    ]);
    const good = await readFile(new URL('../../../docs/images/digit-red.png', import.meta.url));
    await givePictures(page, [
      { name: 'bomb.png', buffer: bomb },
      { name: 'text.png', buffer: Buffer.from('not a picture at all, but thirty bytes') },
      { name: 'half.png', buffer: good.subarray(0, 90) },
      { name: 'good.png', buffer: good },
    ]);
    const message = (await page.locator('#pictures-body [role=status]').textContent())!;
    assert.match(message, /3 could not be read: bomb\.png: found 65536×65536 = 4294967296 pixels/);
    const tiles = await page.locator('#pictures-body .tile').allInnerTexts();
    assert.match(tiles[0]!, /digit \d–\d/);
    assert.equal(tiles.filter((text) => text.includes('not read')).length, 3);
  });

  it('that are given up while they are proven leave nothing behind', async () => {
    const { page } = visited;
    await giveModel(page, CNN);
    await page.locator('[data-slot="0"] .proving').getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled.').waitFor();
    assert.equal(await page.locator('.proof-of').count(), 0);
    // Another file takes the place of one that is under way.
    await giveModel(page, CNN);
    await page.locator('[data-slot="0"][data-state=busy]').waitFor();
    await giveModel(page, CMNIST);
    assert.equal(await outcome(page), 'proven');
    assert.match(await page.innerText('[data-slot="0"] .facts-of .file-name'), /^model\.onnx$/);
  });
});
