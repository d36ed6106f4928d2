/**
 * The program in Java that runs a sealed file (jvm/Predict.java): its labels and radii are those of ONNX Runtime in Node
 * on the same file, and it refuses what it should. `make jvm` runs this with the jar of ONNX Runtime in GLEAN_ORT_JAR.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { runProgram, SHIPPED_MODEL } from '../support/command/glean.ts';
import { run } from '../support/networks/sealed.ts';

const JAR = process.env['GLEAN_ORT_JAR'];
const SHAPE = [28, 28, 3] as const;
const [HEIGHT, WIDTH, CHANNELS] = SHAPE;
/** The jar is of another version of ONNX Runtime, which may add in another order. */
const CLOSE = 1e-5;

describe('a sealed file on the JVM', { skip: JAR === undefined && 'make jvm runs it' }, () => {
  let folder: string;
  let pictures: string[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glean-jvm-'));
    const random = createRandom(16);
    pictures = ['docs/images/digit-red.png', 'docs/images/digit-green.png'];
    for (const name of ['a.png', 'b.png', 'c.png']) {
      const levels = Uint8Array.from({ length: HEIGHT * WIDTH * CHANNELS }, () => random.uint32() >>> 24);
      const raw = { width: WIDTH, height: HEIGHT, channels: CHANNELS };
      await sharp(levels, { raw }).png().toFile(join(folder, name));
      pictures.push(join(folder, name));
    }
  });
  after(() => rm(folder, { recursive: true }));

  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const java = (...args: readonly string[]) => runProgram('java', ['-cp', JAR!, 'jvm/Predict.java', ...args]);

  it('has the labels and radii of Node, and the known vectors hold', async () => {
    const model = await readFile(SHIPPED_MODEL);
    const { code, stdout, stderr } = await java(SHIPPED_MODEL, sha256(model), ...pictures);
    assert.equal(code, 0, stderr);
    const levels = await Promise.all(pictures.map((picture) => sharp(picture).removeAlpha().raw().toBuffer()));
    const pixels = Float32Array.from(Buffer.concat(levels), (level) => level / 255);
    const expected = await run(model, pixels, SHAPE);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, pictures.length);
    for (const [i, line] of lines.entries()) {
      const [name, label, radius] = line.split(' ');
      assert.equal(name, pictures[i]);
      assert.equal(Number(label), expected[i]!.label, line);
      assert.ok(expected[i]!.radius > 0, `${name} has no radius to compare`);
      assert.ok(Math.abs(Number(radius) - expected[i]!.radius) <= CLOSE, `${line}, expected ${expected[i]!.radius}`);
    }
  });

  it('refuses other bytes, known vectors that do not hold, and pictures that are not what the model takes', async () => {
    const model = await readFile(SHIPPED_MODEL);
    // One logit of the first known vector, where the certificate has it, is a little larger.
    const at = model.indexOf('"logits":[1.90') + '"logits":[1.9'.length;
    assert.ok(at > 1000);
    const changed = Buffer.from(model);
    changed[at] = '1'.charCodeAt(0);
    const other = join(folder, 'model.onnx');
    await writeFile(other, changed);
    const palette = join(folder, 'palette.png');
    await sharp(pictures[0]!).png({ palette: true }).toFile(palette);
    const [digit] = pictures;
    const refusals = await Promise.all([
      java(other, sha256(model), digit!),
      java(other, sha256(changed), digit!),
      java(SHIPPED_MODEL, sha256(model), 'docs/images/cmnist.png'),
      java(SHIPPED_MODEL, sha256(model), palette),
    ]);
    const reasons = [/SHA-256 is/, /known vector's logits deviate by 0\.01/, /expected 8 bits/, /no palette/];
    for (const [i, { code, stdout, stderr }] of refusals.entries()) {
      assert.equal(code, 1, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, reasons[i]!);
    }
  });
});
