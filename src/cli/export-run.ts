/** From a finished run to a sealed model: checkpoint → baked graph model → ONNX → sealed file, measured, with its card. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SMOOTHING_DEFAULTS } from '../certify-runtime/core/smoothing/certify.ts';
import { createRandom, uniformInt } from '../certify-runtime/core/smoothing/random.ts';
import type { VerifiedModel } from '../certify-runtime/core/verify.ts';
import { Certifier, runUnverified } from '../certify-runtime/node.ts';
import { writeFileAtomic } from '../export/atomic-file.ts';
import { bake } from '../export/bake.ts';
import { convertGraphModel } from '../export/convert.ts';
import { GRAPH_MODEL, writeGraphModel } from '../export/graph-model.ts';
import { modelCard } from '../export/model-card.ts';
import { seal } from '../export/seal.ts';
import { bytesPerImage, type DomainDataset } from '../train/data/dataset.ts';
import { openDataset } from '../train/data/registry.ts';
import {
  type CertifiedAccuracy,
  certifyImages,
  formatTable,
  type SmoothingSettings,
  selectSplits,
  summarize,
} from './certified-accuracy.ts';

const PACKAGES = ['@tensorflow/tfjs-node', 'onnxruntime-node'];
const PYTHON_PACKAGES = ['tensorflow-cpu', 'tf2onnx', 'onnx'];

/** Versions of what made the file. */
async function packageVersions(): Promise<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const own = require('../../package.json') as { version: string; dependencies: Record<string, string> };
  const requirements = await readFile(new URL('../../pipeline/python/requirements.txt', import.meta.url), 'utf8');
  const python = PYTHON_PACKAGES.map((name) => {
    const version = new RegExp(`^${name}==(\\S+)`, 'm').exec(requirements)?.[1];
    return [name, version ?? 'unknown'] as const;
  });
  const node = PACKAGES.map((name) => [name, own.dependencies[name] ?? 'unknown'] as const);
  return { glean: own.version, ...Object.fromEntries([...node, ...python]) };
}

/** Two held-out images of different labels, and two of noise: what a provider must answer as this machine does. */
function knownVectors(dataset: DomainDataset): Uint8Array[] {
  const set = dataset.validation[0]!;
  const size = bytesPerImage(set.shape);
  const images = [0, 1].map((label) => set.read([set.labels.indexOf(label)]));
  const noise = [0, 1].map((stream) => {
    const random = createRandom(0, stream);
    return Uint8Array.from({ length: size }, () => uniformInt(256, random));
  });
  return [...images, ...noise];
}

/** What `glean export` made and measured. */
export interface ExportedRun {
  readonly path: string;
  readonly verified: VerifiedModel;
  readonly margin: ReadonlyMap<string, CertifiedAccuracy>;
  readonly smoothed: ReadonlyMap<string, CertifiedAccuracy>;
  readonly smoothing: SmoothingSettings;
}

/**
 * Bakes, converts, seals and measures a finished run; writes model.onnx and README.md to `directory`.
 *
 * @throws what readRun, convertGraphModel and seal throw
 */
export async function exportRun(
  run: string,
  options: {
    readonly directory?: string;
    readonly dataDir?: string;
    readonly say?: (message: string) => void;
  } = {},
): Promise<ExportedRun> {
  // Loads TensorFlow: only here, so that other commands and --help start at once.
  const { readRun, readRunConfig } = await import('../train/run.ts');
  const { say = () => undefined, dataDir } = options;
  const config = await readRunConfig(run);
  const dataset = await openDataset(config.data.name, dataDir === undefined ? {} : { dir: dataDir });
  const finished = await readRun(run, dataset, (error) => say(`refused ${error.message}; using the one before`));
  const directory = options.directory ?? join('models', config.id);

  say('baking Cayley layers into orthogonal matrices');
  const network = bake(finished.network);
  const modelJson = await writeGraphModel(network, dataset.shape, join(run, 'graph-model'));
  say('converting with tf2onnx');
  const model = await convertGraphModel(modelJson, [GRAPH_MODEL.latent, GRAPH_MODEL.logits]);
  say('proving the Lipschitz bound and sealing');
  const packages = await packageVersions();
  const { name, title, sha256, licence, source } = dataset;
  const { bytes, verified } = await seal(model, {
    classes: dataset.classes,
    sigma: config.objective.noise,
    vectors: knownVectors(dataset),
    training: {
      dataset: { name, title, sha256, licence, source },
      config,
      seed: config.seed,
      run: finished.run,
      packages,
    },
    producerVersion: packages['glean']!,
    run: runUnverified,
  });

  say('measuring');
  const certifier = await Certifier.load(bytes);
  const smoothing = { ...SMOOTHING_DEFAULTS, sigma: config.objective.noise, seed: 0 };
  const margin = new Map<string, CertifiedAccuracy>();
  const smoothed = new Map<string, CertifiedAccuracy>();
  for (const [split, set] of selectSplits(dataset, ['validation', 'test'])) {
    margin.set(split, summarize(await certifyImages(certifier, set)));
    smoothed.set(split, summarize(await certifyImages(certifier, set, { smoothing })));
  }
  await certifier.dispose();
  const card = modelCard({
    id: config.id,
    title: config.title,
    dataset,
    seed: config.seed,
    environments:
      config.objective.environments.kind === 'inferred'
        ? 'inferred from what a reference gets right and wrong (no colour label enters)'
        : 'the given domains',
    verified,
    marginTable: formatTable(margin, true),
    smoothingTable: formatTable(smoothed, true),
    smoothing,
    testAccuracy: margin.get('test')!.accuracy,
  });
  const path = join(directory, 'model.onnx');
  await writeFileAtomic(path, bytes);
  await writeFileAtomic(join(directory, 'README.md'), card);
  return { path, verified, margin, smoothed, smoothing };
}
