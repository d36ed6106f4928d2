/** The page for anybody's model, as tests use it: open a model, read what is said of it, save what it offers. */
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Certificate } from '../../../src/certify-runtime/trusted/file/claims.ts';
import type { Explanation } from '../../../src/evaluate/explain/explain.ts';
import { type Visit, visit } from './built-page.ts';

type Place = 0 | 1;

/** @param query what stands behind the address, as `?model=…` */
export function visitInspect(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  query = '',
): Promise<Visit> {
  return visit(browser, `${url}inspect.html${query}`, options);
}

const slot = (place: Place): string => `[data-slot="${place}"]`;

/** A file by its path, or its name and bytes. */
type Given = string | { readonly name: string; readonly buffer: Buffer };

const asInput = (given: Given) =>
  typeof given === 'string' ? given : { mimeType: 'application/octet-stream', ...given };

/** Hands a file to the input behind the button; does not wait for what comes of it. */
export async function giveModel(page: Page, given: Given, place: Place = 0): Promise<void> {
  await page.setInputFiles(`${slot(place)} input[aria-label=Model]`, asInput(given));
}

/** Waits until a model was proven or refused; gives which. */
export async function outcome(page: Page, place: Place = 0): Promise<'proven' | 'refused'> {
  const ended = page.locator(`${slot(place)}[data-state=proven], ${slot(place)}[data-state=refused]`);
  await ended.waitFor();
  return (await ended.getAttribute('data-state')) as 'proven' | 'refused';
}

export async function openModel(page: Page, given: Given, place: Place = 0): Promise<'proven' | 'refused'> {
  await giveModel(page, given, place);
  return outcome(page, place);
}

/** What a place says, as people read it. */
export async function says(page: Page, place: Place = 0): Promise<string> {
  return page.innerText(slot(place));
}

/** The refusal as the command words it. */
export async function refusal(page: Page, place: Place = 0): Promise<string> {
  return (await page.textContent(`${slot(place)} .refusal .said, ${slot(place)} .notice`))!;
}

/** Presses a button and reads the file that it saves. */
export async function saved(page: Page, button: string): Promise<Buffer> {
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).first().click();
  return readFile(await (await saving).path());
}

interface SavedProof {
  readonly lipschitz: number;
  readonly explanation: Explanation;
  readonly certificate: Certificate;
}

export async function savedProof(page: Page): Promise<SavedProof> {
  return JSON.parse((await saved(page, 'Save as JSON')).toString()) as SavedProof;
}

export interface SavedAnswers {
  readonly models: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly answers: readonly {
      readonly file: string;
      readonly domain: string | null;
      readonly truth: number | null;
      readonly label: number;
      readonly className: string;
      readonly radius: number;
      readonly logits: readonly number[];
      readonly problem?: string;
    }[];
  }[];
}

/** Hands pictures to the page, or a folder of them, and waits for the answers of every model that is open. */
export async function givePictures(page: Page, given: readonly Given[] | string): Promise<void> {
  const input = typeof given === 'string' ? 'Folder of pictures' : 'Pictures';
  const files = typeof given === 'string' ? given : given.map(asInput);
  await page.setInputFiles(`#pictures-body input[aria-label="${input}"]`, files as string);
  await page.locator('#pictures-body .tile').first().waitFor();
  await page.locator('#pictures-body progress').waitFor({ state: 'hidden' });
}

export async function savedAnswers(page: Page): Promise<SavedAnswers> {
  return JSON.parse((await saved(page, 'Save JSON')).toString()) as SavedAnswers;
}
