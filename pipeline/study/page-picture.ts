/**
 * Takes the screenshot of the page that README and docs/page.md show: the page as built, with a 3 drawn in green.
 *
 *     node --import tsx pipeline/study/page-picture.ts [FILE]
 */
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { launchBrowser } from '../../test/support/browser/browser.ts';
import { buildPage, visit } from '../../test/support/browser/built-page.ts';
import { serveFolder } from '../../test/support/browser/static-server.ts';

/** Corners of the drawn digit, as shares of the pad. */
const STROKE = [
  [0.33, 0.27],
  [0.39, 0.16],
  [0.53, 0.12],
  [0.66, 0.2],
  [0.66, 0.33],
  [0.56, 0.45],
  [0.47, 0.47],
  [0.6, 0.52],
  [0.71, 0.62],
  [0.69, 0.78],
  [0.56, 0.88],
  [0.43, 0.88],
  [0.32, 0.75],
] as const;

async function draw(page: Page): Promise<void> {
  await page.click('#clear');
  const pad = (await page.locator('#ink').boundingBox())!;
  const points = STROKE.map(([x, y]) => [pad.x + x * pad.width, pad.y + y * pad.height] as const);
  await page.mouse.move(...points[0]!);
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...point, { steps: 4 });
  await page.mouse.up();
}

const file = process.argv[2] ?? 'docs/images/page-desktop.png';
const [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
const server = await serveFolder(built.folder, { isolated: true });
try {
  const { page } = await visit(browser, server.url, { viewport: { width: 1280, height: 1120 } });
  await page.check('input[value="#00ff00"]');
  await draw(page);
  // The search for the worst perturbation has ended when its sentence contains a number.
  await page.getByText('Nearest flip found').waitFor();
  await page.waitForTimeout(1000);
  await sharp(await page.screenshot())
    .png({ palette: true, effort: 10 })
    .toFile(file);
} finally {
  await Promise.all([browser.close(), server.close(), built.remove()]);
}
