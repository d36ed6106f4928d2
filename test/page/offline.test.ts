/** What the page keeps, and what it refuses: the next visit without a host, files under their SHA-256, and other bytes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser/browser.ts';
import { type BuiltPage, buildPage, card, visit, waitFor } from '../support/browser/built-page.ts';
import { type StaticServer, serveFolder } from '../support/browser/static-server.ts';

const large = (server: StaticServer): string[] => server.requests.filter((path) => path.includes('/content/'));

const kept = (page: Page): Promise<unknown> => page.waitForSelector('html[data-offline=ready]', { state: 'attached' });

describe('what the page keeps', () => {
  let built: BuiltPage;
  let browser: Browser;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
  });

  after(async () => {
    await browser?.close();
    await built?.remove();
  });

  for (const isolated of [false, true]) {
    it(`opens and answers with the host gone, ${isolated ? 'isolated' : 'plain'} as before`, async () => {
      const server = await serveFolder(built.folder, { isolated });
      const { context, page, complaints } = await visit(browser, server.url);
      const answered = await card(page, 'cmnist');
      await kept(page);
      await server.close();
      await page.reload();
      await waitFor(page, 'ready');
      assert.deepEqual(await card(page, 'cmnist'), answered);
      assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
      assert.match((await page.textContent('#proof'))!, /kept from an earlier visit, hash checked/);
      await page.getByRole('button', { name: 'Run the 1 500 test digits' }).click();
      // The model card's figure, by ONNX Runtime in Node.
      const [, accuracy] = /value: (\S+)\n *name: accuracy on the test domain/.exec(
        await readFile('models/cmnist/README.md', 'utf8'),
      )!;
      assert.ok((await page.textContent('#batch-summary'))!.includes(`${accuracy} % by the invariant model`), accuracy);
      // The browser itself may say that it found no newer service worker.
      assert.deepEqual(
        complaints.filter((text) => !/service ?worker|sw\.js|ERR_CONNECTION_REFUSED/i.test(text)),
        [],
      );
      await context.close();
    });
  }

  it('fetches every large file once, and hashes it again whenever it is read', async () => {
    const server = await serveFolder(built.folder);
    const { context, page } = await visit(browser, server.url);
    const answered = await card(page, 'cmnist');
    await kept(page);
    assert.equal(new Set(large(server)).size, large(server).length, 'none twice');
    assert.equal(large(server).length, (await readdir(join(built.folder, 'content'))).length);

    await page.reload();
    await waitFor(page, 'ready');
    const before = large(server).length;
    const keys = await page.evaluate(async () =>
      (await (await caches.open('glean-content')).keys()).map(({ url }) => url),
    );
    assert.equal(keys.length, before);
    // One bit of a kept model changes: it is fetched again, not believed.
    const damaged = await page.evaluate(async () => {
      const cache = await caches.open('glean-content');
      for (const request of await cache.keys()) {
        const bytes = new Uint8Array(await (await cache.match(request))!.arrayBuffer());
        if (bytes.length < 1_350_000 || bytes.length > 1_370_000) continue;
        bytes[700_000]! ^= 1;
        await cache.put(request, new Response(bytes));
        return request.url;
      }
      return undefined;
    });
    assert.match(damaged ?? '', /sha256\/[0-9a-f]{64}$/);
    await page.reload();
    await waitFor(page, 'ready');
    assert.equal(large(server).length, before + 1);
    assert.ok(large(server).at(-1)!.endsWith('.onnx'));
    assert.deepEqual(await card(page, 'cmnist'), answered);
    await context.close();
    await server.close();
  });

  it('refuses a model or a runtime that is not the one it was built with', async () => {
    for (const [extension, id] of [
      ['onnx', 'cmnist'],
      ['onnx', 'cmnist-erm'],
      ['wasm.bin', ''],
    ] as const) {
      const folder = await mkdtemp(join(tmpdir(), 'glean-page-'));
      const server = await serveFolder(folder);
      try {
        await cp(built.folder, folder, { recursive: true });
        // The models that other views offer are not fetched until somebody wants them, so it is one of the digits'.
        const begins =
          id === ''
            ? ''
            : createHash('sha256')
                .update(await readFile(`models/${id}/model.onnx`))
                .digest('hex')
                .slice(0, 20);
        const name = (await readdir(join(folder, 'content'))).find(
          (file) => file.startsWith(begins) && file.endsWith(`.${extension}`),
        )!;
        const bytes = await readFile(join(folder, 'content', name));
        bytes[bytes.length >> 1]! ^= 1;
        await writeFile(join(folder, 'content', name), bytes);
        const { context, page } = await visit(browser, server.url, {}, 'failed');
        assert.match(
          (await page.textContent('#failure'))!,
          new RegExp(`${name}: its SHA-256 is [0-9a-f]{64}, expected ${name.slice(0, 20)}`),
        );
        assert.equal(await page.locator('[data-model]').count(), 0, 'no answer without a proof');
        await context.close();
      } finally {
        await server.close();
        await rm(folder, { recursive: true, force: true });
      }
    }
  });

  it('asks no other host for anything', async () => {
    const server = await serveFolder(built.folder);
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    context.on('request', (request) => asked.push(request.url()));
    await page.goto(server.url);
    await waitFor(page, 'ready');
    await kept(page);
    assert.ok(asked.length > 5);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(server.url) && !url.startsWith('blob:') && !url.startsWith('data:')),
      [],
    );
    await context.close();
    await server.close();
  });
});
