/** A visit to an example's page, and what it asked for, with every other host out of reach. */
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../browser/browser.ts';

/** No name leads anywhere but that of this machine. */
export const launchOffline = (): Promise<Browser> =>
  launchBrowser(['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1']);

export interface Answer {
  readonly className: string;
  /** As it is shown. */
  readonly radius: string;
}

/** The label and the radius that an example shows. */
export function readAnswer(text: string): Answer {
  const [, className, radius] = /^(.+), certified to ℓ2 radius (\d+\.\d+)$/.exec(text) ?? [];
  if (className === undefined || radius === undefined) throw new Error(`no label and no radius: ${text}`);
  return { className, radius };
}

export interface VisitedExample {
  /** One for each picture. */
  readonly answers: readonly Answer[];
  /** The addresses that page and workers asked for, in order. */
  readonly requests: readonly string[];
  /** Errors, and what the console warned of. */
  readonly complaints: readonly string[];
}

/** Opens the page, hands it pictures one after the other, and reads what it says of them. */
export async function visitExample(
  browser: Browser,
  url: string,
  pictures: readonly string[],
): Promise<VisitedExample> {
  const context = await browser.newContext();
  try {
    const requests: string[] = [];
    const complaints: string[] = [];
    context.on('request', (request) => requests.push(request.url()));
    context.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    context.on('weberror', (error) => complaints.push(String(error.error())));
    const page = await context.newPage();
    await page.goto(url);
    /** What the page says next, once it says something else. */
    const after = async (said: string): Promise<string> => {
      const changed = (before: string) => {
        const text = document.querySelector('output')?.textContent ?? '';
        return text !== '' && text !== 'loading' && text !== before ? text : false;
      };
      const handle = await page.waitForFunction(changed, said, { timeout: 120_000 }).catch((error: unknown) => {
        throw new Error(`${url} still says "${said}": ${error}\n${complaints.join('\n')}\n${requests.join('\n')}`);
      });
      return (await handle.jsonValue()) as string;
    };
    let said = await after('');
    if (said !== 'ready') throw new Error(`${url} says "${said}", expected "ready"\n${complaints.join('\n')}`);
    const answers: Answer[] = [];
    for (const picture of pictures) {
      await page.setInputFiles('input[type=file]', picture);
      said = await after(said);
      answers.push(readAnswer(said));
    }
    return { answers, requests, complaints };
  } finally {
    await context.close();
  }
}
