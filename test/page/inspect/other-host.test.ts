/** Models by a link to another host, over https as on the web: opened if that host permits it (CORS), else with a reason. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../../support/browser/browser.ts';
import { type BuiltPage, buildPage, type Visit } from '../../support/browser/built-page.ts';
import { openModel, says, visitInspect } from '../../support/browser/inspect.ts';
import { OTHER_HOSTS, type OtherHost, serveOther } from '../../support/browser/other-host.ts';
import { type StaticServer, serveFolder } from '../../support/browser/static-server.ts';
import { sealedNetwork } from '../../support/networks/sealed.ts';

const SELF_SIGNED = { ignoreHTTPSErrors: true };
const ANYBODY = { 'access-control-allow-origin': '*' };
const REMEDY =
  /: cannot be fetched\. Its host must be up, and allow other pages to read the file \(CORS: Access-Control-Allow-Origin\); .* download the file and open it here$/;

describe('models of another host', () => {
  let built: BuiltPage;
  let browser: Browser;
  let server: StaticServer;
  let other: OtherHost;
  /** A host without https, which answers under `c.models.example` too. */
  let plainHttp: StaticServer;
  let model: Buffer;

  before(async () => {
    [built, browser, model] = await Promise.all([
      buildPage(),
      launchBrowser(OTHER_HOSTS),
      sealedNetwork().then(Buffer.from),
    ]);
    server = await serveFolder(built.folder, { isolated: true });
    const plain = await readFile(`${built.folder}/index.html`);
    plainHttp = await serveFolder(built.folder);
    const origin = new URL(server.url).origin;
    const httpUrl = `http://c.models.example:${new URL(plainHttp.url).port}/a.onnx`;
    other = await serveOther((url) => ({
      '/anybody.onnx': { headers: ANYBODY, body: model },
      '/this-page.onnx': { headers: { 'access-control-allow-origin': origin }, body: model },
      '/nobody.onnx': { body: model },
      '/another-page.onnx': { headers: { 'access-control-allow-origin': 'https://page.example' }, body: model },
      '/text.onnx': { headers: ANYBODY, body: plain },
      '/gone.onnx': { status: 410, headers: ANYBODY },
      '/moved.onnx': {
        status: 302,
        headers: { ...ANYBODY, location: url('b.models.example', '/anybody.onnx') },
      },
      '/moved-to-nobody.onnx': {
        status: 302,
        headers: { ...ANYBODY, location: url('b.models.example', '/nobody.onnx') },
      },
      '/moved-to-http.onnx': { status: 302, headers: { ...ANYBODY, location: httpUrl } },
      '/endless.onnx': { headers: { ...ANYBODY, 'content-length': '90000000' }, body: model },
      '/large.onnx': { headers: { ...ANYBODY, 'content-length': '100000001', connection: 'close' }, body: model },
    }));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await other?.close();
    await plainHttp?.close();
    await built?.remove();
  });

  const query = (link: string): string => `?model=${encodeURIComponent(link)}`;
  const inspectLink = (link: string): string => `${server.url}inspect.html${query(link)}`;
  const visitLink = (link: string): Promise<Visit> => visitInspect(browser, server.url, SELF_SIGNED, query(link));

  /** What came of a link: 'proven', 'refused', or why there is no file. */
  async function end(page: Page): Promise<string> {
    const slot = page.locator('[data-slot="0"]');
    const notice = slot.locator('.notice');
    const ended = page.locator('[data-slot="0"][data-state=proven], [data-slot="0"][data-state=refused]');
    await notice.or(ended).first().waitFor();
    return (await notice.count()) > 0 ? (await notice.textContent())! : (await slot.getAttribute('data-state'))!;
  }

  /** Whether the page's own policy forbids to ask this address. */
  async function forbidden(page: Page, address: string): Promise<boolean> {
    return page.evaluate(
      (url) =>
        new Promise<boolean>((resolve) => {
          document.addEventListener('securitypolicyviolation', () => resolve(true));
          fetch(url).then(
            () => resolve(false),
            () => setTimeout(() => resolve(false), 1000),
          );
        }),
      address,
    );
  }

  it('open if it permits every page, or this one, also where it sends the reader on', async () => {
    for (const path of ['/anybody.onnx', '/this-page.onnx', '/moved.onnx']) {
      const asked = other.requests.length;
      const link = other.url('a.models.example', path);
      const { context, page, complaints } = await visitLink(link);
      assert.equal(await end(page), 'proven');
      assert.match(await says(page), new RegExp(path.slice(1)));
      assert.deepEqual(complaints, []);
      assert.deepEqual(
        other.requests.slice(asked).map((request) => request.path),
        path === '/moved.onnx' ? [path, '/anybody.onnx'] : [path],
      );
      assert.ok(await forbidden(page, other.url('a.models.example', '/anybody.onnx')), 'nothing is asked after that');
      await context.close();
    }
  });

  it('are asked for without cookies and without the address of the page', async () => {
    const context = await browser.newContext(SELF_SIGNED);
    const [before, page] = [other.requests.length, await context.newPage()];
    const link = other.url('a.models.example', '/anybody.onnx');
    await context.addCookies([{ name: 'known', value: 'yes', url: link, sameSite: 'None', secure: true }]);
    await page.goto(link).catch(() => {}); // A download: the cookie goes along when somebody opens the address itself.
    await page.goto(inspectLink(link));
    assert.equal(await end(page), 'proven');
    const [itself, byLink, ...more] = other.requests.slice(before).map(({ headers }) => headers);
    assert.equal(itself?.cookie, 'known=yes');
    assert.deepEqual([byLink?.cookie, byLink?.referer, more.length], [undefined, undefined, 0]);
    await context.close();
  });

  it('say what the host must do, and what the reader can do, if it does not permit this page or is not there', async () => {
    const { context, page } = await visitInspect(browser, server.url, SELF_SIGNED);
    for (const link of [
      other.url('a.models.example', '/nobody.onnx'),
      other.url('a.models.example', '/another-page.onnx'),
      other.url('a.models.example', '/none.onnx'),
      other.url('a.models.example', '/moved-to-nobody.onnx'),
      other.url('a.models.example', '/moved-to-http.onnx'),
      'https://gone.example/a.onnx',
      'https://127.0.0.1:9/a.onnx',
    ]) {
      await page.goto(inspectLink(link));
      const message = await end(page);
      assert.ok(message.startsWith(`${link}: `), message);
      assert.match(message, REMEDY);
      assert.ok(await forbidden(page, other.url('a.models.example', '/anybody.onnx')), link);
      // The remedy: the same file, opened from the disk.
      if (link.endsWith('/nobody.onnx')) {
        assert.equal(await openModel(page, { name: 'nobody.onnx', buffer: model }), 'proven');
      }
    }
    await context.close();
    assert.deepEqual(plainHttp.requests, [], 'a redirect leads to https only');
  });

  it('say what came instead of a model: an error of the host, a page, or too much', async () => {
    const { context, page } = await visitInspect(browser, server.url, SELF_SIGNED);
    for (const [path, expected] of [
      ['/gone.onnx', /\/gone\.onnx: the host answers 410 Gone$/],
      ['/large.onnx', /\/large\.onnx: 100 MB or more, at most 100 MB are opened$/],
    ] as const) {
      await page.goto(inspectLink(other.url('a.models.example', path)));
      assert.match(await end(page), expected);
    }
    await page.goto(inspectLink(other.url('a.models.example', '/text.onnx')));
    assert.equal(await end(page), 'refused');
    assert.match(await says(page), /text\.onnx/);
    await context.close();
  });

  it('are fetched no further once another file is opened', async () => {
    const { context, page } = await visitInspect(browser, server.url, SELF_SIGNED);
    await page.goto(inspectLink(other.url('a.models.example', '/endless.onnx')));
    await page.locator('[data-slot="0"]', { hasText: 'Fetching endless.onnx' }).waitFor();
    const ended = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/endless.onnx'));
    assert.equal(await openModel(page, { name: 'another.onnx', buffer: model }), 'proven');
    assert.equal((await ended).failure()?.errorText, 'net::ERR_ABORTED');
    await context.close();
  });
});
