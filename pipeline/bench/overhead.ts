/** What the certificate costs: the certifier against plain `session.run` of the same network without its head. */

import { readFile } from 'node:fs/promises';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { networkBytes } from '../../src/certify-runtime/run/network-bytes.ts';
import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import type { BenchSection, Figure } from './bench.ts';
import { compare, type Pair } from './compare.ts';

const MODEL = new URL('../../models/cmnist/model.onnx', import.meta.url);

/** Runs of each contender in a round; their median is the round's time. */
const RUNS = { 1: 200, 64: 40 } as const;

export const overhead: BenchSection = {
  name: 'overhead',
  title: 'Certifier against plain session.run of the network without certificate head',
  async run({ quick, say }) {
    const bytes = await readFile(MODEL);
    const certifier = await Certifier.load(bytes);
    const plain = await ort.InferenceSession.create(networkBytes(bytes), { executionProviders: ['cpu'] });
    const head = await ort.InferenceSession.create(bytes, { executionProviders: ['cpu'] });
    const random = createRandom(1);
    const figures: Figure[] = [];
    const size = certifier.imageSize;
    const tensor = (pixels: Float32Array) =>
      new ort.Tensor('float32', pixels, [pixels.length / size, ...certifier.certificate.input.shape]);
    for (const n of [1, 64] as const) {
      const floats = Float32Array.from({ length: n * size }, () => random.uniform());
      const bytes = Uint8Array.from({ length: n * size }, () => random.uint32() & 255);
      const images = Array.from({ length: n }, (_, i) => floats.slice(i * size, (i + 1) * size));
      const buffer = new Float32Array(n * size);
      const pairs: readonly Pair[] = [
        {
          name: `${n === 1 ? 'predict' : 'predictBatch'}, batch ${n}, float32 pixels in one array`,
          limit: n === 1 ? 1.1 : 1.02,
          plain: () => plain.run({ image: tensor(floats) }),
          ours: n === 1 ? () => certifier.predict(floats) : () => certifier.predictBatch(floats),
        },
        {
          name: `the same, a list of ${n} images (plain: put into one buffer first)`,
          limit: n === 1 ? 1.1 : 1.02,
          plain: () => {
            images.forEach((image, i) => {
              buffer.set(image, i * size);
            });
            return plain.run({ image: tensor(buffer) });
          },
          ours: () => certifier.predictBatch(images),
        },
        {
          name: `the same, bytes (plain: divided by 255 into one buffer first)`,
          limit: n === 1 ? 1.1 : 1.02,
          plain: () => {
            for (let i = 0; i < buffer.length; i++) buffer[i] = bytes[i]! / 255;
            return plain.run({ image: tensor(buffer) });
          },
          ours: () => certifier.predictBatch(bytes),
        },
        {
          name: `the file with its own head in ONNX Runtime, batch ${n}`,
          plain: () => plain.run({ image: tensor(floats) }),
          ours: () => head.run({ image: tensor(floats) }),
        },
      ];
      for (const pair of pairs) figures.push(await compare(pair, RUNS[n], quick ? 3 : 40));
      say(`batch ${n} done`);
    }
    await Promise.all([certifier.dispose(), plain.release(), head.release()]);
    return figures;
  },
};
