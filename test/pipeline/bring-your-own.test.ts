/** Networks as Keras, deel-lip, PyTorch, torchlip and orthogonium write them: sealed, verified, attacked; or refused by name. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { differentiate } from '../../src/certify-runtime/gradient/network.ts';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { InputError, UnprovableError } from '../../src/certify-runtime/trusted/errors.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { runSeal } from '../../src/cli/actions/seal.ts';
import { sealCommand } from '../../src/cli/commands/seal.ts';
import { toCommand } from '../../src/cli/terminal/command.ts';
import { attack } from '../../src/evaluate/attack/attack.ts';
import { sessionJudge } from '../../src/evaluate/attack/judge.ts';
import { readMnistPackage } from '../../src/train/data/readers/mnist-package.ts';
import { channelsFirst, fileOf, runFile, sealBytes } from '../support/networks/brought.ts';
import { GraphBuilder } from '../support/networks/graph-builder.ts';
import { Random } from '../support/numbers/random.ts';

const ROOT = new URL('../..', import.meta.url);
const SHAPE = [14, 14, 1] as const;
const SIZE = 196;
const fixture = (name: string) => readFile(new URL(`test/fixtures/byo/${name}`, ROOT));

/** Every 500th digit, halved as in pipeline/python/byo/digits.py. */
async function digits(): Promise<{ pixels: Float32Array; labels: number[] }> {
  const source = await readMnistPackage();
  const chosen = Array.from({ length: 20 }, (_, i) => 250 + 500 * i);
  const pixels = new Float32Array(chosen.length * SIZE);
  for (const [n, image] of chosen.entries()) {
    for (let p = 0; p < SIZE; p++) {
      const at = image * 784 + 2 * Math.floor(p / 14) * 28 + 2 * (p % 14);
      const quad = [0, 1, 28, 29].map((offset) => source.pixels[at + offset]!);
      pixels[n * SIZE + p] = quad.reduce((sum, value) => sum + value, 0) / 1020;
    }
  }
  return { pixels, labels: chosen.map((image) => source.labels[image]!) };
}

const { pixels, labels } = await digits();
const count = labels.length;
const transposed = Float32Array.from(
  Array.from({ length: count }, (_, n) => [...channelsFirst(pixels.slice(n * SIZE, (n + 1) * SIZE), SHAPE)]).flat(),
);

const SEALED = [
  { name: 'keras-deel-lip.onnx', lipschitz: 1.12, nhwc: true },
  { name: 'torchlip.onnx', lipschitz: 1, nhwc: false },
  { name: 'orthogonium.onnx', lipschitz: 1.0001, nhwc: false },
  { name: 'pytorch-cnn.onnx', lipschitz: 200, nhwc: false },
  { name: 'pytorch-cnn-dynamo.onnx', lipschitz: 200, nhwc: false },
  { name: 'pytorch-softmax.onnx', lipschitz: 150, nhwc: false },
];

for (const { name, lipschitz, nhwc } of SEALED) {
  test(`${name}: sealed, the same answers, radii that no attack breaks`, async (t) => {
    const original = await fixture(name);
    const { bytes, verified, prepared } = await sealBytes(original);
    assert(verified.proven.lipschitz <= lipschitz, `L = ${verified.proven.lipschitz}`);
    const certifier = await Certifier.load(bytes);
    await certifier.dispose();

    const judge = await sessionJudge(bytes, SHAPE, 10);
    try {
      const answers = await judge.evaluate(pixels);
      for (let n = 0; n < count; n++) {
        const image = (nhwc ? pixels : transposed).slice(n * SIZE, (n + 1) * SIZE);
        const given = await runFile(original, image, nhwc ? [1, ...SHAPE] : [1, 1, 14, 14]);
        const logits = answers.logits.subarray(n * 10, (n + 1) * 10);
        assert.equal(answers.labels[n], given.indexOf(Math.max(...given)));
        const exponentials = logits.map(Math.exp);
        const total = exponentials.reduce((sum, e) => sum + e, 0);
        given.forEach((value, j) => {
          const found = prepared.output.cut.includes('Softmax') ? exponentials[j]! / total : logits[j]!;
          assert(Math.abs(found - value) <= 1e-5 * Math.max(1, Math.abs(value)), `image ${n}: ${found}, not ${value}`);
        });
      }
      const right = labels.filter((label, n) => label === answers.labels[n]).length;
      assert(right >= 0.6 * count, `${right} of ${count} right`);

      const network = differentiate(readOnnx(bytes).graph, 'image', 'logits');
      const few = { steps: 10, restarts: 1, probes: 64, roundings: 32 };
      const attacked = pixels.subarray(0, 6 * SIZE);
      const report = await attack(judge, network, attacked, few);
      const radii = report.images.map(({ radius }) => radius);
      assert.equal(report.broken, 0);
      assert(radii.filter((radius) => radius > 0).length >= 3, `${radii}`);
      // Flips there are, outside of the radii: the attack can find them.
      assert(report.smallestRatio !== null && report.smallestRatio >= 1, `${report.smallestRatio}`);
      t.diagnostic(
        `L ≤ ${verified.proven.lipschitz.toPrecision(6)}, ${right}/${count} right, ${report.attackedPoints} points with ${report.gradients} gradients, smallest flip/radius ${report.smallestRatio.toFixed(2)}`,
      );
    } finally {
      await judge.release();
    }
  });
}

