/**
 * What the certifier in Node answers, so that a program in another language can be compared with it.
 *
 *     node --import tsx pipeline/oracle.ts answers MODEL DATA BATCH FOLDER   the test images of a data set, or a file
 *     node --import tsx pipeline/oracle.ts pixels SHAPE FILE …               pictures, as sharp decodes them
 *     node --import tsx pipeline/oracle.ts functions                         what a load checks of scalar functions
 *
 * `answers` writes images.npy (uint8 [N, H, W, C]), labels.npy, radii.npy and logits.npy into the folder, and the
 * network that it ran as network.onnx; DATA may be a file of N·H·W·C bytes. `pixels` prints a line of JSON for each
 * picture: its bytes in base64, or why it is refused. SHAPE is HxWxC. `functions` prints
 * python/glean_certify/run/functions.json.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Certifier } from '../src/certify-runtime/node.ts';
import { readImageFile } from '../src/certify-runtime/run/decode/encoded-image.ts';
import { FORMS, formModel } from '../src/certify-runtime/run/functions/check.ts';
import { networkBytes } from '../src/certify-runtime/run/network-bytes.ts';
import { FUNCTIONS } from '../src/certify-runtime/run/providers.ts';
import { openDataset } from '../src/train/data/registry.ts';

/** A file of numpy's format 1.0, little-endian, in C's order. */
function npy(type: 'u1' | 'i4' | 'f4', shape: readonly number[], data: Uint8Array | Int32Array | Float32Array): Buffer {
  const dict = `{'descr': '${type === 'u1' ? '|' : '<'}${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  const content = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(header, 'latin1'), content]);
}

async function testImages(name: string): Promise<Uint8Array> {
  const { test } = await openDataset(name);
  return test.read(Array.from({ length: test.size }, (_, i) => i));
}

async function answers(model: string, name: string, batch: number, folder: string): Promise<void> {
  const bytes = await readFile(model);
  const certifier = await Certifier.load(bytes, { threads: 1 });
  const { classes, input } = certifier.certificate;
  const images = new Uint8Array(await readFile(name).catch(() => testImages(name)));
  const count = images.length / certifier.imageSize;
  const labels = new Int32Array(count);
  const radii = new Float32Array(count);
  const logits = new Float32Array(count * classes.length);
  for (let begin = 0; begin < count; begin += batch) {
    const part = images.subarray(begin * certifier.imageSize, (begin + batch) * certifier.imageSize);
    for (const [i, prediction] of (await certifier.predictBatch(part)).entries()) {
      labels[begin + i] = prediction.label;
      radii[begin + i] = prediction.radius;
      logits.set(prediction.logits, (begin + i) * classes.length);
    }
  }
  await certifier.dispose();
  const files = {
    'images.npy': npy('u1', [count, ...input.shape], images),
    'labels.npy': npy('i4', [count], labels),
    'radii.npy': npy('f4', [count], radii),
    'logits.npy': npy('f4', [count, classes.length], logits),
    'network.onnx': networkBytes(bytes),
  };
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
}

async function pixels(size: string, files: readonly string[]): Promise<void> {
  const shape = size.split('x').map(Number) as [number, number, number];
  for (const file of files) {
    const line = await readImageFile(file, shape).then(
      ({ data }) => ({ pixels: Buffer.from(data).toString('base64') }),
      (error: Error) => ({ refused: error.message }),
    );
    console.log(JSON.stringify(line));
  }
}

function functions(): void {
  const forms = FORMS.map((form) => {
    const { low, high, absolute, relative, limit = null } = form.bound;
    const model = Buffer.from(formModel(form)).toString('base64');
    return { name: form.name, operators: form.operators.join(' '), low, high, absolute, relative, limit, model };
  });
  console.log(JSON.stringify({ functions: FUNCTIONS.join(' '), forms }, null, 2));
}

const [what, ...words] = process.argv.slice(2);
if (what === 'answers' && words.length === 4) await answers(words[0]!, words[1]!, Number(words[2]), words[3]!);
else if (what === 'pixels' && words.length > 1) await pixels(words[0]!, words.slice(1));
else if (what === 'functions' && words.length === 0) functions();
else throw new Error('expected "answers MODEL DATA BATCH FOLDER", "pixels SHAPE FILE …" or "functions"');
