/** Models by link, by signature, again and again, and without a network; and what a browser needs to install the page. */
import assert from 'node:assert/strict';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { generateKeys, readPrivateKey, sign } from '../../../src/certify-runtime/signature/signing.ts';
import { launchBrowser } from '../../support/browser/browser.ts';
import { type BuiltPage, buildPage } from '../../support/browser/built-page.ts';
import { openModel, outcome, says, visitInspect } from '../../support/browser/inspect.ts';
import { type StaticServer, serveFolder } from '../../support/browser/static-server.ts';
import { sealedNetwork } from '../../support/networks/sealed.ts';

const CMNIST = fileURLToPath(new URL('../../../models/cmnist/model.onnx', import.meta.url));
const LOADS = 50;
/** Loads after which everything that is kept for good is there. */
const FIRST = 10;

/**
 * ONNX Runtime holds its sessions in a memory of WebAssembly's, which never shrinks: it grows if they are not freed. This
 * notes it when it is looked into: its buffer is a shared one, which those of our own code are not. It is text, since what
 * tsx makes of a function does not run in another program.
 */
const WATCH_MEMORIES = `
  const { get } = Object.getOwnPropertyDescriptor(WebAssembly.Memory.prototype, 'buffer');
  globalThis.memories = new Set();
  Object.defineProperty(WebAssembly.Memory.prototype, 'buffer', {
    get() {
      const buffer = get.call(this);
      if (!(buffer instanceof ArrayBuffer)) globalThis.memories.add(this);
      return buffer;
    },
  });
`;

