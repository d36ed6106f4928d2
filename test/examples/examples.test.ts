/** Every example installs, builds and runs from the packed tarball, and answers as Node's certifier does. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { Certifier, type Prediction } from '../../src/certify-runtime/node.ts';
import { serveFolder } from '../support/browser/static-server.ts';
import { runProgram, SHIPPED_MODEL } from '../support/command/glean.ts';
import { buildHook, type HookPage } from '../support/examples/hook.ts';
import { installExamples } from '../support/examples/install.ts';
import { serveScript } from '../support/examples/serve.ts';
import { type Answer, launchOffline, readAnswer, visitExample } from '../support/examples/visit.ts';

const PICTURES = ['digit-green.png', 'digit-red.png'].map((name) => resolve('docs/images', name));

/** A Next.js server listens on every address, and on one port, unless it is told otherwise. */
const NEXT = ['--hostname', '127.0.0.1', '--port', '0'];

/** Pages, with the folder of their bundles where they have some, and the scripts that serve them. */
const PAGES: Readonly<Record<string, { readonly built?: string; readonly serve: readonly string[] }>> = {
  vite: { built: 'dist', serve: ['start', 'dev'] },
  webpack: { built: 'dist', serve: ['start'] },
  esbuild: { built: 'dist', serve: ['start'] },
  next: { built: '.next/static', serve: ['start', 'dev'] },
  'import-map': { serve: ['start'] },
  'web-worker': { built: 'dist', serve: ['start', 'dev'] },
  'service-worker': { built: 'dist', serve: ['start'] },
};

