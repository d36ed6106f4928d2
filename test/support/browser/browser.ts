/** Finds a real Chromium for the tests, or brings one; where none starts it fails, and says what was tried. */
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, chmod, constants, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';

/** No sandbox (it does not work for root), and nothing that calls home. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const ON_PATH = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/glean', import.meta.url));

interface Candidate {
  readonly name: string;
  readonly executable: string;
  readonly environment?: Readonly<Record<string, string>>;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(): Promise<Candidate[]> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const found: Candidate[] = [];
  for (const name of ON_PATH) {
    for (const folder of folders) {
      const executable = join(folder, name);
      if (await isExecutable(executable)) found.push({ name: executable, executable });
    }
  }
  return found;
}

async function unpackTar(archive: string, into: string): Promise<void> {
  const tar = join(into, 'archive.tar');
  await pipeline(createReadStream(archive), createBrotliDecompress(), createWriteStream(tar));
  await promisify(execFile)('tar', ['-xf', tar, '-C', into]);
  await rm(tar);
}

/**
 * The Chromium inside npm `@sparticuz/chromium`, unpacked once into node_modules/.cache. The package's own unpacking
 * writes into /tmp in place, which two test processes at a time do not survive.
 */
async function unpackBundled(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const root = entry.slice(0, entry.lastIndexOf('build'));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = join(CACHE, `chromium-${version}`);
  if (await isExecutable(join(folder, 'chromium'))) return folder;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, 'unpacking-'));
  try {
    const executable = join(draft, 'chromium');
    const packed = createReadStream(join(root, 'bin', 'chromium.br'));
    await pipeline(packed, createBrotliDecompress(), createWriteStream(executable));
    await unpackTar(join(root, 'bin', 'al2023.tar.br'), draft);
    await unpackTar(join(root, 'bin', 'fonts.tar.br'), draft);
    // The package's own names folders of AWS Lambda.
    const fonts = `<dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'font-cache')}</cachedir>`;
    await writeFile(join(draft, 'fonts.conf'), `<?xml version="1.0"?><fontconfig>${fonts}</fontconfig>`);
    await chmod(executable, 0o755);
    await rename(draft, folder).catch(async (error: NodeJS.ErrnoException) => {
      // Another process was first: its copy is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

/** The bundled one: as the system is; then with the libraries and the font it brings, for a system that has none. */
async function bundled(): Promise<Candidate[]> {
  const folder = await unpackBundled();
  const executable = join(folder, 'chromium');
  const libraries = [process.env['LD_LIBRARY_PATH'], join(folder, 'lib')];
  return [
    { name: '@sparticuz/chromium', executable },
    {
      name: '@sparticuz/chromium with its own libraries',
      executable,
      environment: {
        LD_LIBRARY_PATH: libraries.filter((path) => path !== undefined && path !== '').join(delimiter),
        FONTCONFIG_PATH: folder,
      },
    },
  ];
}

async function start({ executable, environment }: Candidate, extra: readonly string[]): Promise<Browser> {
  const env = { ...process.env, ...environment } as Record<string, string>;
  const browser = await chromium.launch({ executablePath: executable, args: [...ARGUMENTS, ...extra], env });
  try {
    // One that starts but cannot show a page (a font or library that is missing) is no browser.
    const page = await browser.newPage();
    await page.setContent('<p>ok</p>');
    await page.screenshot();
    await page.close();
    return browser;
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/**
 * A headless Chromium: `$CHROMIUM` and nothing else where it is set; else what is on the PATH, else the bundled one.
 *
 * @throws Error with what was tried and why each did not start
 */
export async function launchBrowser(extra: readonly string[] = []): Promise<Browser> {
  const failures: string[] = [];
  const attempt = async (candidates: readonly Candidate[]): Promise<Browser | undefined> => {
    for (const candidate of candidates) {
      try {
        return await start(candidate, extra);
      } catch (error) {
        failures.push(`${candidate.name}: ${String(error).split('\n').slice(0, 8).join('\n    ')}`);
      }
    }
    return undefined;
  };
  const asked = process.env['CHROMIUM'];
  const browser =
    asked === undefined || asked === ''
      ? ((await attempt(await onPath())) ?? (await attempt(await bundled())))
      : await attempt([{ name: `$CHROMIUM = ${asked}`, executable: asked }]);
  if (browser !== undefined) return browser;
  throw new Error(
    `no Chromium starts on this machine. Tried:\n  ${failures.join('\n  ')}\nSet CHROMIUM=/path/to/chromium.`,
  );
}
