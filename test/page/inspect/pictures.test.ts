/** Pictures in the page for anybody's model: a folder, two models side by side, one picture, the camera; for everybody. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import { violations } from '../../support/browser/axe.ts';
import { launchBrowser } from '../../support/browser/browser.ts';
import { type BuiltPage, buildPage } from '../../support/browser/built-page.ts';
import { givePictures, openModel, saved, savedAnswers, visitInspect } from '../../support/browser/inspect.ts';
import { type StaticServer, serveFolder } from '../../support/browser/static-server.ts';

const model = (id: string): string => fileURLToPath(new URL(`../../../models/${id}/model.onnx`, import.meta.url));

/** A camera that shows a test picture, and needs nobody's permission. */
const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** Pictures of one colour each, as DOMAIN/CLASS, by their paths. */
const PICTURES: Readonly<Record<string, readonly [number, number, number]>> = {
  'night/digit 0–4/a.png': [10, 10, 10],
  'night/digit 5–9/b.png': [90, 20, 20],
  'day/digit 0–4/c.png': [20, 200, 20],
  'day/digit 5–9/d.png': [240, 240, 240],
  'day/other/e.png': [0, 0, 250],
};

describe('pictures in the page for anybody’s model', () => {
  let built: BuiltPage;
  let browser: Browser;
  let server: StaticServer;
  let folder: string;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser(CAMERA)]);
    server = await serveFolder(built.folder);
    folder = await mkdtemp(join(tmpdir(), 'glean-pictures-'));
    for (const [path, [r, g, b]] of Object.entries(PICTURES)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      const picture = sharp({ create: { width: 28, height: 28, channels: 3, background: { r, g, b } } });
      await writeFile(join(folder, path), await picture.png().toBuffer());
    }
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('of a folder are labelled by two models, sorted, charted and saved', async () => {
    const { context, page, complaints } = await visitInspect(browser, server.url);
    assert.equal(await openModel(page, model('cmnist')), 'proven');
    assert.equal(await openModel(page, model('cmnist-erm'), 1), 'proven');
    await givePictures(page, folder);
    const paths = Object.keys(PICTURES);
    const { models } = await savedAnswers(page);
    assert.equal(models.length, 2);
    for (const [m, id] of ['cmnist', 'cmnist-erm'].entries()) {
      const certifier = await Certifier.load(model(id), { secondOpinion: false });
      const { answers } = models[m]!;
      assert.equal(answers.length, paths.length);
      for (const { file, domain, truth, label } of answers) {
        const path = paths.find((each) => file.endsWith(each))!;
        const [place, name] = path.split('/') as [string, string];
        assert.equal(domain, place);
        const named = certifier.certificate.classes.indexOf(name);
        assert.equal(truth, named < 0 ? null : named);
        assert.equal(label, (await certifier.predict(join(folder, path))).label, path);
      }
      await certifier.dispose();
    }
    // The least certain first, by the first model.
    const radii = await page
      .locator('.tile')
      .evaluateAll((tiles) => tiles.map((tile) => Number(tile.querySelector('.tile-radius')!.textContent)));
    assert.deepEqual(
      radii,
      [...radii].sort((a, b) => a - b),
    );
    await page.selectOption('#order', 'most');
    const names = await page.locator('.tile-name').allTextContents();
    const surest = models[0]!.answers.reduce((a, b) => (b.radius > a.radius ? b : a));
    assert.equal(names[0], surest.file.split('/').at(-1));
    const table = await page.innerText('#pictures-body table');
    for (const row of ['day, model.onnx', 'night, model.onnx']) assert.ok(table.includes(row), table);
    const csv = (await saved(page, 'Save CSV')).toString().trim().split('\r\n');
    assert.equal(csv[0], 'file,domain,folder,truth_1,label_1,radius_1,problem_1,truth_2,label_2,radius_2,problem_2');
    assert.equal(csv.length, 1 + paths.length);

    // One picture: both models say what it is, and the search finds no flip inside the ball.
    await page.locator('.tile').last().click();
    await page.locator('.answer-of').nth(1).waitFor();
    const slider = page.locator('#distance:not([disabled])');
    await slider.waitFor();
    await slider.focus();
    await page.keyboard.press('Home');
    const first = (await page.textContent('#distance-says strong'))!;
    for (let k = 0; k <= Number(await slider.getAttribute('max')); k++) {
      const text = (await slider.getAttribute('aria-valuetext'))!;
      if (text.includes(', inside the certified ball')) assert.ok(text.endsWith(first), text);
      await page.keyboard.press('ArrowRight');
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('of a camera are labelled live, and kept when asked', async () => {
    const { context, page, complaints } = await visitInspect(browser, server.url);
    assert.equal(await openModel(page, model('cmnist')), 'proven');
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await page.locator('.reading .radius', { hasText: /^r = \d+\.\d{3}$/ }).waitFor();
    await page.getByRole('button', { name: 'Take this picture' }).click();
    await page.locator('.answer-of .radius', { hasText: /^r = \d+\.\d{3}$/ }).waitFor();
    await page.getByRole('button', { name: 'Stop the camera' }).click();
    await page.locator('.live').waitFor({ state: 'hidden' });
    assert.deepEqual(complaints, []);
    await context.close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`break no rule of axe-core and fit a phone, ${colorScheme}`, async () => {
      const viewport = { width: 360, height: 740 };
      const { context, page } = await visitInspect(browser, server.url, { colorScheme, viewport });
      assert.deepEqual(await violations(page), []);
      assert.equal(await openModel(page, model('cmnist')), 'proven');
      await givePictures(page, folder);
      await page.locator('.tile').first().click();
      await page.locator('#distance:not([disabled])').waitFor();
      for (const details of await page.locator('details:visible').all()) {
        await details.evaluate((element) => element.setAttribute('open', ''));
      }
      assert.deepEqual(await violations(page), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
      const refused = fileURLToPath(new URL('../../fixtures/byo/refused-lstm.onnx', import.meta.url));
      assert.equal(await openModel(page, refused), 'refused');
      assert.deepEqual(await violations(page), []);
      await context.close();
    });
  }

  it('are reached by keyboard alone, in the order of the page', async () => {
    const { context, page } = await visitInspect(browser, server.url);
    assert.equal(await openModel(page, model('cmnist')), 'proven');
    await givePictures(page, folder);
    await page.locator('.tile').first().focus();
    await page.keyboard.press('Enter');
    await page.locator('#distance:not([disabled])').waitFor();
    // From the top of the page on: the first thing that Tab reaches there is the skip link.
    await page.locator('.skip').focus();
    const visited = ['Skip to the model'];
    for (let i = 0; i < 120; i++) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate(() => {
        const element = document.activeElement!;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return {
          name: (element.id || element.getAttribute('aria-label') || element.textContent!).trim(),
          outlined: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1,
          end: element === document.body,
        };
      });
      if (focus.end) break;
      assert.ok(focus.outlined, `${focus.name} shows no focus`);
      visited.push(focus.name);
    }
    const order = [
      'Skip to the model',
      'Open a model…',
      'Public key and .sig…',
      'Save as JSON',
      'Open a folder…',
      'order',
      'distance',
      'Start the camera',
    ];
    const found = order.map((name) => visited.indexOf(name));
    assert.ok(!found.includes(-1), visited.join(', '));
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    );
    await context.close();
  });
});
