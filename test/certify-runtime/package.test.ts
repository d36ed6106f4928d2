/** The packed runtime: it installs alone, predicts with the README's lines, and stays small. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { runProgram, SHIPPED_MODEL } from '../support/command/glean.ts';
import { installPacked } from '../support/command/packed-runtime.ts';

const { dependencies } = createRequire(import.meta.url)('../../package.json') as {
  dependencies: Record<string, string>;
};

describe('the packed runtime', () => {
  let folder: string;
  before(async () => {
    folder = await installPacked(`onnxruntime-node@${dependencies['onnxruntime-node']}`);
    await copyFile(SHIPPED_MODEL, join(folder, 'model.onnx'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('brings no dependency of its own', async () => {
    const packages = await readdir(join(folder, 'node_modules'));
    for (const name of ['sharp', '@tensorflow', 'onnxruntime-web', 'hono', 'valibot']) {
      assert.ok(!packages.includes(name), `${name} was installed`);
    }
    const manifest = JSON.parse(
      await readFile(join(folder, 'node_modules/glean-certify/package.json'), 'utf8'),
    ) as Record<string, unknown>;
    assert.equal(manifest['dependencies'], undefined);
  });

  for (const file of ['README.md', 'src/certify-runtime/README.md']) {
    it(`predicts with the lines of ${file}`, async () => {
      const text = await readFile(file, 'utf8');
      const code = /```ts\n(import \{ Certifier \} from 'glean-certify\/node';[\s\S]*?)```/.exec(text)?.[1];
      assert.ok(code !== undefined, 'no example');
      assert.ok(code.trim().split('\n').length <= 10);
      await writeFile(join(folder, 'example.mjs'), code);
      const result = await runProgram(process.execPath, ['example.mjs'], folder);
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stdout, /digit (0–4|5–9)/);
    });
  }

  it('says that sharp is missing where an image file is given', async () => {
    await writeFile(
      join(folder, 'encoded.mjs'),
      `import { Certifier, InputError } from 'glean-certify/node';
const certifier = await Certifier.load('model.onnx');
await certifier.predict('digit.png').catch((error) => console.log(error instanceof InputError, error.message));
await certifier.dispose();`,
    );
    const { stdout } = await runProgram(process.execPath, ['encoded.mjs'], folder);
    assert.match(stdout, /^true .*sharp/);
  });

  it('keeps ONNX Runtime from reporting, in worker threads too, or says that it cannot', async () => {
    await writeFile(
      join(folder, 'thread.mjs'),
      `import { isMainThread, SHARE_ENV, Worker } from 'node:worker_threads';
if (!isMainThread) {
  const { Certifier } = await import('glean-certify/node');
  await (await Certifier.load('model.onnx')).dispose();
  console.log('loaded');
} else {
  for (const options of [{}, { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } }, { env: SHARE_ENV }, {}]) {
    const worker = new Worker(new URL(import.meta.url), options);
    worker.on('error', (error) => console.log(error.message));
    await new Promise((resolve) => worker.on('exit', resolve));
  }
}`,
    );
    const home = join(folder, 'home');
    await mkdir(home);
    const unset = Object.entries(process.env).filter(([name]) => !/^(XDG_|CI$|GITHUB_|TF_BUILD$|ORT_)/.test(name));
    const env = { ...Object.fromEntries(unset), HOME: home };
    const { stdout } = await runProgram(process.execPath, ['thread.mjs'], folder, env);
    const refusal = /^the telemetry of onnxruntime-node cannot be switched off from a worker thread: set ORT_DISABLE/;
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, 4, stdout);
    assert.match(lines[0]!, refusal);
    assert.match(lines[1]!, refusal);
    assert.deepEqual(lines.slice(2), ['loaded', 'loaded']);
    assert.deepEqual(await readdir(home), []);

    // A bundle loads what is not in it before any line that is.
    await writeFile(
      join(folder, 'bundled.mjs'),
      "import { Certifier } from 'glean-certify/node';\nawait (await Certifier.load('model.onnx')).dispose();",
    );
    await build({
      entryPoints: [join(folder, 'bundled.mjs')],
      outfile: join(folder, 'bundle.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['onnxruntime-node'],
      plugins: [without(/encoded-image/)],
    });
    const bundled = await runProgram(process.execPath, ['bundle.mjs'], folder, env);
    assert.equal(bundled.code, 0, bundled.stderr);
    assert.deepEqual(await readdir(home), []);
  });

  it('has types that a strict program compiles against', async () => {
    await writeFile(
      join(folder, 'typed.mts'),
      `import { Certifier } from 'glean-certify/node';
import { readSealed } from 'glean-certify';
const certifier = await Certifier.load('model.onnx', { providers: ['cuda', 'cpu'] });
export const radius: number = (await certifier.predict(new Float32Array(certifier.imageSize))).radius;
const open = await Certifier.load('model.onnx', { providers: 'webgpu', uncertified: true });
export const nothing: null = (await open.predict(new Float32Array(open.imageSize))).radius;
export const read: (bytes: Uint8Array) => Promise<unknown> = readSealed;
`,
    );
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom', '--noEmit'];
    const compiler = join(process.cwd(), 'node_modules/typescript/bin/tsc');
    const types = ['--typeRoots', join(process.cwd(), 'node_modules/@types'), '--types', 'node'];
    const result = await runProgram(process.execPath, [compiler, ...options, ...types, 'typed.mts'], folder);
    assert.equal(result.code, 0, result.stdout);
  });
});

/** Leaves what is loaded on demand out, where its path matches. */
const without = (pattern: RegExp): Plugin => ({
  name: 'without',
  setup(bundler) {
    bundler.onResolve({ filter: pattern }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
});

async function bundle(contents: string, pattern: RegExp): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['onnxruntime-web/wasm'],
    plugins: [without(pattern)],
    write: false,
  });
  return outputFiles[0]!.contents;
}

