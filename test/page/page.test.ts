/** The built page in a real browser, on a host with and without the isolation headers: what it shows is what Node computes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { buildContent } from '../../src/page/build/content.ts';
import { AREA, GREEN, paint, RED } from '../../src/page/digit/colour.ts';
import { readAll } from '../../src/train/data/dataset.ts';
import { loadColouredMnist } from '../../src/train/data/sets/coloured-mnist.ts';
import { launchBrowser } from '../support/browser/browser.ts';
import { type BuiltPage, buildPage, card, cardWhere, visit } from '../support/browser/built-page.ts';
import { type StaticServer, serveFolder } from '../support/browser/static-server.ts';

const MODELS = ['cmnist', 'cmnist-erm'] as const;
const FIRST_DIGIT = 7;

const shown = (radius: number): string => (Math.floor(radius * 1000) / 1000).toFixed(3);

describe('the page', () => {
  let built: BuiltPage;
  let browser: Browser;
  let plain: StaticServer;
  let isolated: StaticServer;
  let certifiers: readonly Certifier[];
  let firstGrey: Uint8Array;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
    [plain, isolated] = await Promise.all([serveFolder(built.folder), serveFolder(built.folder, { isolated: true })]);
    certifiers = await Promise.all(
      MODELS.map((id) => Certifier.load(fileURLToPath(new URL(`../../models/${id}/model.onnx`, import.meta.url)))),
    );
    const samples = Buffer.from((await buildContent()).samples, 'base64');
    const each = samples.length / 10;
    firstGrey = samples.subarray(FIRST_DIGIT * each, FIRST_DIGIT * each + AREA);
  });

  after(async () => {
    await browser?.close();
    await Promise.all([
      plain?.close(),
      isolated?.close(),
      built?.remove(),
      ...(certifiers ?? []).map((c) => c.dispose()),
    ]);
  });

  for (const headers of ['without', 'with'] as const) {
    it(`answers as Node does on a host ${headers} COOP and COEP headers, without a complaint`, async () => {
      const { context, page, complaints } = await visit(browser, (headers === 'with' ? isolated : plain).url);
      for (const [i, id] of MODELS.entries()) {
        const [green, red] = await certifiers[i]!.predictBatch([paint(firstGrey, GREEN), paint(firstGrey, RED)]);
        const found = await card(page, id);
        assert.equal(found.label, green!.className);
        assert.equal(found.margin.toFixed(3), shown(green!.radius));
        assert.equal(found.green, `${green!.className}, ${shown(green!.radius)}`);
        assert.equal(found.red, `${red!.className}, ${shown(red!.radius)}`);
        assert.equal(found.verdict.includes('does not'), green!.label === red!.label);
        // The smoothing certificate is never above what all of 100 000 draws would give.
        assert.ok(found.smoothed > 0 && found.smoothed < 0.457);
        assert.ok(found.smoothed <= found.margin);
        const { lipschitz } = certifiers[i]!.certificate;
        assert.ok((await page.textContent('#proof'))!.includes(`${lipschitz.upper}`));
        assert.ok((await page.textContent('#proof'))!.includes(certifiers[i]!.sha256));
      }
      assert.equal(await page.textContent('#isolated'), headers === 'with' ? 'yes' : 'no');
      assert.equal(await page.evaluate(() => crossOriginIsolated), headers === 'with');
      assert.match(
        (await page.textContent('#threads'))!,
        headers === 'with' ? /^1: .* sends the COOP/ : /^1: .* sends no COOP/,
      );
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }

  it('gives Node’s label on every test digit, and its logits within the slack', async () => {
    const { context, page } = await visit(browser, plain.url);
    await page.getByRole('button', { name: 'Run the 1 500 test digits' }).click();
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save all answers' }).click();
    const { models } = JSON.parse(await readFile(await (await saving).path(), 'utf8')) as {
      models: { sha256: string; answers: { label: number; radius: number; logits: number[]; truth: number }[] }[];
    };
    const { test } = await loadColouredMnist();
    for (const [m, certifier] of certifiers.entries()) {
      const { sha256, answers } = models[m]!;
      assert.equal(sha256, certifier.sha256);
      assert.equal(answers.length, test.size);
      const expected = await certifier.predictBatch(readAll(test));
      answers.forEach(({ label, radius, logits, truth }, i) => {
        assert.equal(truth, test.labels[i]);
        assert.equal(label, expected[i]!.label);
        const image = test.read([i]);
        const { logit, distance } = allowed(certifier, image);
        logits.forEach((y, j) => {
          assert.ok(Math.abs(y - expected[i]!.logits[j]!) <= logit, `logit ${j} of image ${i}`);
        });
        assert.ok(Math.abs(radius - expected[i]!.radius) <= distance, `radius of image ${i}`);
      });
    }
    await context.close();
  });

  it('takes a picture file as it is, and says what Node says of it', async () => {
    const { context, page, complaints } = await visit(browser, plain.url);
    const file = fileURLToPath(new URL('../../docs/images/digit-red.png', import.meta.url));
    await page.setInputFiles('#file', file);
    for (const [i, id] of MODELS.entries()) {
      const { className, radius } = await certifiers[i]!.predict(file);
      const found = await cardWhere(page, id, ({ margin }) => margin.toFixed(3) === shown(radius));
      assert.equal(found.label, className);
    }
    assert.ok(await page.isChecked('input[value="own"]'));
    // The same digit in green is what the other picture file shows.
    const green = await certifiers[0]!.predict(file.replace('red', 'green'));
    await page.check('input[value="#00ff00"]');
    await cardWhere(page, 'cmnist', ({ margin }) => margin.toFixed(3) === shown(green.radius));
    await page.setInputFiles('#file', { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
    await page.waitForSelector('#failure:not([hidden])');
    assert.match((await page.textContent('#failure'))!, /^note\.txt: found text\/plain, expected a PNG/);
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it('takes many picture files, their names for labels, and names those that are none', async () => {
    const { context, page } = await visit(browser, plain.url);
    const [red, green] = await Promise.all(
      ['red', 'green'].map((colour) => readFile(new URL(`../../docs/images/digit-${colour}.png`, import.meta.url))),
    );
    const predicted = await Promise.all(
      certifiers.map((certifier) => certifier.predictBatch([{ encoded: red! }, { encoded: green! }])),
    );
    const png = (name: string, buffer: Buffer) => ({ name, mimeType: 'image/png', buffer });
    const files = [
      png('7-a.png', red!),
      png('2.png', green!),
      png('unknown.png', green!),
      png('broken.png', red!.subarray(0, 60)),
    ];
    await page.setInputFiles('#batch input[type=file]', files);
    const summary = (await page.textContent('#batch-summary'))!;
    const truth = [1, 0];
    const shares = [...summary.matchAll(/([\d.]+) % by/g)].map(([, share]) => share);
    predicted.forEach((answers, m) => {
      // A label that nobody gave counts as right.
      const right = 1 + answers.filter(({ label }, i) => label === truth[i]).length;
      assert.equal(shares[m], ((100 * right) / 3).toFixed(1));
    });
    const message = page.locator('#batch [role=status]', { hasText: 'broken.png' });
    assert.match(
      (await message.textContent())!,
      /^1 file name does not begin with its digit .* broken\.png: found image\/png/,
    );
    await context.close();
  });

  it('is used by keyboard alone: drawing, samples, colours, slider', async () => {
    const { context, page } = await visit(browser, plain.url);
    await page.focus('#pad');
    await page.keyboard.press('Delete');
    await cardWhere(page, 'cmnist', ({ label }) => label === 'no digit yet');
    await page.keyboard.press('Space');
    for (let i = 0; i < 14; i++) await page.keyboard.press('ArrowDown');
    // An upright stroke is a one.
    await cardWhere(page, 'cmnist', ({ label }) => label === 'digit 0–4');

    await page.getByRole('button', { name: 'Test digit 7' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('input[value="#00ff00"]').focus();
    await page.keyboard.press('ArrowLeft');
    assert.ok(await page.isChecked('input[value="#ff0000"]'));
    await cardWhere(page, 'cmnist', ({ label, margin, red }) => red === `${label}, ${margin.toFixed(3)}`);

    const slider = page.getByRole('slider', { name: 'Size of the perturbation' });
    await page.waitForSelector('#distance:not([disabled])');
    await slider.focus();
    await page.keyboard.press('Home');
    const label = (await page.textContent('#distance-says strong'))!;
    const steps = Number(await slider.getAttribute('max'));
    let flipped = false;
    for (let k = 0; k <= steps; k++) {
      const says = (await slider.getAttribute('aria-valuetext'))!;
      if (says.includes('inside the certified ball')) assert.ok(says.endsWith(label), says);
      flipped ||= !says.endsWith(label);
      await page.keyboard.press('ArrowRight');
    }
    assert.ok(flipped, 'the way ends beyond the flip');
    await context.close();
  });

  it('shows that colour decides for the ordinary model, and not for the invariant one, over the test domain', async () => {
    const { context, page } = await visit(browser, plain.url);
    const shares = async (colouring: string, title: string): Promise<number[]> => {
      await page.selectOption('#colouring', colouring);
      await page.getByRole('button', { name: 'Run the 1 500 test digits' }).click();
      const summary = await page.locator('#batch-summary', { hasText: title }).textContent();
      return [...summary!.matchAll(/([\d.]+) % by/g)].map(([, share]) => Number(share));
    };
    const [asIs, swapped] = [
      await shares('test', 'as in the test domain'),
      await shares('swapped', 'in the other colour'),
    ];
    assert.ok(Math.abs(asIs[0]! - swapped[0]!) < 12, `invariant: ${asIs[0]} and ${swapped[0]}`);
    assert.ok(swapped[1]! - asIs[1]! > 60, `ordinary: ${asIs[1]} and ${swapped[1]}`);
    await context.close();
  });

  it('fits a phone, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { context, page } = await visit(browser, plain.url, { viewport: { width: 360, height: 740 }, colorScheme });
      await page.getByRole('button', { name: 'Run the 1 500 test digits' }).click();
      await page.waitForSelector('#batch-summary');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
      await context.close();
    }
  });
});

/** How far two allowed executions may be apart: twice the error of each, docs/soundness.md; and what that is in distance. */
function allowed({ model }: Certifier, image: Uint8Array): { readonly logit: number; readonly distance: number } {
  const { head, terms } = model;
  const { classes, latentSize, weights } = head;
  const pixels = Array.from(image, (byte) => byte / 255);
  const [l2, l1] = [Math.hypot(...pixels), pixels.reduce((sum, x) => sum + x, 0)];
  const at = (bound: { constant: number; l2: number; l1: number }): number =>
    bound.constant + bound.l2 * l2 + bound.l1 * l1;
  const row = (j: number): Iterable<number> => weights.subarray(j * latentSize, (j + 1) * latentSize);
  const longest = Math.max(...Array.from({ length: classes }, (_, j) => Math.hypot(...row(j))));
  const { latentError, logitError } = terms.constants;
  const logit = 2 * (longest * Math.min(...latentError.map(at)) + at(logitError));
  return { logit, distance: 2 * logit * Math.max(...terms.inverse) + 2 ** -20 };
}
