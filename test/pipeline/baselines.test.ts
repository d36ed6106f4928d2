/** The baselines by the commands alone: trained, exported as plain ONNX, certified with noise on the image. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Certifier } from '../../src/certify-runtime/node.ts';
import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import type { CertifiedAccuracy } from '../../src/evaluate/certified-accuracy.ts';
import { writeOnnx } from '../../src/export/seal/onnx-writer.ts';
import { readPlainNotes } from '../../src/export/seal/plain-model.ts';
import { parseConfig, readConfig } from '../../src/train/config.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { train } from '../../src/train/run.ts';
import { linear } from '../evaluate/sampling/networks.ts';
import { glean, SHIPPED_MODEL } from '../support/command/glean.ts';

const BASELINES = ['gaussian', 'macer', 'smoothadv', 'consistency'];

interface Answer {
  readonly method: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly splits: Readonly<Record<string, CertifiedAccuracy>>;
}

let directory: string;
const path = (...names: string[]) => join(directory, ...names);

async function certify(model: string, ...args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await glean('certify', model, '--json', ...args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Answer;
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glean-test-'));
});

after(() => rm(directory, { recursive: true, force: true }));

for (const name of BASELINES) {
  it(`${name}: both of its configurations train`, async () => {
    for (const data of ['mnist', 'cmnist']) {
      const config = await readConfig(`pipeline/configs/baselines/${data}-${name}.json`);
      const steps = { ...config.optimizer, steps: 2, perEnvironment: 8 };
      const short = parseConfig({ ...config, network: { hidden: [16], lipschitz: false }, optimizer: steps }, name);
      const losses: number[] = [];
      await train(short, await openDataset(data), path(`${data}-${name}`), {
        onStep: ({ loss, environments }) => {
          losses.push(loss);
          assert.deepEqual(
            environments.map(({ size }) => size),
            [8],
          );
        },
      });
      assert.ok(losses.length === 2 && losses.every(Number.isFinite), `losses ${losses}`);
    }
  });
}

describe('a trained baseline', { concurrency: false }, () => {
  const run = () => path('run');

  it('trains and refuses to be sealed', async () => {
    const config = JSON.parse(await readFile('pipeline/configs/baselines/mnist-gaussian.json', 'utf8')) as object;
    const network = { hidden: [64], lipschitz: false };
    const optimizer = { steps: 60, perEnvironment: 128, learningRate: 0.005 };
    await writeFile(path('config.json'), JSON.stringify({ ...config, network, optimizer }));
    const trained = await glean('train', path('config.json'), '--out', run());
    assert.equal(trained.code, 0, trained.stderr);
    const sealed = await glean('export', run(), '--out', path('model'));
    assert.equal(sealed.code, 2);
    assert.match(sealed.stderr, /'gaussian' smooths the image, nothing to seal; export it with --plain/);
  });

  it('is exported as an ONNX file that ONNX Runtime runs, with what made it', async () => {
    const { code, stdout, stderr } = await glean('export', run(), '--plain', '--out', path('model'));
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), path('model', 'plain.onnx'));
    const bytes = await readFile(stdout.trim());
    const notes = readPlainNotes(readOnnx(bytes))!;
    assert.equal(notes.sigma, 0.25);
    assert.equal(notes.classes.length, 10);
    assert.ok('config' in notes.training && 'dataset' in notes.training && 'packages' in notes.training);
    const session = await ort.InferenceSession.create(bytes);
    const image = new ort.Tensor('float32', new Float32Array(2 * 784), [2, 28, 28, 1]);
    assert.deepEqual((await session.run({ image }))['logits']!.dims, [2, 10]);
    await session.release();
  });

  it('is certified with noise on the image, at the σ of its training', async () => {
    const args = ['--data', 'mnist', '--split', 'test', '--method', 'input-smoothing', '--limit', '40', '--n', '1000'];
    const answer = await certify(path('model', 'plain.onnx'), ...args);
    assert.equal(answer.method, 'input-smoothing');
    assert.deepEqual(answer.settings, { sigma: 0.25, n: 1000, n0: 100, alpha: 0.001, seed: 0 });
    const { n, accuracy, acr, certifiedAccuracy } = answer.splits['test']!;
    assert.equal(n, 40);
    assert.ok(accuracy > 0.5, `accuracy ${accuracy}`);
    assert.equal(certifiedAccuracy['0.00'], accuracy);
    assert.ok(certifiedAccuracy['0.25']! <= accuracy && certifiedAccuracy['0.25']! > 0);
    assert.ok(acr > 0 && acr < accuracy * 0.62);
    assert.deepEqual(await certify(path('model', 'plain.onnx'), ...args), answer);
  });
});

it("the shipped model's own head, given as a file, certifies as the model does", async () => {
  const certifier = await Certifier.load(SHIPPED_MODEL);
  const { weights, bias, latentSize: d, classes } = certifier.model.head;
  await certifier.dispose();
  const rows = Array.from({ length: d }, (_, i) => Array.from({ length: classes }, (_, k) => weights[k * d + i]!));
  await writeFile(path('head.onnx'), writeOnnx(linear(rows, [...bias])));
  const args = ['--data', 'cmnist', '--split', 'test', '--method', 'smoothing', '--limit', '100', '--n', '2000'];
  const own = (await certify(SHIPPED_MODEL, ...args)).splits['test']!;
  const sampled = await certify(SHIPPED_MODEL, ...args, '--head', path('head.onnx'));
  assert.equal(sampled.settings['head'], path('head.onnx'));
  const { accuracy, acr } = sampled.splits['test']!;
  // Of 100 images those near the boundary may fall on either side; a radius moves by σ/√n·(a few).
  assert.ok(Math.abs(accuracy - own.accuracy) <= 0.04, `${accuracy}, ${own.accuracy}`);
  assert.ok(Math.abs(acr - own.acr) <= 0.01, `${acr}, ${own.acr}`);
});

it('options that do not go together are wrong use', async () => {
  const of = async (...args: readonly string[]) => {
    const { code, stderr } = await glean('certify', SHIPPED_MODEL, '--data', 'cmnist', ...args);
    assert.equal(code, 2);
    return stderr;
  };
  assert.match(await of('--head', 'head.onnx'), /--head is for --method smoothing, got --method margin/);
  assert.match(await of('--method', 'input-smoothing'), /does not say what σ it was trained with; say it with --sigma/);
  assert.match(await of('--method', 'smoothing', '--head', path('absent.onnx')), /absent\.onnx: cannot be read/);
});
