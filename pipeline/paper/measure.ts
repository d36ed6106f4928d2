/** One run from configuration to result: train, export, seal, verify, attack, certify. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { differentiate } from '../../src/certify-runtime/gradient/network.ts';
import { Certifier, checkGraph } from '../../src/certify-runtime/node.ts';
import { TENSORS } from '../../src/certify-runtime/trusted/file/names.ts';
import { pairwiseDistances } from '../../src/certify-runtime/trusted/head.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { attack } from '../../src/evaluate/attack/attack.ts';
import { sessionJudge } from '../../src/evaluate/attack/judge.ts';
import { type Certified, certifiedShare, certifyImages, summarize } from '../../src/evaluate/certified-accuracy.ts';
import { certifyInputs } from '../../src/evaluate/sampling/certify-inputs.ts';
import { NoisyNetwork } from '../../src/evaluate/sampling/noisy-network.ts';
import { readForeignOnnx } from '../../src/export/foreign/onnx/read.ts';
import { exportPlain } from '../../src/export/run/export-plain.ts';
import { sealRun } from '../../src/export/run/export-run.ts';
import { writeFileAtomic } from '../../src/files/atomic-file.ts';
import { type DomainDataset, type ImageSet, readRange, selectImages } from '../../src/train/data/dataset.ts';
import type { Accuracies } from '../../src/train/trainer.ts';
import { configOf, type Job, type Measurement } from './experiment.ts';
import { type CertifiedResult, CURVE_STEP, type DataSummary, type Measured } from './result.ts';

const CURVE_END = 0.6;
const BATCH = 256;
/** The seed of certification and attack: the models differ from run to run, so the draws need not. */
const SEED = 0;

export function summaryOf(dataset: DomainDataset): DataSummary {
  const { test } = dataset;
  const labels = dataset.classes.map(() => 0);
  for (const label of test.labels) labels[label]!++;
  return {
    name: dataset.name,
    title: dataset.title,
    classes: dataset.classes.length,
    shape: [...dataset.shape],
    train: Object.fromEntries(dataset.train.map(({ name, size }) => [name, size])),
    test: { name: test.name, size: test.size, labels },
    sha256: dataset.sha256,
  };
}

/** `count` of `size` indices, evenly spread; all of them if there are no more. */
function spreadIndices(size: number, count: number): Uint32Array {
  const chosen = Math.min(size, count);
  return Uint32Array.from({ length: chosen }, (_, i) => Math.floor((i * size) / chosen));
}

function certifiedResult(
  certificate: CertifiedResult['certificate'],
  images: CertifiedResult['images'],
  answers: readonly Certified[],
): CertifiedResult {
  const curve = Array.from({ length: Math.round(CURVE_END / CURVE_STEP) + 1 }, (_, i) =>
    certifiedShare(answers, i * CURVE_STEP),
  );
  return { certificate, images, ...summarize(answers), curve };
}

/** The results over all images, and over those of the subset. */
function bothResults(
  certificate: CertifiedResult['certificate'],
  answers: readonly Certified[],
  subset: Uint32Array,
): CertifiedResult[] {
  const chosen = Array.from(subset, (index) => answers[index]!);
  return [certifiedResult(certificate, 'all', answers), certifiedResult(certificate, 'subset', chosen)];
}

/**
 * The margin certificate of every test image, and the median of what float32 takes off it: min_j (y_c − y_j)/(L·s_cj),
 * the radius in exact arithmetic, minus the radius given.
 */
async function certifyByMargin(
  certifier: Certifier,
  set: ImageSet,
): Promise<{ readonly answers: readonly Certified[]; readonly slack: number }> {
  const { head, certificate } = certifier.model;
  const distances = pairwiseDistances(head);
  const answers: Certified[] = [];
  const slacks: number[] = [];
  for (let begin = 0; begin < set.size; begin += BATCH) {
    const end = Math.min(set.size, begin + BATCH);
    const predictions = await certifier.predictBatch(readRange(set, begin, end));
    predictions.forEach(({ label, radius, logits }, i) => {
      answers.push({ correct: label === set.labels[begin + i], radius });
      const exact = Math.min(
        ...[...logits.keys()]
          .filter((j) => j !== label)
          .map((j) => {
            const distance = distances[label * head.classes + j]!;
            return (logits[label]! - logits[j]!) / (certificate.lipschitz.upper * distance);
          }),
      );
      if (radius > 0) slacks.push(exact - radius);
    });
  }
  slacks.sort((a, b) => a - b);
  return { answers, slack: slacks[slacks.length >> 1] ?? 0 };
}