test('attention and LSTM are refused by the name of their operator', async () => {
  for (const [name, operator] of [
    ['refused-attention.onnx', 'Softmax'],
    ['refused-lstm.onnx', 'LSTM'],
  ] as const) {
    await assert.rejects(
      sealBytes(await fixture(name)),
      (error) =>
        error instanceof UnprovableError &&
        new RegExp(`no rule for ${operator} '/.*/${operator}' \\(node`).test(error.message),
    );
  }
});

test('a convolutional encoder of four layers at 64×64×3 is sealed and verified', async (t) => {
  const builder = new GraphBuilder(['N', 3, 64, 64]);
  const random = new Random(1);
  let [x, channels] = ['image', 3];
  for (const width of [16, 32, 64, 64]) {
    const kernel = builder.floats(
      [width, channels, 3, 3],
      random.normals(width * channels * 9, 1 / Math.sqrt(9 * channels)),
    );
    const bias = builder.floats([width], random.normals(width, 0.1));
    x = builder.groupSort(builder.node('Conv', [x, kernel, bias], { pads: [1, 1, 1, 1], strides: [2, 2] }));
    channels = width;
  }
  const dense = (from: string, inputs: number, outputs: number) =>
    builder.node(
      'Gemm',
      [from, builder.floats([outputs, inputs], random.normals(inputs * outputs, 1 / Math.sqrt(inputs)))],
      { transB: 1 },
    );
  const hidden = dense(builder.node('Flatten', [x]), 1024, 128);
  const file = fileOf(builder, dense(builder.groupSort(hidden), 128, 10));
  const begin = performance.now();
  const { bytes } = await sealBytes(file);
  const between = performance.now();
  const certifier = await Certifier.load(bytes);
  const end = performance.now();
  assert.deepEqual(certifier.certificate.input.shape, [64, 64, 3]);
  await certifier.dispose();
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2);
  t.diagnostic(
    `sealed in ${seconds(begin, between)} s, verified and run in ${seconds(between, end)} s (to hold: 20 s)`,
  );
});

/** Runs `glean seal …`; gives what it printed. */
async function command(args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => lines.push(line);
  try {
    const parser = yargs([...args])
      .command(toCommand(sealCommand, async () => runSeal))
      .strict()
      .exitProcess(false);
    await parser
      .fail((message, error) => {
        throw error ?? new InputError(message);
      })
      .parseAsync();
  } finally {
    console.log = log;
  }
  return lines.join('\n');
}

test('docs/bring-your-own.md: its commands do what it says, its bounds are the ones that come out', async () => {
  const text = await readFile(new URL('docs/bring-your-own.md', ROOT), 'utf8');
  const commands = [...text.matchAll(/^ {4}glean (seal test\/fixtures.*)$/gm)].map(([, line]) => line!.split(' '));
  assert.equal(commands.length, 8);
  const folder = await mkdtemp(join(tmpdir(), 'glean-byo-'));
  try {
    for (const [i, [name, model, , , ...more]] of commands.entries()) {
      const out = join(folder, `${i}.onnx`);
      const answer = command([name!, fileURLToPath(new URL(model!, ROOT)), '--out', out, ...more]);
      if (model!.includes('refused')) await assert.rejects(answer, UnprovableError);
      else assert.match(await answer, more.includes('--json') ? /"lipschitz": 101\.45/ : /Lipschitz bound {2}L ≤ /);
      assert.equal(existsSync(out), !model!.includes('refused'));
    }
    const plain = await command([
      'seal',
      fileURLToPath(new URL('test/fixtures/byo/pytorch-cnn.onnx', ROOT)),
      '--out',
      join(folder, 'x.onnx'),
    ]);
    assert.match(plain, /hint +a plain network: L = 175\.663; the certified radii will be tiny/);
  } finally {
    await rm(folder, { recursive: true });
  }
  const table = [...text.matchAll(/^\| (\S+\.onnx) \|.*\| ([\d.]+) \|$/gm)];
  assert.equal(table.length, SEALED.length);
  for (const [, name, stated] of table) {
    const { lipschitz } = (await sealBytes(await fixture(name!))).verified.proven;
    assert(lipschitz <= Number(stated) && lipschitz > Number(stated) * (1 - 1e-4), `${name}: ${lipschitz}`);
  }
});
