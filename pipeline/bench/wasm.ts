/** What the browser costs: WASM with one thread in a real Chromium against native ONNX Runtime on this machine. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { networkBytes } from '../../src/certify-runtime/run/network-bytes.ts';
import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { launchBrowser } from '../../test/support/browser/browser.ts';
import { type BenchSection, type Figure, quartiles } from './bench.ts';

const MODEL = new URL('../../models/cmnist/model.onnx', import.meta.url);
const LIMIT = { at: 'most', value: 1.6 } as const;

/** A time is the mean over the calls of a block, because browsers' clocks are too coarse for a single call. */
const BLOCK = 20;
const BLOCKS = 15;

type Contender = 'run' | 'predict';

/** The seconds that one call takes, as the median over blocks; it runs in the browser as in Node. */
async function secondsPerCall(call: () => Promise<unknown>, blocks: number, block: number): Promise<number> {
  const times: number[] = [];
  for (let b = 0; b < blocks; b++) {
    const begin = performance.now();
    for (let i = 0; i < block; i++) await call();
    times.push((performance.now() - begin) / block / 1000);
  }
  times.sort((x, y) => x - y);
  return times[Math.floor(times.length / 2)]!;
}

/**
 * The browser's half: the certifier and a plain session of the same network, on one thread; this file calls `measure`.
 */
const IN_BROWSER = `
  import * as ort from 'onnxruntime-web/wasm';
  import { Certifier } from './src/certify-runtime/web.ts';

  const secondsPerCall = ${secondsPerCall.toString()};

  export async function prepare(image) {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = new URL('.', location.href).href;
    const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
    const pixels = Float32Array.from(image);
    const certifier = await Certifier.load(await bytes('model.onnx'));
    const session = await ort.InferenceSession.create(await bytes('network.onnx'), { executionProviders: ['wasm'] });
    const shape = [1, ...certifier.certificate.input.shape];
    const calls = {
      predict: () => certifier.predict(pixels),
      run: () => session.run({ image: new ort.Tensor('float32', pixels, shape) }),
    };
    globalThis.measure = (contender, blocks, block) => secondsPerCall(calls[contender], blocks, block);
    return [...(await certifier.predict(pixels)).logits];
  }
  globalThis.prepare = prepare;
`;

async function browserBundle(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: IN_BROWSER, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

/** A page with all of the files, without a server: the browser's requests are answered here. */
async function openPage(browser: Browser, files: ReadonlyMap<string, string | Buffer>): Promise<Page> {
  const page = await browser.newPage();
  const types: Readonly<Record<string, string>> = {
    html: 'text/html',
    js: 'text/javascript',
    mjs: 'text/javascript',
    wasm: 'application/wasm',
  };
  await page.route('http://localhost/**', (route) => {
    const name = new URL(route.request().url()).pathname.slice(1) || 'index.html';
    const body = files.get(name);
    if (body === undefined) return route.fulfill({ status: 404 });
    return route.fulfill({
      body,
      contentType: types[name.split('.').at(-1)!] ?? 'application/octet-stream',
      // In an isolated page the clock is twenty times finer.
      headers: { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' },
    });
  });
  await page.goto('http://localhost/');
  await page.waitForFunction(() => 'prepare' in globalThis);
  return page;
}

export const wasm: BenchSection = {
  name: 'wasm',
  title: 'WASM in Chromium, one thread, against native ONNX Runtime, batch 1',
  async run({ quick, say }) {
    const bytes = await readFile(MODEL);
    const network = networkBytes(bytes);
    const certifier = await Certifier.load(bytes);
    const [single, usual] = await Promise.all([
      ort.InferenceSession.create(network, { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1 }),
      ort.InferenceSession.create(network, { executionProviders: ['cpu'] }),
    ]);
    const random = createRandom(1);
    const pixels = Float32Array.from({ length: certifier.imageSize }, () => random.uniform());
    const run = (session: ort.InferenceSession) => () =>
      session.run({ image: new ort.Tensor('float32', pixels, [1, ...certifier.certificate.input.shape]) });
    const native = { single: run(single), usual: run(usual), predict: () => certifier.predict(pixels) };

    const require = createRequire(import.meta.url);
    const runtime = (name: string) => readFile(require.resolve(`onnxruntime-web/${name}`));
    const [glue, code] = ['ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'] as const;
    const files = new Map<string, string | Buffer>([
      ['index.html', '<!doctype html><title>bench</title><script type="module" src="bench.js"></script>'],
      ['bench.js', await browserBundle()],
      ['model.onnx', bytes],
      ['network.onnx', Buffer.from(network)],
      [glue, await runtime(glue)],
      [code, await runtime(code)],
    ]);
    const browser = await launchBrowser();
    try {
      const page = await openPage(browser, files);
      type InPage = {
        prepare(image: number[]): Promise<number[]>;
        measure(c: string, blocks: number, block: number): Promise<number>;
      };
      const logits = await page.evaluate((image) => (globalThis as unknown as InPage).prepare(image), [...pixels]);
      const own = (await certifier.predict(pixels)).logits;
      if (logits.some((y, j) => Math.abs(y - own[j]!) > 1e-3)) {
        throw new Error(`the browser gives logits ${logits}, Node gives ${[...own]}`);
      }
      const inBrowser = (contender: Contender) =>
        page.evaluate(([name, blocks, block]) => (globalThis as unknown as InPage).measure(name, blocks, block), [
          contender,
          BLOCKS,
          BLOCK,
        ] as const);
      say(`Chromium ${browser.version()}`);

      const ratios = { single: [] as number[], usual: [] as number[], predict: [] as number[] };
      const times: number[] = [];
      const rounds = quick ? 4 : 24;
      for (let round = -1; round < rounds; round++) {
        const here: Record<keyof typeof native, number> = { single: 0, usual: 0, predict: 0 };
        const there: Record<Contender, number> = { run: 0, predict: 0 };
        const measureHere = async () => {
          for (const key of ['single', 'usual', 'predict'] as const)
            here[key] = await secondsPerCall(native[key], BLOCKS, BLOCK);
        };
        const measureThere = async () => {
          for (const key of ['run', 'predict'] as const) there[key] = await inBrowser(key);
        };
        for (const measure of round % 2 === 0 ? [measureHere, measureThere] : [measureThere, measureHere])
          await measure();
        // The first round warms both up.
        if (round < 0) continue;
        ratios.single.push(there.run / here.single);
        ratios.usual.push(there.run / here.usual);
        ratios.predict.push(there.predict / here.predict);
        times.push(there.predict * 1e6);
      }
      const ratio = (name: string, values: readonly number[]): Figure => {
        const [low, value, high] = quartiles(values);
        return { name, value, unit: '×', spread: [low, high], limit: LIMIT };
      };
      const [low, value, high] = quartiles(times);
      return [
        ratio('session.run: WASM against native with one thread', ratios.single),
        ratio('session.run: WASM against native with its own choice of threads', ratios.usual),
        ratio('predict, certificate included: WASM against native', ratios.predict),
        { name: 'predict in Chromium', value, unit: 'µs', spread: [low, high] },
      ];
    } finally {
      await browser.close();
      await Promise.all([certifier.dispose(), single.release(), usual.release()]);
    }
  },
};
