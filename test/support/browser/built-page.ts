/** The page as `make web` builds it, in a temporary folder; and what tests do with it in a browser. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { build } from 'vite';

export interface BuiltPage {
  readonly folder: string;
  remove(): Promise<void>;
}

/** @param models another folder of models than the project's */
export async function buildPage(models?: string): Promise<BuiltPage> {
  const folder = await mkdtemp(join(tmpdir(), 'glean-page-'));
  if (models !== undefined) process.env['GLEAN_PAGE_MODELS'] = models;
  try {
    await build({
      configFile: fileURLToPath(new URL('../../../src/page/vite.config.ts', import.meta.url)),
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true },
    });
  } finally {
    delete process.env['GLEAN_PAGE_MODELS'];
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Console errors and warnings, uncaught exceptions. */
  readonly complaints: readonly string[];
}

/** Opens the page in a profile of its own, and waits for what `until` names. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  until: 'ready' | 'failed' = 'ready',
): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await waitFor(page, until);
  return { context, page, complaints };
}

/** Waits until the page has answered, or given up. */
export async function waitFor(page: Page, state: 'ready' | 'failed'): Promise<void> {
  await page.waitForSelector('#status[data-state=ready], #status[data-state=failed]');
  const found = await page.getAttribute('#status', 'data-state');
  const failure = await page.textContent('#failure');
  assert.equal(found, state, failure ?? '');
}

export interface CardText {
  readonly label: string;
  readonly margin: number;
  readonly smoothed: number;
  readonly red: string;
  readonly green: string;
  readonly verdict: string;
}

/** What the card of a model says. */
export async function card(page: Page, id: string): Promise<CardText> {
  const root = page.locator(`[data-model="${id}"]`);
  const texts = async (selector: string): Promise<string[]> => root.locator(selector).allTextContents();
  const [margin, smoothed] = await texts('.radius');
  const [red, green] = await texts('.recoloured li > span > span:last-child');
  const [[label], [verdict]] = [await texts('.label'), await texts('.verdict')];
  return {
    label: label!,
    margin: Number(margin),
    smoothed: Number(smoothed),
    red: red!,
    green: green!,
    verdict: verdict!,
  };
}

/** Waits until the card of a model says something that `wanted` accepts. */
export async function cardWhere(page: Page, id: string, wanted: (text: CardText) => boolean): Promise<CardText> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await card(page, id);
    if (wanted(found)) return found;
    await page.waitForTimeout(25);
  }
  assert.fail(`the card of ${id} still says ${JSON.stringify(await card(page, id))}`);
}
