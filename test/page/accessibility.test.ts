/** The page as assistive technology finds it: axe-core over the whole page, light and dark, before and after use. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { violations } from '../support/browser/axe.ts';
import { launchBrowser } from '../support/browser/browser.ts';
import { type BuiltPage, buildPage, visit } from '../support/browser/built-page.ts';
import { type StaticServer, serveFolder } from '../support/browser/static-server.ts';

describe('accessibility', () => {
  let built: BuiltPage;
  let browser: Browser;
  let server: StaticServer;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
    server = await serveFolder(built.folder);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.remove();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`breaks no rule of axe-core, ${colorScheme}: contrast, names, roles, order`, async () => {
      const { context, page } = await visit(browser, server.url, { colorScheme });
      await page.waitForSelector('#distance:not([disabled])');
      assert.deepEqual(await violations(page), []);
      await page.getByRole('button', { name: 'Run the 1 500 test digits' }).click();
      await page.waitForSelector('#batch-summary');
      await page.getByText('Invariant model: the bound of each layer').click();
      assert.deepEqual(await violations(page), []);
      await context.close();
    });
  }

  it('says the answer aloud once drawing rests, politely', async () => {
    const { context, page } = await visit(browser, server.url);
    const spoken = page.locator('[aria-live=polite]');
    await spoken.filter({ hasText: 'Invariant model: digit' }).waitFor({ state: 'attached' });
    assert.match(
      (await spoken.textContent())!,
      /^Invariant model: digit 5–9, radius \d\.\d\d, the same in red and green\./,
    );
    assert.match(
      (await spoken.textContent())!,
      /Ordinary model \(ERM\): digit 5–9, .* another in red than in green\.$/,
    );
    await context.close();
  });

  it('can be tabbed through from the skip link to the last control, each with a visible focus', async () => {
    const { context, page } = await visit(browser, server.url);
    await page.waitForSelector('#distance:not([disabled])');
    const visited: string[] = [];
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate(() => {
        const element = document.activeElement!;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const name = element.id || element.getAttribute('aria-label') || element.textContent!.trim();
        return {
          name,
          outlined: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1,
          end: element === document.body,
        };
      });
      if (focus.end) break;
      assert.ok(focus.outlined, `${focus.name} shows no focus`);
      visited.push(focus.name);
    }
    const order = [
      'Skip to the answers',
      'pad',
      'clear',
      'open',
      'Test digit 0',
      'Test digit 9',
      'distance',
      'colouring',
    ];
    assert.deepEqual(
      order.map((name) => visited.indexOf(name)).toSorted((a, b) => a - b),
      order.map((name) => visited.indexOf(name)),
    );
    assert.ok(
      order.every((name) => visited.includes(name)),
      visited.join(', '),
    );
    await context.close();
  });
});
