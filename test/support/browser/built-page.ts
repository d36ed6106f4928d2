/** The page as `make web` builds it, in a temporary folder; and what tests do with it in a browser. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { build } from 'vite';

export interface BuiltPage {
  readonly folder: string;
  remove(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/glean');
/** What the page is built from, besides packages. */
const SOURCES = ['page', 'certify-runtime', 'evaluate', 'export', 'files', 'train/data'].map((room) => `src/${room}`);

async function buildInto(folder: string): Promise<void> {
  await build({
    configFile: join(ROOT, 'src/page/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
}

/** A digest of everything that the build reads: sources, models, and the versions of the packages. */
async function sourcesDigest(): Promise<string> {
  const listed = await Promise.all(
    [...SOURCES, 'models'].map((top) => readdir(join(ROOT, top), { recursive: true, withFileTypes: true })),
  );
  const files = listed
    .flat()
    .filter((entry) => entry.isFile() && !/[\\/](dist|node_modules)([\\/]|$)/.test(entry.parentPath))
    .map(({ parentPath, name }) => join(parentPath, name));
  const hash = createHash('sha256');
  for (const file of [...files.sort(), join(ROOT, 'package-lock.json')]) hash.update(file).update(await readFile(file));
  return hash.digest('hex').slice(0, 20);
}

/** The page of the sources as they are, which the first test that asks builds for all others. */
async function cachedPage(): Promise<string> {
  const folder = join(CACHE, `page-${await sourcesDigest()}`);
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  if (exists) return folder;
  await mkdir(CACHE, { recursive: true });
  const former = (await readdir(CACHE)).filter((name) => /^page-[0-9a-f]+$/.test(name));
  const draft = await mkdtemp(join(CACHE, 'building-'));
  try {
    await buildInto(draft);
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      // Another process was first: its page is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  for (const name of former) await rm(join(CACHE, name), { recursive: true, force: true });
  return folder;
}

/** @param models another folder of models than the project's */
export async function buildPage(models?: string): Promise<BuiltPage> {
  const folder = await mkdtemp(join(tmpdir(), 'glean-page-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    if (models === undefined) await cp(await cachedPage(), folder, { recursive: true });
    else {
      process.env['GLEAN_PAGE_MODELS'] = models;
      await buildInto(folder);
    }
  } catch (error) {
    await remove();
    throw error;
  } finally {
    delete process.env['GLEAN_PAGE_MODELS'];
  }
  return { folder, remove };
}

/** Proving takes long on a machine that does other things too; what hangs is ended by whoever runs the tests. */
const PATIENCE = 600_000;

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
  context.setDefaultTimeout(PATIENCE);
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
