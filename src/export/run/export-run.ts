/**
 * From a finished run to a sealed model: checkpoint → baked graph model → ONNX → sealed file, measured and with its
 * card.
 */

import { join } from 'node:path';
import { Certifier, runUnverified } from '../../certify-runtime/node.ts';
import { SMOOTHING_DEFAULTS } from '../../certify-runtime/smoothing/certify.ts';
import { createRandom, uniformInt } from '../../certify-runtime/smoothing/random.ts';
import { SEEDS } from '../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import type { VerifiedModel } from '../../certify-runtime/trusted/verify.ts';
import {
  type CertifiedAccuracy,
  certifyImages,
  formatTable,
  type SmoothingSettings,
  selectSplits,
  summarize,
} from '../../evaluate/certified-accuracy.ts';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import type { CommitteeChecks } from '../../train/checks.ts';
import type { TrainConfig } from '../../train/config.ts';
import { bytesPerImage, type DomainDataset } from '../../train/data/dataset.ts';
import { modelCard } from '../seal/model-card.ts';
import { type PrecisionCosts, precisionCosts } from '../seal/precision-costs.ts';
import { seal } from '../seal/seal.ts';
import { committeeTable } from './committee-table.ts';
import { type ExportOptions, finishedModel } from './finished-run.ts';

/**
 * The images of a model's known vectors, which any provider must answer as this machine does: one image for each of the
 * first two labels that occur, and two of noise. An image is held out, from the first domain that has its label; if
 * none has, it is a training image.
 */
export function knownVectors(dataset: DomainDataset): Uint8Array[] {
  const size = bytesPerImage(dataset.shape);
  const sets = [...dataset.validation, ...dataset.train];
  const images: Uint8Array[] = [];
  for (let label = 0; label < dataset.classes.length && images.length < 2; label++) {
    const set = sets.find(({ labels }) => labels.includes(label));
    if (set !== undefined) images.push(set.read([set.labels.indexOf(label)]));
  }
  const noise = [0, 1].map((stream) => {
    const random = createRandom(SEEDS.knownVectors.noise, stream);
    return Uint8Array.from({ length: size }, () => uniformInt(256, random));
  });
  return [...images, ...noise];
}

/** A finished run, sealed: the file's bytes and what it was made from. */
export interface SealedRun {
  readonly bytes: Uint8Array;
  readonly verified: VerifiedModel;
  /** The network before it was sealed. */
  readonly model: OnnxModel;
  readonly config: TrainConfig;
  readonly objective: Exclude<TrainConfig['objective'], { readonly baseline: string }>;
  readonly dataset: DomainDataset;
  readonly directory: string;
  /** What could be told of a committee's answers; undefined if there was none. */
  readonly checks: CommitteeChecks | undefined;
}

/**
 * Bakes, converts and seals a finished run; writes nothing but the run's graph model.
 *
 * @throws InputError for a baseline's run; also what finishedModel and seal throw
 */
export async function sealRun(run: string, options: ExportOptions = {}): Promise<SealedRun> {
  const { say = () => undefined } = options;
  const { readRunConfig } = await import('../../train/run.ts');
  const { objective } = await readRunConfig(run);
  if ('baseline' in objective) {
    throw new InputError(`${run}: '${objective.baseline}' smooths the image, nothing to seal; export it with --plain`);
  }
  const { config, dataset, model, directory, version, checks, training } = await finishedModel(run, options);
  say('proving the Lipschitz bound and sealing');
  const { bytes, verified } = await seal(model, {
    classes: dataset.classes,
    sigma: objective.noise,
    vectors: knownVectors(dataset),
    training,
    producerVersion: version,
    run: runUnverified,
    precision: options.precision ?? config.precision ?? 'float32',
  });
  return { bytes, verified, model, config, objective, dataset, directory, checks };
}

function environmentsInWords({ environments }: SealedRun['objective'], checks: CommitteeChecks | undefined): string {
  if (environments.kind === 'given') return 'the given domains';
  return checks === undefined
    ? 'inferred from what a reference gets right and wrong (no label of the cue enters)'
    : 'inferred from what a committee gets right and wrong of images it was not trained on (no label of the cue enters)';
}

/** What `glean export` made and measured. */
export interface ExportedRun {
  readonly path: string;
  readonly verified: VerifiedModel;
  readonly margin: ReadonlyMap<string, CertifiedAccuracy>;
  readonly smoothed: ReadonlyMap<string, CertifiedAccuracy>;
  readonly smoothing: SmoothingSettings;
  readonly precisions: PrecisionCosts;
}

/**
 * Bakes, converts, seals and measures a finished run; writes model.onnx and README.md to `directory`.
 *
 * @throws what sealRun throws
 */
export async function exportRun(run: string, options: ExportOptions = {}): Promise<ExportedRun> {
  const { say = () => undefined } = options;
  const { bytes, verified, model, config, objective, dataset, directory, checks } = await sealRun(run, options);
  say('measuring');
  const certifier = await Certifier.load(bytes);
  const smoothing = { ...SMOOTHING_DEFAULTS, sigma: objective.noise, seed: 0 };
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
    environments: environmentsInWords(objective, checks),
    ...(checks === undefined ? {} : { committee: committeeTable(checks) }),
    verified,
    marginTable: formatTable(margin, true),
    smoothingTable: formatTable(smoothed, true),
    smoothing,
    testAccuracy: margin.get('test')!.accuracy,
  });
  const path = join(directory, 'model.onnx');
  await writeFileAtomic(path, bytes);
  await writeFileAtomic(join(directory, 'README.md'), card);
  return { path, verified, margin, smoothed, smoothing, precisions: await precisionCosts(model, bytes, verified) };
}
