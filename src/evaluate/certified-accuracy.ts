/** Certified accuracy of a model on a split, a row of the paper's table, by any certificate. */

import type { Certifier } from '../certify-runtime/node.ts';
import type { SmoothedCertificate } from '../certify-runtime/smoothing/certify.ts';
import { InputError } from '../certify-runtime/trusted/errors.ts';
import { type DomainDataset, type ImageSet, readRange } from '../train/data/dataset.ts';
import type { CertifyInputsOptions } from './sampling/certify-inputs.ts';

/** The radii of the paper's tables. */
export const RADII: readonly number[] = Array.from({ length: 10 }, (_, i) => i * 0.05);

export interface SmoothingSettings {
  readonly sigma: number;
  readonly n: number;
  readonly n0: number;
  readonly alpha: number;
  readonly seed: number;
}

/** One image's answer. */
export interface Certified {
  readonly correct: boolean;
  /** 0 if it abstained or was not certified. */
  readonly radius: number;
}

/** Fractions of 1; the keys of `certifiedAccuracy` are radii with two decimals. */
export interface CertifiedAccuracy {
  readonly n: number;
  /** The share of right labels, whatever their radius; an abstention is not right. */
  readonly accuracy: number;
  /** Average certified radius: mean of radius · correct. */
  readonly acr: number;
  /** The share of right labels with at least this radius. */
  readonly certifiedAccuracy: Readonly<Record<string, number>>;
}

const BATCH = 256;

/** The splits of a data set by name: `test`, `validation/DOMAIN`, `train/DOMAIN`. */
function splitsOf(dataset: DomainDataset): ReadonlyMap<string, ImageSet> {
  return new Map([
    ...dataset.train.map((set) => [`train/${set.name}`, set] as const),
    ...dataset.validation.map((set) => [`validation/${set.name}`, set] as const),
    ['test', dataset.test] as const,
  ]);
}

/** The splits of those names; `train` or `validation` alone stands for all of its domains. */
export function selectSplits(dataset: DomainDataset, wanted: readonly string[]): ReadonlyMap<string, ImageSet> {
  const splits = splitsOf(dataset);
  const selected = new Map(
    [...splits].filter(([name]) => wanted.some((want) => name === want || name.startsWith(`${want}/`))),
  );
  for (const want of wanted) {
    if (![...selected.keys()].some((name) => name === want || name.startsWith(`${want}/`))) {
      throw new InputError(
        `no split '${want}' in ${dataset.name}: expected train, validation, ${[...splits.keys()].join(', ')}`,
      );
    }
  }
  return selected;
}

/** @throws InputError if the model takes other images than the set holds */
function checkShape(shape: readonly number[], set: ImageSet): void {
  if (shape.join() !== set.shape.join()) {
    throw new InputError(`the model takes images of ${shape.join('×')}, the data set has ${set.shape.join('×')}`);
  }
}

/** The first `limit` images of a set, each with its certificate; `onProgress` hears how many are done. */
export async function certifyImages(
  certifier: Certifier,
  set: ImageSet,
  options: {
    readonly smoothing?: SmoothingSettings;
    readonly limit?: number;
    readonly onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<readonly Certified[]> {
  checkShape(certifier.certificate.input.shape, set);
  const { smoothing } = options;
  const size = certifier.imageSize;
  const total = Math.min(set.size, options.limit ?? set.size);
  const answers: Certified[] = [];
  for (let begin = 0; begin < total; begin += BATCH) {
    const end = Math.min(total, begin + BATCH);
    const pixels = readRange(set, begin, end);
    if (smoothing === undefined) {
      const predictions = await certifier.predictBatch(pixels);
      predictions.forEach(({ label, radius }, i) => {
        answers.push({ correct: label === set.labels[begin + i], radius });
      });
    } else {
      for (let i = begin; i < end; i++) {
        const image = pixels.subarray((i - begin) * size, (i - begin + 1) * size);
        // Each image has its own random stream, so the answer does not depend on the order or the limit.
        const { label, radius } = await certifier.smooth(image, { ...smoothing, stream: i });
        answers.push({ correct: label === set.labels[i], radius });
      }
    }
    options.onProgress?.(end, total);
  }
  return answers;
}

/**
 * What can be certified by draws through ONNX Runtime: a classifier of noisy images, or a sealed encoder with a head.
 */
export interface Sampled {
  /** H, W, C. */
  readonly shape: readonly number[];
  /** @param images float32 on [0, 1], one after the other */
  certify(images: Float32Array, options: CertifyInputsOptions): Promise<readonly SmoothedCertificate[]>;
}

/**
 * Certifies the first `limit` images of a set by draws through ONNX Runtime, all at once; `onProgress` hears how many
 * draws are done. An image whose selected class is wrong is not sampled further: it counts as 0 in every figure anyway.
 */
export async function certifySampled(
  model: Sampled,
  set: ImageSet,
  options: {
    readonly smoothing: SmoothingSettings;
    readonly limit?: number;
    readonly onProgress?: (done: number, total: number) => void;
  },
): Promise<readonly Certified[]> {
  checkShape(model.shape, set);
  const { smoothing, limit = set.size, onProgress } = options;
  const total = Math.min(set.size, limit);
  const images = Float32Array.from(readRange(set, 0, total), (byte) => byte / 255);
  const labels = set.labels.subarray(0, total);
  const answers = await model.certify(images, {
    ...smoothing,
    labels,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return answers.map(({ label, radius }, i) => ({ correct: label === labels[i], radius }));
}

/** Share of images that are right and certified to at least r; at r = 0, those that are right and not abstained on. */
export function certifiedShare(answers: readonly Certified[], r: number): number {
  return answers.filter(({ correct, radius }) => correct && radius >= r).length / answers.length;
}

export function summarize(answers: readonly Certified[]): CertifiedAccuracy {
  const n = answers.length;
  return {
    n,
    accuracy: answers.filter(({ correct }) => correct).length / n,
    acr: answers.reduce((sum, { correct, radius }) => sum + (correct ? radius : 0), 0) / n,
    certifiedAccuracy: Object.fromEntries(RADII.map((r) => [r.toFixed(2), certifiedShare(answers, r)])),
  };
}

/** A table in plain text or Markdown: one row for each name. */
export function formatTable(rows: ReadonlyMap<string, CertifiedAccuracy>, markdown = false): string {
  const percent = (value: number) => (100 * value).toFixed(1);
  const header = ['', ...RADII.map((r) => `r=${r.toFixed(2)}`), 'ACR'];
  const lines = [...rows].map(([name, row]) => [
    name,
    ...RADII.map((r) => percent(row.certifiedAccuracy[r.toFixed(2)]!)),
    row.acr.toFixed(4),
  ]);
  if (markdown) {
    return [header, header.map((_, i) => (i === 0 ? '---' : '---:')), ...lines]
      .map((line) => `| ${line.join(' | ')} |`)
      .join('\n');
  }
  const widths = header.map((_, i) => Math.max(...[header, ...lines].map((line) => line[i]!.length)));
  return [header, ...lines]
    .map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n');
}