const PAGE =
  "import { Certifier } from './src/certify-runtime/web.ts'; globalThis.certifier = await Certifier.load('m');";

const gzipped = async (pattern: RegExp) => gzipSync(await bundle(PAGE, pattern), { level: 9 }).length;

/** Loaded where a network asks for it, and by neither of the page's two; models/avatars asks for rules/structure.ts. */
const ON_DEMAND =
  /smooth|functions\/check|\/(activation|conv|normalization|pool|reduce|scale|sharpen|structure|constants|functions|squares|products|head-graph-[12])\.ts/;

describe('size, minified and gzipped, without ONNX Runtime', () => {
  it('predicting', async () => {
    const bytes = await gzipped(/verify|signature|smooth|functions\/check/);
    assert.ok(bytes <= SIZES.predict, `${bytes} bytes`);
  });
  it("with proof and signature check, and all that the proof of the page's two models loads", async () => {
    const bytes = await gzipped(ON_DEMAND);
    assert.ok(bytes <= SIZES.proof, `${bytes} bytes`);
    const folder = await mkdtemp(join(tmpdir(), 'glean-size-'));
    const file = join(folder, 'verify.mjs');
    // What is on demand is not there to be loaded.
    await writeFile(
      file,
      await bundle("export { verifyModel } from './src/certify-runtime/trusted/verify.ts';", ON_DEMAND),
    );
    const { verifyModel } = (await import(
      pathToFileURL(file).href
    )) as typeof import('../../src/certify-runtime/trusted/verify.ts');
    for (const model of ['cmnist', 'cmnist-erm']) {
      const { proven } = await verifyModel(await readFile(`models/${model}/model.onnx`));
      assert.ok(proven.lipschitz < 1.001);
    }
    await rm(folder, { recursive: true });
  });
});

/** At most, in bytes; docs/decisions.md says what was measured. */
const SIZES = { predict: 12_000, proof: 30_000 };
