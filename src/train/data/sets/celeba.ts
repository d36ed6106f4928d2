/**
 * CelebA, or faces in its layout: smiling or not; hair colour goes with the label in training and against it in the
 * test.
 */

import { DATA_STREAMS } from '../../../certify-runtime/smoothing/streams.ts';
import { type DomainDataset, hashImageSets, type ImageSet } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { type Progress, preparedSet, prepareImages, skippedCounts } from '../prepared/prepared.ts';
import { withFolder } from '../source-folder.ts';
import { readCelebaLists } from './celeba-lists.ts';
import { findCeleba, refuseOtherNames } from './celeba-places.ts';
import { type CorrelatedDomain, correlatedDomains, named } from './correlated.ts';

const STREAM = DATA_STREAMS.celeba;

/** GLEAN's authors crop the middle 128×128 of CelebA's 178×218. */
const CROP = 128 / 178;

/** GLEAN's authors have two training domains of 10 000 images and 4000 images in the test. */
const LIMIT = 10_000;
const TEST_LIMIT = 4000;
const VALIDATION_LIMIT = 1000;

export interface CelebaOptions {
  readonly dir: string;
  readonly cache: string;
  /** By default 64. */
  readonly side?: number;
  /** The seed of the label noise and of the choice of images; 2020 by default. */
  readonly seed?: number;
  /** Share of flipped labels; by default 25 %, as in the code of GLEAN's authors. */
  readonly labelNoise?: number;
  /** The oracle: training domains in which hair colour tells nothing. */
  readonly blind?: boolean;
  /** At most this many images in each training domain; by default 10 000. */
  readonly limit?: number;
  readonly maxSkipped?: number;
  readonly onProgress?: Progress;
}

/** What the data set is called, where it comes from, and which of its attributes are the task. */
export interface CelebaIdentity {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly source: string;
  readonly task: CelebaTask;
}

interface CelebaTask {
  /** The attribute that is the label. */
  readonly label: string;
  readonly classes: readonly [without: string, having: string];
  /** The attribute whose *absence* goes with label 1 in training. */
  readonly cue: string;
  /** What the cue is about. */
  readonly cueName: string;
  /** What the values are called in errors: of the label, 0 and 1, and of the cue, there and absent. */
  readonly names: { readonly labels: readonly [string, string]; readonly attribute: readonly [string, string] };
}

/** Smiling goes with dark hair, as in the code of GLEAN's authors. */
export const SMILING: CelebaTask = {
  label: 'Smiling',
  classes: ['not smiling', 'smiling'],
  cue: 'Blond_Hair',
  cueName: 'hair',
  names: { labels: ['no smile', 'a smile'], attribute: ['blond hair', 'dark hair'] },
};

const CELEBA: CelebaIdentity = {
  name: 'celeba',
  title: 'CelebA, smiling against hair colour',
  licence: 'non-commercial research only (CelebA: Liu, Luo, Wang, Tang; CUHK)',
  source: 'CelebA, aligned and cropped images as published',
  task: SMILING,
};

/**
 * Label 1 is an image with the label's attribute; attribute 1 is one without the cue's: for CelebA `Smiling` and hair
 * that is not `Blond_Hair`. The attribute agrees with the label for 90 % and 80 % of the images of the training domains
 * and for 10 % of the test, as in the code of GLEAN's authors. Their domains are the first rows that fit; ours are drawn
 * from the published partitions, so that nobody is in two of them.
 *
 * @throws InputError if images or lists are not found or are found twice, a list is wrong, too many images are
 *   unusable, or too few are left for a domain
 */
export async function loadCeleba(
  options: CelebaOptions,
  { task, ...identity }: CelebaIdentity = CELEBA,
): Promise<DomainDataset> {
  const { dir, seed = 2020, labelNoise = 0.25, limit = LIMIT, side = 64, blind = false } = options;
  const places = await findCeleba(dir);
  const folder = places.images;
  const lists = await readCelebaLists(places, [task.label, task.cue]);
  await refuseOtherNames(folder, lists.files, places.attributes);
  const [labels, cue] = lists.attributes as [Uint8Array, Uint8Array];
  const prepared = await prepareImages(lists.files, { ...options, name: identity.name, folder, side, crop: CROP });
  const attribute = cue.map((value) => 1 - value);
  const domains = correlatedDomains(
    {
      labels,
      attribute,
      split: lists.partition.map((part, i) => (prepared.kept[i] === 1 ? part : -1)),
    },
    {
      seed,
      stream: STREAM,
      labelNoise,
      blind,
      limits: { train: limit, validation: VALIDATION_LIMIT, test: TEST_LIMIT },
      names: task.names,
    },
  );
  const imageSet = ({ indices, ...domain }: CorrelatedDomain): ImageSet =>
    preparedSet(prepared, { ...domain, indices, attribute: Uint8Array.from(indices, (i) => attribute[i]!) });
  const train = domains.train.map(imageSet);
  const validation = domains.validation.map(imageSet);
  const test = imageSet(domains.test);
  return {
    ...identity,
    ...named(identity, blind),
    classes: task.classes,
    shape: prepared.shape,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    cue: task.cueName,
    skipped: skippedCounts(prepared),
  };
}

/** Opens it as a configuration asks for it; `blind` is the oracle. */
export async function openCeleba(request: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  return loadCeleba({ ...withFolder(request), blind });
}
