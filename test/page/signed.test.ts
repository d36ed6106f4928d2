/** A page that was built with signed models checks the signature, and says so; with a wrong one it answers nothing. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { generateKeys, readPrivateKey, sign } from '../../src/certify-runtime/signature/signing.ts';
import { launchBrowser } from '../support/browser/browser.ts';
import { buildPage, visit } from '../support/browser/built-page.ts';
import { serveFolder } from '../support/browser/static-server.ts';

const MODELS = ['cmnist', 'cmnist-erm'];

describe('a page with signed models', () => {
  let browser: Browser;
  let folder: string;

  before(async () => {
    browser = await launchBrowser();
    folder = await mkdtemp(join(tmpdir(), 'glean-signed-'));
    await cp(fileURLToPath(new URL('../../models', import.meta.url)), folder, { recursive: true });
    const { privatePem, publicPem } = await generateKeys();
    const key = await readPrivateKey(privatePem);
    for (const id of MODELS) {
      const bytes = await readFile(join(folder, id, 'model.onnx'));
      await writeFile(join(folder, id, 'model.onnx.sig'), await sign(bytes, key));
      await writeFile(join(folder, id, 'public.pem'), publicPem);
    }
  });

  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(until: 'ready' | 'failed', look: (text: string) => void): Promise<void> {
    const built = await buildPage(folder);
    const server = await serveFolder(built.folder);
    try {
      const { context, page } = await visit(browser, server.url, {}, until);
      look((await page.textContent(until === 'ready' ? '#proof' : '#failure'))!);
      await context.close();
    } finally {
      await server.close();
      await built.remove();
    }
  }

  it('says that both were checked', async () => {
    await open('ready', (text) => {
      assert.equal(text.match(/by the builder’s key, checked/g)?.length, MODELS.length);
      assert.doesNotMatch(text, /not vouched for/);
    });
  });

  it('refuses one that is signed by another key', async () => {
    const { publicPem } = await generateKeys();
    await writeFile(join(folder, MODELS[1]!, 'public.pem'), publicPem);
    await open('failed', (text) => assert.match(text, /^signature: by key [0-9a-f]{64}, expected key [0-9a-f]{64}$/));
  });
});
