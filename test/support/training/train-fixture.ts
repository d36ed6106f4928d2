/** A training run small enough for a test: the first images of every domain of Coloured MNIST, a network of 16 units. */
import { parseConfig, type TrainConfig } from '../../../src/train/config.ts';
import {
  type DomainDataset,
  hashImageSets,
  type ImageSet,
  memoryImages,
  readAll,
  selectImages,
} from '../../../src/train/data/dataset.ts';
import { openDataset } from '../../../src/train/data/registry.ts';
import type { InvarianceConfig } from '../../../src/train/objective/invariance.ts';

/** Coloured MNIST with at most `limit` images in each set. */
export async function smallDataset(limit = 100): Promise<DomainDataset> {
  const full = await openDataset('cmnist');
  const cut = (set: ImageSet) =>
    selectImages(
      set,
      Array.from({ length: Math.min(limit, set.size) }, (_, i) => i),
    );
  const train = full.train.map(cut);
  const validation = full.validation.map(cut);
  const test = cut(full.test);
  return { ...full, train, validation, test, sha256: hashImageSets([...train, ...validation, test]) };
}

type Given = { readonly kind: 'given' };
type Inferred = {
  readonly kind: 'inferred';
  readonly referenceSteps?: number;
  readonly committee?: Readonly<Record<string, number | boolean>>;
};

/** The configuration of a short run. */
export function smallConfig(
  change: {
    readonly seed?: number;
    readonly steps?: number;
    readonly learningRate?: number;
    readonly environments?: Given | Inferred;
    readonly penalty?: InvarianceConfig['penalty'];
  } = {},
): TrainConfig {
  const value = {
    id: 'small',
    title: 'Small',
    data: { name: 'cmnist' },
    network: { hidden: [16, 16] },
    objective: {
      noise: 0.12,
      penalty: change.penalty ?? { kind: 'irm', weight: 100, before: 1, warmup: 2 },
      environments: change.environments ?? { kind: 'inferred', referenceSteps: 12 },
    },
    optimizer: { steps: change.steps ?? 8, perEnvironment: 60, learningRate: change.learningRate ?? 0.01 },
    augmentation: { shift: 2 },
    seed: change.seed ?? 0,
  };
  return parseConfig(value, 'test/support/training/train-fixture.ts');
}

/** A data set as bytes that another process can be given: its images are all read. */
export function packDataset(dataset: DomainDataset): object {
  const pack = ({ read: _, ...set }: ImageSet) => set;
  const withPixels = (set: ImageSet) => ({ ...pack(set), pixels: readAll(set) });
  const { train, validation, test } = dataset;
  return { ...dataset, train: train.map(withPixels), validation: validation.map(withPixels), test: withPixels(test) };
}

type Packed = Parameters<typeof memoryImages>[0];

/** The data set that `packDataset` packed. */
export function unpackDataset(packed: object): DomainDataset {
  const { train, validation, test, ...rest } = packed as DomainDataset & {
    readonly train: readonly Packed[];
    readonly validation: readonly Packed[];
    readonly test: Packed;
  };
  return {
    ...rest,
    train: train.map(memoryImages),
    validation: validation.map(memoryImages),
    test: memoryImages(test),
  };
}
