/** Every example in the runtime's API documentation runs: in Node, and in a real browser. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser/browser.ts';
import { type StaticServer, serveFolder } from '../support/browser/static-server.ts';
import { runProgram, SHIPPED_MODEL } from '../support/command/glean.ts';
import { buildRuntime } from '../support/command/packed-runtime.ts';

const SOURCES = 'src/certify-runtime';

/** The code of each `@example` in a file. */
async function examplesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/@example\n((?:\s*\*[^\n/]*(?:\/[^\n]*)?\n)+?)\s*\*\s+```\n/g)].map(([, block]) =>
    block!
      .replaceAll(/^\s*\* ?/gm, '')
      .replace(/^```ts\n/, '')
      .trimEnd(),
  );
}

const files = (await readdir(SOURCES, { recursive: true }))
  .filter((name) => name.endsWith('.ts') && !name.startsWith('dist/'))
  .map((name) => join(SOURCES, name));
const examples = (
  await Promise.all(files.map(async (file) => (await examplesOf(file)).map((code) => ({ file, code }))))
).flat();
const written = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('').split('@example').length - 1;

describe('examples of the API', () => {
  let browser: Browser;
  let folder: string;
  let server: StaticServer;
  before(async () => {
    await buildRuntime();
    browser = await launchBrowser();
    folder = await mkdtemp(join(tmpdir(), 'glean-example-'));
    const wasm = 'node_modules/onnxruntime-web/dist/';
    for (const name of ['ort-wasm-simd-threaded.wasm', 'ort-wasm-simd-threaded.mjs']) {
      await copyFile(wasm + name, join(folder, name));
    }
    await copyFile(SHIPPED_MODEL, join(folder, 'model.onnx'));
    await writeFile(
      join(folder, 'index.html'),
      '<!doctype html><canvas width="28" height="28"></canvas><script type="module" src="example.js"></script>',
    );
    server = await serveFolder(folder, { isolated: true });
  });
  after(async () => {
    await browser.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('are all found', () => {
    assert.ok(written >= 2);
    assert.equal(examples.length, written);
  });

  for (const { file, code } of examples.filter(({ code }) => code.includes("'glean-certify/node'"))) {
    it(`${file}: in Node`, async () => {
      const result = await runProgram(process.execPath, ['--input-type=module', '-e', code]);
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stdout, /digit 5–9: holds within an l2 distance of \d\.\d\d/);
    });
  }

  for (const { file, code } of examples.filter(({ code }) => code.includes("'glean-certify/web'"))) {
    it(`${file}: in a browser, in a bundle that could have threads`, async () => {
      await build({
        stdin: {
          contents: `import { env } from 'onnxruntime-web/wasm';
env.wasm.wasmPaths = new URL('./', location.href).href;
${code}
document.title = JSON.stringify({ className, radius, threads: env.wasm.numThreads });`,
          loader: 'ts',
          resolveDir: process.cwd(),
        },
        bundle: true,
        format: 'esm',
        target: 'es2022',
        outfile: join(folder, 'example.js'),
        logLevel: 'error',
      });
      const page = await browser.newPage();
      await page.addInitScript(() => Object.defineProperty(navigator, 'hardwareConcurrency', { value: 8 }));
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.goto(server.url);
      await page
        .waitForFunction(() => document.title !== '', undefined, { timeout: 30_000 })
        .catch((error) => {
          throw new Error(`${error}\n${errors.join('\n')}`);
        });
      assert.ok(await page.evaluate(() => crossOriginIsolated));
      const { className, radius, threads } = JSON.parse(await page.title()) as Record<string, unknown>;
      assert.equal(threads, 1);
      assert.match(String(className), /^digit/);
      assert.ok(Number(radius) >= 0);
      await page.close();
    });
  }
});
