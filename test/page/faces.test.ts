/** The view of the faces: the drawing, and what a model says of it; without a model it says that there is none. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { rightOf, verdictOf } from '../../src/page/faces/card.ts';
import { drawFace } from '../../src/page/faces/draw.ts';
import { violations } from '../support/browser/axe.ts';
import { launchBrowser } from '../support/browser/browser.ts';
import { type BuiltPage, buildPage, visit } from '../support/browser/built-page.ts';
import { type StaticServer, serveFolder } from '../support/browser/static-server.ts';

describe('the faces', () => {
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

  it('are drawn with the hair and the mouth that are asked for, and change in nothing else', () => {
    for (let number = 0; number < 8; number++) {
      const [dark, blue, smiling] = [
        drawFace({ number, smiling: false, hair: '0e0e0e' }),
        drawFace({ number, smiling: false, hair: '3b6cff' }),
        drawFace({ number, smiling: true, hair: '0e0e0e' }),
      ];
      assert.ok(blue.includes('3b6cff') && !dark.includes('3b6cff'));
      assert.equal(blue.replaceAll('3b6cff', '0e0e0e'), dark, 'the hair alone');
      assert.notEqual(smiling, dark);
    }
  });

  it('tell whether a label goes with the hair or with the smile', () => {
    const variants = (label: (hair: string, smiling: boolean) => number) =>
      ['a', 'b'].flatMap((hair) =>
        [true, false].map((smiling) => ({
          hair,
          name: hair,
          smiling,
          answer: { label: label(hair, smiling), className: '', radius: 1, logits: new Float32Array(2) },
        })),
      );
    const verdict = (label: (hair: string, smiling: boolean) => number): string => verdictOf(variants(label)).text;
    assert.equal(
      verdict((_, smiling) => Number(smiling)),
      'The label follows the smile, whatever the hair',
    );
    assert.equal(
      verdict((hair) => Number(hair === 'a')),
      'The label follows the hair',
    );
    assert.equal(
      verdict((hair, smiling) => Number(hair === 'a' && smiling)),
      'The label follows the hair and the smile',
    );
    assert.equal(
      verdict(() => 0),
      'Neither hair nor smile changes the label',
    );
  });

  it('tell for how many a label is right', () => {
    const faces = [true, true, false].map((smiling) => ({ smiling, name: 'a', hair: 'a' }));
    const labelled = (names: readonly string[]) =>
      faces.map((one, i) => ({
        ...one,
        answer: { label: 0, className: names[i]!, radius: 1, logits: new Float32Array(2) },
      }));
    assert.equal(rightOf(labelled(['smiling', 'smiling', 'not smiling'])), 3);
    assert.equal(rightOf(labelled(['not smiling', 'smiling', 'smiling'])), 1);
  });

  it('are labelled by the models that were built in, and break no rule of axe-core', async () => {
    const { context, page, complaints } = await visit(browser, `${server.url}faces.html`);
    for (const model of ['avatars', 'avatars-erm']) {
      const card = page.locator(`[data-model=${model}]`);
      await card.locator('.variants [data-label]').first().waitFor();
      assert.equal(await card.locator('.variants tbody [data-label]').count(), 8);
      assert.match((await card.locator('.label').textContent())!, /^(not )?smiling$/);
      assert.match((await card.locator('.verdict').textContent())!, /\. Right for [0-8] of 8\.$/);
      // Nothing is hidden behind a scroll bar where both cards stand side by side.
      const widths = await card.locator('.scroll').evaluate((box) => [box.scrollWidth, box.clientWidth]);
      assert.equal(widths[0], widths[1]);
    }
    const before = await page.getAttribute('#face', 'src');
    await page.locator('#hair input[value="0e0e0e"]').focus();
    await page.keyboard.press('Space');
    await page.waitForFunction((src) => document.querySelector('#face')!.getAttribute('src') !== src, before);
    await page.locator('#distance:not([disabled])').waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(complaints, []);
    await context.close();
  });
});
