/**
 * DomainNet as GLEAN's authors use it: two kinds of class; the style of drawing goes with the label in training and
 * against it in the test.
 */

import { createHash } from 'node:crypto';
import { DATA_STREAMS } from '../../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type DomainDataset, hashImageSets, type ImageSet } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { preparedSet, prepareImages, skippedCounts } from '../prepared/prepared.ts';
import { withFolder } from '../source-folder.ts';
import { type CorrelatedDomain, correlatedDomains, named } from './correlated.ts';
import { DOMAINNET, type DomainNetIdentity, type DomainNetOptions } from './domainnet.ts';
import { type DomainNetLists, readDomainNetLists, subjectOf } from './domainnet-lists.ts';

const STREAM = DATA_STREAMS.styleCue;

const LIMIT = 1000;
const TEST_LIMIT = 2000;
const VALIDATION_LIMIT = 500;
/** The share of the subjects in the training lists that is held out for validation. */
const VALIDATION_SHARE = 0.15;

export interface StyleCueOptions extends Omit<DomainNetOptions, 'heldOut' | 'classes'> {
  /** Share of flipped labels; by default 25 %, as in the code of GLEAN's authors. */
  readonly labelNoise?: number;
  /** The oracle: training domains in which the style tells nothing. */
  readonly blind?: boolean;
  /** The domains whose style goes with label 1 in training; by default the identity's. */
  readonly cue?: readonly string[];
}

export interface StyleCueIdentity extends Omit<DomainNetIdentity, 'heldOut'> {
  /** What label 0 and label 1 are called. */
  readonly kinds: readonly [string, string];
  /** The classes with label 1; the others have label 0. */
  readonly positive: readonly string[];
  readonly cue: readonly string[];
  /** At most this many images in each training domain if the options do not say; 1000 by default. */
  readonly limit?: number;
}

/** DomainNet's animals among its 345 classes. */
const ANIMALS =
  `ant bat bear bee bird butterfly camel cat cow crab crocodile dog dolphin duck elephant fish flamingo frog giraffe hedgehog
  horse kangaroo lion lobster monkey mosquito mouse octopus owl panda parrot penguin pig rabbit raccoon rhinoceros scorpion
  sea_turtle shark sheep snail snake spider squirrel swan tiger whale zebra`.split(/\s+/);

const IDENTITY: StyleCueIdentity = {
  ...DOMAINNET,
  name: 'domainnet-cue',
  title: 'DomainNet, animals against clipart',
  kinds: ['no animal', 'animal'],
  positive: ANIMALS,
  cue: ['clipart'],
};

/**
 * Label 1 is a class of `positive`; attribute 1 is a domain of `cue`. The attribute agrees with the label for 90 % and
 * 80 % of the images of the training domains and for 10 % of the test. The test is drawn from the `_test.txt`; training
 * and validation are drawn from disjoint subjects of the `_train.txt`.
 *
 * @throws InputError if a list is wrong, too many images are unusable, or too few are left for a domain
 */
export async function loadStyleCue(
  options: StyleCueOptions,
  identity: StyleCueIdentity = IDENTITY,
): Promise<DomainDataset> {
  const { dir, side = 64, seed = 2020, labelNoise = 0.25, cue = identity.cue, blind = false } = options;
  const { limit = identity.limit ?? LIMIT } = options;
  const lists = await readDomainNetLists(dir);
  const population = populationOf(lists, identity.positive, cue, dir);
  // Prepared under the name of the whole set: the images are the same, so they are prepared only once.
  const name = identity.name.replace(/-cue$/, '');
  const prepared = await prepareImages(lists.paths, { ...options, name, folder: dir, side });
  const domains = correlatedDomains(
    { ...population, split: population.split.map((split, i) => (prepared.kept[i] === 1 ? split : -1)) },
    {
      seed,
      stream: STREAM,
      labelNoise,
      blind,
      limits: { train: limit, validation: VALIDATION_LIMIT, test: TEST_LIMIT },
      names: { labels: identity.kinds, attribute: ['another style', `the style ${cue.join(' or ')}`] },
    },
  );
  const imageSet = ({ name, indices, labels }: CorrelatedDomain): ImageSet => {
    const attribute = Uint8Array.from(indices, (i) => population.attribute[i]!);
    return preparedSet(prepared, { name, labels, indices, attribute });
  };
  const train = domains.train.map(imageSet);
  const validation = domains.validation.map(imageSet);
  const test = imageSet(domains.test);
  return {
    ...named(identity, blind),
    licence: identity.licence,
    source: identity.source,
    classes: identity.kinds,
    shape: prepared.shape,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    cue: 'style',
    skipped: skippedCounts(prepared),
  };
}

function populationOf(lists: DomainNetLists, positive: readonly string[], cue: readonly string[], dir: string) {
  const unknown = cue.filter((name) => !lists.domains.includes(name));
  if (unknown.length > 0 || cue.length === 0 || cue.length >= lists.domains.length) {
    throw new InputError(
      `${dir}: found the domains ${lists.domains.join(', ')}, expected some but not all of them as cue, got ${cue.join(', ')}`,
      { found: lists.domains, cue },
    );
  }
  const labelOf = Uint8Array.from(lists.classes, (name) => (positive.includes(name) ? 1 : 0));
  const styled = Uint8Array.from(lists.domains, (name) => (cue.includes(name) ? 1 : 0));
  return {
    labels: Uint8Array.from(lists.labels, (label) => labelOf[label]!),
    attribute: Uint8Array.from(lists.domain, (domain) => styled[domain]!),
    split: Int8Array.from(lists.paths, (path, i) => (lists.part[i] === 1 ? 2 : isValidation(path) ? 1 : 0)),
  };
}

/** Decided by the subject's name, so that a subject drawn in many styles is held out in all of them. */
function isValidation(path: string): boolean {
  const digest = createHash('sha256')
    .update(`validation ${subjectOf(path)}`)
    .digest();
  return digest.readUInt32BE(0) / 2 ** 32 < VALIDATION_SHARE;
}

/** Opens it as a configuration asks for it; `blind` is the oracle. */
export async function openStyleCue(request: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  return loadStyleCue({ ...withFolder(request), blind });
}