/** What no bundle for a page may have: imports of Node's modules, what only the entry for Node imports, what it holds. */
const NODE_ONLY = /(?:from|import|import\()\s*["'`]node:|onnxruntime-node|NVIDIA_TF32_OVERRIDE|browser-external/;

/** The 4 decimals that an example shows. */
const shown = (radius: number): string => String(Math.floor(radius * 1e4) / 1e4);

describe('examples', () => {
  let folder: string;
  let browser: Browser;
  let expected: readonly Prediction[];
  let env: NodeJS.ProcessEnv;

  before(async () => {
    [folder, browser] = await Promise.all([installExamples(), launchOffline()]);
    env = {
      ...process.env,
      NO_COLOR: '1',
      NEXT_TELEMETRY_DISABLED: '1',
      // Next.js and Deno keep things between runs.
      XDG_CONFIG_HOME: join(folder, 'config'),
      DENO_DIR: join(folder, 'deno-cache'),
    };
    const certifier = await Certifier.load(SHIPPED_MODEL);
    expected = await Promise.all(PICTURES.map((picture) => certifier.predict(picture)));
    await certifier.dispose();
  });
  after(async () => {
    await browser?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** WebAssembly sums in another order than the native library does, which the last digit may show. */
  function compare(answers: readonly Answer[]): void {
    assert.deepEqual(
      answers.map(({ className }) => className),
      expected.map(({ className }) => className),
    );
    for (const [i, { radius }] of answers.entries()) {
      const units = Math.round(Number(radius) * 1e4) - Math.floor(expected[i]!.radius * 1e4);
      assert.ok(Math.abs(units) <= 1, `radius ${radius}, in Node ${expected[i]!.radius}`);
    }
  }

  /** Runs a program to its end, `bin` being the first folder of PATH. */
  async function run(name: string, program: string, args: readonly string[], bin?: string): Promise<string> {
    const path = bin === undefined ? env['PATH'] : [join(folder, 'node_modules', bin), env['PATH']].join(delimiter);
    const { code, stdout, stderr } = await runProgram(program, args, join(folder, name), { ...env, PATH: path });
    const text = `${stdout}\n${stderr}`;
    assert.equal(code, 0, text);
    assert.doesNotMatch(text, /warn/i);
    return stdout;
  }

  /** Holds the line that an example prints of each picture against Node's certifier, digit by digit. */
  function compareLines(stdout: string): void {
    const lines = stdout.split('\n').filter((line) => line.startsWith(PICTURES[0]!.slice(0, 1)));
    assert.deepEqual(
      lines.map((line, i) => readAnswer(line.slice(`${PICTURES[i]}: `.length))),
      expected.map(({ className, radius }) => ({ className, radius: shown(radius) })),
    );
  }

  for (const name of ['node-esm', 'node-cjs']) {
    it(`${name}: runs`, async () => {
      compareLines(await run(name, 'npm', ['start', '--', ...PICTURES]));
      const bin = `node-22-${process.arch}/bin`;
      assert.match(await run(name, 'node', ['--version'], bin), /^v22\./);
      compareLines(await run(name, 'npm', ['start', '--', ...PICTURES], bin));
    });
  }

  it('bun: runs', async () => {
    const bin = `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : process.arch}/bin`;
    compareLines(await run('bun', 'bun', ['run', 'start', ...PICTURES], bin));
  });

  it('deno: runs', async () => {
    const bin = `@deno/linux-${process.arch}-glibc`;
    compareLines(await run('deno', 'deno', ['task', 'start', ...PICTURES], bin));
  });

  it('types: compile, the libraries with them, with the TypeScript of the example and with ours', async () => {
    await run('types', 'npm', ['run', 'build']);
    for (const config of ['bundler', 'node16', 'nodenext']) {
      await run('types', process.execPath, [
        resolve('node_modules/typescript/bin/tsc'),
        '-p',
        `tsconfig.${config}.json`,
      ]);
    }
  });

  for (const [name, { built, serve }] of Object.entries(PAGES)) {
    it(`${name}: builds without a warning, and runs with no other host, fetching its WebAssembly once`, async () => {
      await run(name, 'npm', ['run', 'build']);
      if (built !== undefined) {
        const output = join(folder, name, built);
        const scripts = (await readdir(output, { recursive: true })).filter((file) => /\.m?js$/.test(file));
        assert.ok(scripts.length > 0);
        for (const file of scripts) {
          const found = NODE_ONLY.exec(await readFile(join(output, file), 'utf8'));
          assert.equal(found, null, `${file}: ${found?.[0]}`);
        }
      }
      for (const script of serve) {
        const served = await serveScript(join(folder, name), script, name === 'next' ? NEXT : [], env);
        try {
          const { answers, requests, complaints } = await visitExample(browser, served.url, PICTURES);
          compare(answers);
          assert.deepEqual(complaints, []);
          assert.deepEqual(
            requests.filter((url) => !url.startsWith(served.url)),
            [],
          );
          for (const kind of ['.wasm', '.onnx']) {
            assert.equal(requests.filter((url) => url.endsWith(kind)).length, 1, `${kind}: ${requests.join('\n')}`);
          }
        } finally {
          await served.close();
        }
      }
    });
  }

  it('next: the hook leaves one certifier behind where React mounts twice, and none after it', async () => {
    const site = join(folder, 'hook');
    await mkdir(site);
    await buildHook(folder, site);
    await copyFile(SHIPPED_MODEL, join(site, 'model.onnx'));
    await copyFile('models/avatars/model.onnx', join(site, 'other.onnx'));
    await writeFile(join(site, 'index.html'), '<!doctype html><script type="module" src="hook.js"></script>');
    const server = await serveFolder(site);
    const page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    const hook = await page.goto(server.url).then(async () => {
      await page.waitForFunction(() => document.title === 'ready');
      return page.evaluateHandle(() => (globalThis as unknown as { hook: HookPage }).hook);
    });
    try {
      const until = (status: string, more: number) =>
        page.waitForFunction(
          ([page, status, more]) => page.certifiers.length >= more && page.states.at(-1)?.status === status,
          [hook, status, more] as const,
        );
      const answering = () => hook.evaluate((page) => page.answering());
      const render = (url: string) => hook.evaluate((page, address) => page.render(address), url);

      await render('model.onnx');
      await until('ready', 1);
      assert.equal(await hook.evaluate((page) => page.mounts), 2, 'React mounts twice');
      assert.equal((await answering()).filter(Boolean).length, 1);

      await render('other.onnx');
      await until('ready', 2);
      assert.deepEqual((await answering()).filter(Boolean).length, 1);
      assert.equal((await answering()).at(-1), true, 'the new one');

      await render('nowhere.onnx');
      await until('error', 2);
      assert.match(await hook.evaluate((page) => page.states.at(-1)!.error!.message), /nowhere\.onnx: answered 404/);
      assert.deepEqual((await answering()).filter(Boolean), []);
      await hook.evaluate((page) => page.unmount());

      const before = (await answering()).length;
      await hook.evaluate((page) => {
        page.unmountDuringLoad = true;
      });
      await render('model.onnx');
      await page.waitForFunction(([page, count]) => page.certifiers.length > count, [hook, before] as const);
      assert.deepEqual((await answering()).filter(Boolean), [], 'it was unmounted before it was loaded');
    } finally {
      await page.close();
      await server.close();
    }
  });
});
