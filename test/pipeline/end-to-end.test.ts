/** From a configuration to a sealed, verified, certified model by the commands alone, on a small network. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { readRange } from '../../src/train/data/dataset.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { tf } from '../../src/train/tfjs.ts';
import { glean } from '../support/command/glean.ts';

const STEPS = 25;
const COMMITTEE = { folds: 2, seeds: 1, steps: 5, rounds: 1, roundFolds: 2, roundSteps: 5 };
let directory: string;
const path = (...names: string[]) => join(directory, ...names);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glean-test-'));
  const config = JSON.parse(await readFile('pipeline/configs/cmnist.json', 'utf8')) as Record<string, unknown>;
  config['id'] = 'small';
  config['network'] = { hidden: [32, 16] };
  config['optimizer'] = { steps: STEPS, perEnvironment: 500, learningRate: 0.01 };
  config['objective'] = {
    noise: 0.12,
    penalty: { kind: 'irm', weight: 0, before: 0, warmup: 0 },
    environments: { kind: 'inferred', committee: COMMITTEE },
  };
  await writeFile(path('small.json'), JSON.stringify(config));
});

after(() => rm(directory, { recursive: true, force: true }));

describe('train, export, verify, certify', { concurrency: false }, () => {
  it('trains, logs every step, and does nothing when run again', async () => {
    const first = await glean('train', path('small.json'), '--out', path('run'));
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout.trim(), path('run'));
    const metrics = (await readFile(path('run', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    assert.equal(metrics.length, 2 * 5 + 2 * 5 + STEPS);
    assert.match(first.stderr, /two sittings of the committee give the same answer: .* %, at least 97\.0 %: /);
    const again = await glean('train', path('small.json'), '--out', path('run'));
    assert.equal(again.code, 0);
    assert.match(again.stderr, /finished/);
  });

  it('exports a sealed model with its card', async () => {
    const result = await glean('export', path('run'), '--out', path('model'));
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /L ≤ 1\.0000/);
    const card = await readFile(path('model', 'README.md'), 'utf8');
    assert.match(card, /^---\nlicense: mit\n/);
    assert.match(card, /\| test \| /);
    assert.match(card, /\| images to which two sittings .* \| at least 97\.0 % \| (yes|\*\*no\*\*) \|/);
  });

  it('exports the same bytes again', async () => {
    const result = await glean('export', path('run'), '--out', path('again'));
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await readFile(path('again', 'model.onnx')), await readFile(path('model', 'model.onnx')));
  });

  it('verifies it', async () => {
    const result = await glean('verify', path('model', 'model.onnx'), '--json');
    assert.equal(result.code, 0, result.stderr);
    const answer = JSON.parse(result.stdout) as { verified: boolean; lipschitz: number };
    assert.equal(answer.verified, true);
    assert.ok(answer.lipschitz >= 1 && answer.lipschitz < 1.0001);
  });

  it('certifies it, by both certificates, in the form of shared/DESIGN.md', async () => {
    for (const method of ['margin', 'smoothing']) {
      const result = await glean(
        ...['certify', path('model', 'model.onnx'), '--data', 'cmnist', '--split', 'test', '--method', method],
        ...['--json', '--svg', path(`${method}.svg`)],
      );
      assert.equal(result.code, 0, result.stderr);
      const answer = JSON.parse(result.stdout);
      assert.deepEqual(Object.keys(answer), ['model', 'method', 'settings', 'splits']);
      const test = answer.splits.test;
      assert.equal(test.n, 1500);
      assert.deepEqual(Object.keys(test.certifiedAccuracy), [
        '0.00',
        '0.05',
        '0.10',
        '0.15',
        '0.20',
        '0.25',
        '0.30',
        '0.35',
        '0.40',
        '0.45',
      ]);
      const shares = Object.values(test.certifiedAccuracy as Record<string, number>);
      for (let i = 1; i < shares.length; i++) assert.ok(shares[i]! <= shares[i - 1]!);
      assert.ok(test.acr > 0 && test.acr < test.accuracy);
      assert.match(await readFile(path(`${method}.svg`), 'utf8'), /^<svg/);
    }
  });

  it('gives in ONNX Runtime what tfjs-node gives from the graph model, on every test image', async () => {
    const dataset = await openDataset('cmnist');
    const { test } = dataset;
    const certifier = await Certifier.load(path('model', 'model.onnx'));
    const model = await tf.loadGraphModel(pathToFileURL(path('run', 'graph-model', 'model.json')).href);
    for (let begin = 0; begin < test.size; begin += 500) {
      const end = Math.min(test.size, begin + 500);
      const pixels = Float32Array.from(readRange(test, begin, end), (byte) => byte / 255);
      const predictions = await certifier.predictBatch(pixels);
      const images = tf.tensor4d(pixels, [end - begin, ...dataset.shape]);
      const logits = model.execute(images, 'logits') as typeof images;
      const values = logits.dataSync();
      predictions.forEach((prediction, i) => {
        const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
        assert.ok(Math.abs(a - prediction.logits[0]!) < 1e-4 && Math.abs(b - prediction.logits[1]!) < 1e-4);
        // Closer than that a label may differ; a radius is never given there.
        if (prediction.radius > 0) assert.equal(prediction.label, b > a ? 1 : 0);
      });
      images.dispose();
      logits.dispose();
    }
    await certifier.dispose();
  });

  it('says what a run still lacks', async () => {
    const result = await glean('export', path('nowhere'));
    assert.equal(result.code, 2);
    assert.match(result.stderr, /nowhere.config\.json: cannot be read/);
  });
});