/** CERTIFY in image space; images whose selected class is wrong count as 0 anyway and are not sampled further. */
export async function certifyPlain(
  bytes: Uint8Array,
  set: ImageSet,
  smoothing: Measurement['smoothing'],
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<readonly Certified[]> {
  const network = await NoisyNetwork.load(readForeignOnnx(bytes));
  try {
    const inputs = Float32Array.from(readRange(set, 0, set.size), (byte) => byte / 255);
    const { labels } = set;
    const answers = await certifyInputs(network, inputs, { ...smoothing, seed: SEED, labels, onProgress });
    return answers.map(({ label, radius }, i) => ({ correct: label === labels[i], radius }));
  } finally {
    await network.dispose();
  }
}

function modelOf(bytes: Uint8Array): Measured['model'] {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Hears how far a run has come. */
export type OnProgress = (phase: string, done: number, total: number) => void;

type AttackSummary = NonNullable<Measured['proof']>['attack'];

/** Attacks images of the test set with the gradients of the exported weights. */
async function attackModel(
  bytes: Uint8Array,
  certifier: Certifier,
  set: ImageSet,
  { images, steps, restarts }: Measurement['attack'],
): Promise<AttackSummary> {
  const chosen = selectImages(set, spreadIndices(set.size, images));
  const pixels = Float32Array.from(readRange(chosen, 0, chosen.size), (byte) => byte / 255);
  const { certificate } = certifier;
  const judge = await sessionJudge(bytes, certificate.input.shape, certificate.classes.length);
  try {
    const network = differentiate(readOnnx(bytes).graph, TENSORS.image, TENSORS.logits);
    const report = await attack(judge, network, pixels, { steps, restarts, seed: SEED });
    return {
      images: chosen.size,
      points: report.evaluations,
      inside: report.attackedPoints,
      broken: report.broken,
      smallestRatio: report.smallestRatio,
      medianRatio: report.medianRatio,
      gradients: report.gradients,
    };
  } finally {
    await judge.release();
  }
}

/** Seconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return Math.round(seconds * 10) / 10;
  };
}

/** Trains in `directory`, resuming where an interrupted run stopped. */
async function trainRun(
  job: Job,
  dataset: DomainDataset,
  directory: string,
  onStep: (done: number, steps: number) => void,
): Promise<Omit<Measured['training'], 'seconds'>> {
  // This loads TensorFlow, so it is imported only here: the report can be written without it.
  const { train } = await import('../../src/train/run.ts');
  let resumedAt = 0;
  let accuracy: Accuracies | undefined;
  await train(configOf(job), dataset, directory, {
    onStart: (step) => {
      resumedAt = step;
    },
    onStep: ({ step, steps }) => onStep(step, steps),
    onEvaluation: (_, accuracies) => {
      accuracy = accuracies;
    },
  });
  // A run that was already finished evaluates nothing now; its last evaluation is in its log.
  accuracy ??= await lastAccuracy(directory);
  return { resumedAt, accuracy: { train: { ...accuracy.train }, validation: { ...accuracy.validation } } };
}

async function lastAccuracy(directory: string): Promise<Accuracies> {
  const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { readonly accuracies?: Accuracies });
  return entries.findLast(({ accuracies }) => accuracies !== undefined)!.accuracies!;
}

/**
 * Measures one run; its checkpoints and its model stay in `directory`.
 *
 * @throws what training, export, verification and certification throw
 */
export async function measure(
  job: Job,
  dataset: DomainDataset,
  directory: string,
  onProgress: OnProgress,
): Promise<Measured> {
  const { measurement } = job.experiment;
  const { smoothing } = measurement;
  const lap = stopwatch();
  const trained = await trainRun(job, dataset, directory, (done, steps) => onProgress('train', done, steps));
  const training = { seconds: lap(), ...trained };

  onProgress('export', 0, 1);
  const to = join(directory, 'model');
  const subset = spreadIndices(dataset.test.size, measurement.images);
  if (measurement.kind === 'plain') {
    const bytes = await readFile(await exportPlain(directory, { directory: to }));
    const seconds = { export: lap(), certify: 0, attack: 0 };
    const answers = await certifyPlain(bytes, selectImages(dataset.test, subset), smoothing, (done, total) =>
      onProgress('certify', done, total),
    );
    seconds.certify = lap();
    return {
      training,
      model: modelOf(bytes),
      proof: null,
      certified: [certifiedResult('image', 'subset', answers)],
      seconds,
    };
  }
  const { bytes } = await sealRun(directory);
  await writeFileAtomic(join(to, 'model.onnx'), bytes);
  // Loading proves the bound again from the bytes and runs the known vectors; checkGraph compares the whole graph.
  const certifier = await Certifier.load(bytes);
  try {
    const { proven } = certifier.model;
    await checkGraph(bytes, { ...certifier.model, proven: proven! });
    const seconds = { export: lap(), certify: 0, attack: 0 };
    onProgress('certify', 0, 1);
    const margin = await certifyByMargin(certifier, dataset.test);
    const latent = await certifyImages(certifier, dataset.test, { smoothing: { ...smoothing, seed: SEED } });
    seconds.certify = lap();
    onProgress('attack', 0, 1);
    const attacked = await attackModel(bytes, certifier, dataset.test, measurement.attack);
    seconds.attack = lap();
    return {
      training,
      model: modelOf(bytes),
      proof: { lipschitz: proven!.lipschitz, slack: margin.slack, attack: attacked },
      certified: [...bothResults('margin', margin.answers, subset), ...bothResults('latent', latent, subset)],
      seconds,
    };
  } finally {
    await certifier.dispose();
  }
}
