/** What CERTIFY makes of a trainer's network, for networks without a Lipschitz bound. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certifyInputs } from '../../src/evaluate/sampling/certify-inputs.ts';
import { NoisyNetwork } from '../../src/evaluate/sampling/noisy-network.ts';
import { convertGraphModel } from '../../src/export/convert/convert.ts';
import { readForeignOnnx } from '../../src/export/foreign/onnx/read.ts';
import { bake } from '../../src/export/graph-model/bake.ts';
import { GRAPH_MODEL, writeGraphModel } from '../../src/export/graph-model/graph-model.ts';
import { plainModel } from '../../src/export/seal/plain-model.ts';
import { type DomainDataset, readRange } from '../../src/train/data/dataset.ts';
import type { Trainer } from '../../src/train/trainer.ts';

/** The network as a plain ONNX file, without notes of where it comes from. */
async function exported(trainer: Trainer, { shape, classes }: DomainDataset, sigma: number): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'glean-study-'));
  try {
    const modelJson = await writeGraphModel(bake(trainer.condense()), shape, folder);
    const model = await convertGraphModel(modelJson, [GRAPH_MODEL.latent, GRAPH_MODEL.logits]);
    return plainModel(model, { classes: [...classes], sigma, training: {} }, '0');
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The radius that CERTIFY (Cohen et al. 2019; n = 100 000, n₀ = 100, α = 0.001) gives each test image, −1 if the answer is wrong. */
export async function sampledRadii(trainer: Trainer, dataset: DomainDataset, sigma: number): Promise<number[]> {
  const { test } = dataset;
  const network = await NoisyNetwork.load(readForeignOnnx(await exported(trainer, dataset, sigma)));
  try {
    const inputs = Float32Array.from(readRange(test, 0, test.size), (byte) => byte / 255);
    const settings = { sigma, n: 100_000, n0: 100, alpha: 0.001, seed: 0 };
    const answers = await certifyInputs(network, inputs, { ...settings, labels: test.labels });
    return answers.map(({ label, radius }, i) => (label === test.labels[i] ? radius : -1));
  } finally {
    await network.dispose();
  }
}
