/**
 * What orthogonality costs when it is deployed: an exported Cayley CNN against plain 3×3 convolutions of the same
 * shape.
 */

import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { convertGraphModel } from '../../src/export/convert/convert.ts';
import { bake } from '../../src/export/graph-model/bake.ts';
import { GRAPH_MODEL, writeGraphModel } from '../../src/export/graph-model/graph-model.ts';
import { writeOnnx } from '../../src/export/seal/onnx-writer.ts';
import { withTemporaryFolder } from '../../src/files/temporary.ts';
import type { TrainConfig } from '../../src/train/config.ts';
import type { BenchSection, Figure } from './bench.ts';
import { compare } from './compare.ts';

type Shape = readonly [height: number, width: number, channels: number];
type Convolutions = TrainConfig['network']['conv'];

/** Four layers, as the paper's CNN for CelebA and DomainNet has; the channels and down-sampling steps are ours. */
const convolutions = (firstDown: number): Convolutions => [
  { channels: 32, kernel: 3, down: firstDown },
  { channels: 32, kernel: 3, down: 1 },
  { channels: 64, kernel: 3, down: 2 },
  { channels: 64, kernel: 3, down: 2 },
];
const NETWORKS: readonly { readonly shape: Shape; readonly conv: Convolutions }[] = [
  { shape: [32, 32, 3], conv: convolutions(2) },
  { shape: [64, 64, 3], conv: convolutions(4) },
];
const HIDDEN = [128];
const CLASSES = 10;

/** One thread, because the work is compared, not how well many small products share cores with other programs. */
const SESSION: ort.SessionOptions = { executionProviders: ['cpu'], intraOpNumThreads: 1 };

/** Runs of each contender in a round. */
const RUNS = { 1: 60, 64: 6 } as const;

async function open(shape: Shape, conv: Convolutions, lipschitz: boolean): Promise<ort.InferenceSession> {
  // This loads TensorFlow, which the other sections do not need.
  const { createNetwork } = await import('../../src/train/network/network.ts');
  const network = createNetwork({ conv, hidden: HIDDEN, lipschitz }, shape, CLASSES);
  return withTemporaryFolder('glean-bench-', async (folder) => {
    const plain = bake(network.condense(network.initialParameters(1)));
    const path = await writeGraphModel(plain, shape, folder);
    const model = await convertGraphModel(path, [GRAPH_MODEL.latent, GRAPH_MODEL.logits]);
    return ort.InferenceSession.create(writeOnnx(model), SESSION);
  });
}

export const convolution: BenchSection = {
  name: 'convolution',
  title: 'Exported Cayley CNN of four layers against plain 3×3 convolutions with ReLU of the same shape',
  async run({ quick, say }) {
    const figures: Figure[] = [];
    for (const { shape, conv } of NETWORKS) {
      const [ours, plain] = [await open(shape, conv, true), await open(shape, conv, false)];
      say(`${shape.join('×')} exported`);
      const random = createRandom(1);
      for (const n of [1, 64] as const) {
        const pixels = Float32Array.from({ length: n * shape[0] * shape[1] * shape[2] }, () => random.uniform());
        const run = (session: ort.InferenceSession) => () =>
          session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', pixels, [n, ...shape]) });
        const pair = { name: `${shape.join('×')}, batch ${n}`, limit: 3, plain: run(plain), ours: run(ours) };
        figures.push(await compare(pair, RUNS[n], quick ? 3 : 20));
      }
      await Promise.all([ours.release(), plain.release()]);
    }
    return figures;
  },
};