describe('models of all ways', () => {
  let built: BuiltPage;
  let browser: Browser;
  let server: StaticServer;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
    server = await serveFolder(built.folder, { isolated: true });
    await copyFile(CMNIST, join(built.folder, 'own.onnx'));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.remove();
  });

  it('open by a link to the page’s own host', async () => {
    const { context, page } = await visitInspect(browser, server.url, {}, '?model=./own.onnx');
    assert.equal(await outcome(page), 'proven');
    assert.match(await says(page), /own\.onnx/);
    // After that, no other host may be asked for anything.
    const refused = await page.evaluate(
      () =>
        new Promise((resolve) => {
          document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective));
          fetch('https://127.0.0.1:9/').catch(() => {});
        }),
    );
    assert.equal(refused, 'connect-src');
    await context.close();
  });

  it('do not open by a link that is neither https nor the page’s own', async () => {
    const other = await serveFolder(built.folder);
    for (const link of [
      `${other.url}own.onnx`,
      'file:///etc/passwd',
      'data:application/octet-stream,x',
      'javascript:alert(1)',
      'blob:null/x',
      'https://name:word@localhost/own.onnx',
    ]) {
      const { context, page } = await visitInspect(browser, server.url, {}, `?model=${encodeURIComponent(link)}`);
      const notice = page.locator('[data-slot="0"] .notice');
      await notice.waitFor();
      assert.match(
        (await notice.textContent())!,
        /^\?model=.*(expected https: or a file of this page's own host|is not opened)$/,
      );
      await context.close();
    }
    assert.deepEqual(other.requests, []);
    await other.close();
  });

  it('say what is wrong with a link that leads nowhere', async () => {
    const { context, page } = await visitInspect(browser, server.url, {}, '?model=./none.onnx');
    const notice = page.locator('[data-slot="0"] .notice');
    await notice.waitFor();
    assert.match((await notice.textContent())!, /none\.onnx: the host answers 404/);
    assert.equal(await openModel(page, CMNIST), 'proven');
    await context.close();
  });

  it('are opened where they are dropped, and checked against the key and the signature that come with them', async () => {
    const { context, page } = await visitInspect(browser, server.url);
    const [own, other] = [await generateKeys(), await generateKeys()];
    const bytes = await readFile(CMNIST);
    const signature = await sign(bytes, await readPrivateKey(own.privatePem));
    const text = (name: string, content: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
    const give = (files: ReturnType<typeof text>[]) =>
      page.setInputFiles('input[aria-label="Public key and signature"]', files);
    const dropped = [
      { name: 'model.onnx', base64: bytes.toString('base64') },
      { name: 'own.pem', base64: btoa(own.publicPem) },
      { name: 'model.onnx.sig', base64: btoa(signature) },
    ];
    const dataTransfer = await page.evaluateHandle((files) => {
      const transfer = new DataTransfer();
      for (const { name, base64 } of files) {
        transfer.items.add(new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name));
      }
      return transfer;
    }, dropped);
    await page.dispatchEvent('[data-slot="0"]', 'drop', { dataTransfer });
    assert.equal(await outcome(page), 'proven');
    await page.locator('.signature .good', { hasText: /^valid, by key [0-9a-f]{64}$/ }).waitFor();
    await give([text('other.pem', other.publicPem)]);
    await page.locator('.signature .bad', { hasText: /^signature: by key [0-9a-f]{64}, expected key/ }).waitFor();
    await give([text('broken.pem', 'no key')]);
    await page.locator('.signature .bad', { hasText: /expected an Ed25519 key in PEM/ }).waitFor();
    await context.close();
  });

  it(`give their memory back: ${LOADS} times opened`, async () => {
    const { context, page } = await visitInspect(browser, server.url);
    const worker = page.workers()[0]!;
    await worker.evaluate(WATCH_MEMORIES);
    const used = (): Promise<number> =>
      worker.evaluate(() => {
        const { memories } = globalThis as unknown as { memories: Set<WebAssembly.Memory> };
        return [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
      });
    // Half a megabyte of weights, each of which a session holds, and its file twice.
    const bytes = await sealedNetwork({ shape: [64, 64, 1], widths: [32], classes: 2 });
    const given = { name: 'a.onnx', buffer: Buffer.from(bytes) };
    const open = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) assert.equal(await openModel(page, given), 'proven', await says(page));
    };
    await open(FIRST);
    const before = await used();
    assert.ok(before > 1e6, `${before} bytes of WebAssembly's memory`);
    await open(LOADS - FIRST);
    const grown = (await used()) - before;
    assert.ok(grown < (LOADS - FIRST) * 0.25e6, `${(grown / 1e6).toFixed(1)} MB more after ${LOADS - FIRST} loads`);
    await context.close();
  });

  it('open with the host gone, once the page was visited', async () => {
    const gone = await serveFolder(built.folder);
    const { context, page } = await visitInspect(browser, gone.url);
    await page.waitForSelector('html[data-offline=ready]', { state: 'attached' });
    await gone.close();
    await page.reload();
    await page.waitForSelector('#status[data-state=ready]');
    assert.equal(await openModel(page, CMNIST), 'proven');
    await context.close();
  });

  it('need nothing of Node: no module of it is in the page', async () => {
    for (const name of await readdir(join(built.folder, 'assets'))) {
      const text = await readFile(join(built.folder, 'assets', name), 'utf8');
      assert.doesNotMatch(text, /(?:from|import)\s*\(?\s*["'](?:node:|onnxruntime-node)|__vite-browser-external/, name);
    }
  });

  it('can be looked at in an installed page: manifest and icons', async () => {
    const manifest = JSON.parse(await readFile(join(built.folder, 'manifest.webmanifest'), 'utf8')) as {
      start_url: string;
      display: string;
      icons: { src: string; sizes: string; purpose: string }[];
    };
    assert.equal(manifest.display, 'standalone');
    assert.ok(manifest.icons.some(({ purpose }) => purpose === 'maskable'));
    for (const { src, sizes } of manifest.icons) {
      const { width, height, format } = await sharp(join(built.folder, src)).metadata();
      assert.equal(`${width}x${height} ${format}`, `${sizes} png`);
    }
    for (const page of ['index.html', 'inspect.html', 'faces.html']) {
      assert.match(
        await readFile(join(built.folder, page), 'utf8'),
        /<link rel="manifest" href="\.\/manifest\.webmanifest"/,
      );
    }
  });
});
