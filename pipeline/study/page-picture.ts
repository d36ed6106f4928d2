/**
 * Takes the pictures of the page's three views that README and docs/page.md show, from the page as built; or pictures of
 * another width (the whole page then) and in dark colours, to look at.
 *
 *     node --import tsx pipeline/study/page-picture.ts [FOLDER] [WIDTH] [light|dark]
 */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { launchBrowser } from '../../test/support/browser/browser.ts';
import { buildPage, visit } from '../../test/support/browser/built-page.ts';
import { outcome } from '../../test/support/browser/inspect.ts';
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

/** The search for the worst perturbation has ended when its sentence contains a number. */
const searched = (page: Page): Promise<void> => page.getByText('Nearest flip found').waitFor();

/** What is done in each view before its picture is taken, by the names of page and picture. */
const VIEWS: readonly (readonly [path: string, picture: string, (page: Page) => Promise<void>])[] = [
  [
    'index.html',
    'page-desktop.png',
    async (page) => {
      await page.check('input[value="#00ff00"]');
      await draw(page);
      await searched(page);
    },
  ],
  ['faces.html', 'page-faces.png', searched],
  [
    'inspect.html',
    'page-inspect.png',
    async (page) => {
      await page.getByRole('button', { name: 'Invariant model' }).first().click();
      if ((await outcome(page)) !== 'proven') throw new Error('the model that we ship is refused');
      await page.locator('.proof-of').waitFor();
    },
  ],
];

const [folder = 'docs/images', width = '1280', colorScheme = 'light'] = process.argv.slice(2);
const viewport = { width: Number(width), height: 1120 };
const [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
const server = await serveFolder(built.folder, { isolated: true });
try {
  for (const [path, picture, prepare] of VIEWS) {
    const options = { viewport, colorScheme: colorScheme === 'dark' ? 'dark' : 'light' } as const;
    const { context, page } = await visit(browser, server.url + path, options);
    await prepare(page);
    await page.waitForTimeout(1000);
    const taken = await page.screenshot({ fullPage: process.argv[3] !== undefined });
    await sharp(taken).png({ palette: true, effort: 10 }).toFile(join(folder, picture));
    await context.close();
  }
} finally {
  await Promise.all([browser.close(), server.close(), built.remove()]);
}
