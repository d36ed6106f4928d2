/** A client that is not ours: NVIDIA's tritonclient, JSON and binary, against ONNX Runtime on the same file. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { runProgram, SHIPPED_MODEL } from '../../support/command/glean.ts';
import { run } from '../../support/networks/sealed.ts';
import { images, SHAPE } from './requests.ts';

interface Inferred {
  readonly id?: string;
  readonly model?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly dtypes?: Readonly<Record<string, string>>;
  readonly label: readonly number[];
  readonly radius: readonly number[];
  readonly logits: readonly (readonly number[])[];
}

const FORMS = ['json', 'binary', 'mixed', 'bytes', 'gzip', 'deflate', 'default'] as const;

type Report = Readonly<Record<(typeof FORMS)[number], Inferred>> & {
  readonly model: {
    readonly versions: readonly string[];
    readonly inputs: readonly { readonly shape: readonly number[] }[];
  };
  readonly [name: string]: unknown;
};

test('tritonclient gets the right answers, in every form it can ask', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glean-triton-'));
  const service = await ServiceProcess.start();
  try {
    // Whole bytes, so that UINT8 says the same as FP32.
    const pixels = images(5).map((value) => Math.round(value * 255) / 255);
    const file = join(folder, 'pixels.f32');
    await writeFile(file, new Uint8Array(pixels.buffer));
    const address = `127.0.0.1:${service.port}`;
    const python = await runProgram('.venv/bin/python', [
      'pipeline/python/serve/triton_client.py',
      address,
      'cmnist',
      file,
    ]);
    assert.equal(python.code, 0, python.stderr);
    const report = JSON.parse(python.stdout) as Report;
    for (const name of ['live', 'ready', 'modelReady', 'versionReady']) assert.equal(report[name], true, name);
    assert.equal(report['otherReady'], false);
    assert.deepEqual(report.model.inputs[0]!.shape, [-1, ...SHAPE]);
    assert.match(String(report['refusal']), /found shape \[1,2,2,1\], expected \[N, 28, 28, 3\]/);
    const index = report['index'] as readonly Readonly<Record<string, string>>[];
    const { version, ...entry } = index.find(({ name }) => name === 'cmnist')!;
    assert.deepEqual(entry, { name: 'cmnist', state: 'READY', reason: '' });
    assert.deepEqual(report.model.versions, [version]);
    assert.ok((report['server'] as { extensions: string[] }).extensions.includes('model_repository'));
    assert.match(String(report['load']), /models folder/);
    const expected = await run(await readFile(SHIPPED_MODEL), pixels, SHAPE);
    for (const form of FORMS) {
      const { label, radius, logits } = report[form];
      assert.deepEqual(
        label,
        expected.map((answer) => answer.label),
        form,
      );
      expected.forEach((answer, i) => {
        assert.ok(Math.abs(radius[i]! - answer.radius) < 1e-3, form);
        answer.logits.forEach((logit, k) => {
          assert.ok(Math.abs(logits[i]![k]! - logit) < 1e-4, form);
        });
      });
    }
    assert.deepEqual(report.binary.dtypes, { label: 'int64', radius: 'float32', logits: 'float32' });
    assert.equal(report.json.id, 'tritonclient-1');
    assert.equal(report.binary.parameters!['norm'], 'l2');
  } finally {
    await service.stop();
    await rm(folder, { recursive: true });
  }
});
