/** DomainNet, or pictures in its layout: trained on all domains but one, tested on that one. */

import { createRandom, shuffle } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS } from '../../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type DomainDataset, hashImageSets, type ImageSet } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { type Prepared, type Progress, preparedSet, prepareImages, skippedCounts } from '../prepared/prepared.ts';
import { withFolder } from '../source-folder.ts';
import { type DomainNetLists, readDomainNetLists } from './domainnet-lists.ts';

const STREAM = DATA_STREAMS.domainNet;

const VALIDATION_LIMIT = 1000;

export interface DomainNetOptions {
  readonly dir: string;
  readonly cache: string;
  /** By default 64. */
  readonly side?: number;
  /** The domain that is tested on and not trained on; by default the identity's. */
  readonly heldOut?: string;
  /** The classes to tell apart; by default all. */
  readonly classes?: readonly string[];
  /** The seed of the choice of images if there are more than `limit`; 2020 by default. */
  readonly seed?: number;
  /** At most this many images in each training domain; by default all. */
  readonly limit?: number;
  readonly maxSkipped?: number;
  readonly onProgress?: Progress;
}

export interface DomainNetIdentity {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly source: string;
  readonly heldOut: string;
}

export const DOMAINNET: DomainNetIdentity = {
  name: 'domainnet',
  title: 'DomainNet',
  licence: 'fair use, research only (DomainNet: Peng et al. 2019)',
  source: 'DomainNet, images and lists as published',
  heldOut: 'sketch',
};

/**
 * The training sets are the `_train.txt` of every domain but the held-out one, the validation sets their `_test.txt`,
 * and the test set is the `_test.txt` of the held-out one, so no listed image is in two of them. Every set is in a
 * random order that the seed decides.
 *
 * @throws InputError if a list is wrong, too many images are unusable, or a class or one of the sets is empty
 */
export async function loadDomainNet(
  options: DomainNetOptions,
  identity: DomainNetIdentity = DOMAINNET,
): Promise<DomainDataset> {
  const { dir, side = 64, seed = 2020, limit = Number.POSITIVE_INFINITY } = options;
  const lists = await readDomainNetLists(dir);
  const heldOut = domainNumber(lists, options.heldOut ?? identity.heldOut, dir);
  const classes = options.classes ?? lists.classes;
  const labelOf = relabelling(lists, classes, dir);
  const prepared = await prepareImages(lists.paths, { ...options, name: identity.name, folder: dir, side });

  const choose = (domain: number, part: number, most: number): ImageSet => {
    const chosen: number[] = [];
    lists.paths.forEach((_, i) => {
      const belongs = lists.domain[i] === domain && lists.part[i] === part;
      if (belongs && prepared.kept[i] === 1 && labelOf[lists.labels[i]!] !== -1) chosen.push(i);
    });
    shuffle(chosen, createRandom(seed, STREAM + 2 * domain + part));
    return toSet(prepared, lists, labelOf, classes.length, domain, chosen.slice(0, most));
  };
  const training = lists.domains.map((_, d) => d).filter((d) => d !== heldOut);
  const train = training.map((d) => choose(d, 0, limit));
  const validation = training.map((d) => choose(d, 1, VALIDATION_LIMIT));
  const test = choose(heldOut, 1, Number.POSITIVE_INFINITY);
  refuseEmpty(classes, train, `the training part of ${training.map((d) => lists.domains[d]).join(', ')}`, dir);
  refuseEmpty(classes, [test], `the test part of ${lists.domains[heldOut]}`, dir);
  for (const [part, sets] of [
    ['train', train],
    ['test', validation],
  ] as const) {
    const empty = sets.find((set) => set.size === 0);
    if (empty === undefined) continue;
    throw new InputError(
      `${dir}: found no usable image of the ${classes.length} classes in ${empty.name}_${part}.txt, expected at least one; take other classes, or move the lists of ${empty.name} elsewhere`,
      { domain: empty.name, part },
    );
  }
  return {
    name: identity.name,
    title: `${identity.title}, ${lists.domains[heldOut]} held out`,
    licence: identity.licence,
    source: identity.source,
    classes,
    shape: prepared.shape,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    skipped: skippedCounts(prepared),
  };
}

function domainNumber(lists: DomainNetLists, name: string, dir: string): number {
  const number = lists.domains.indexOf(name);
  if (number < 0) {
    throw new InputError(
      `${dir}: found the domains ${lists.domains.join(', ')}, expected ${name} (heldOut) among them`,
      {
        found: lists.domains,
        expected: name,
      },
    );
  }
  return number;
}

/** For each label of the lists, its label among `classes`; -1 if it is not wanted. */
function relabelling(lists: DomainNetLists, classes: readonly string[], dir: string): Int16Array {
  const unknown = classes.filter((name) => !lists.classes.includes(name));
  if (unknown.length > 0) {
    throw new InputError(`${dir}: found no class ${unknown.join(', ')}, expected some of ${lists.classes.join(', ')}`, {
      unknown,
    });
  }
  if (classes.length < 2 || new Set(classes).size < classes.length) {
    throw new InputError(`found the classes ${classes.join(', ')}, expected at least two different ones`, { classes });
  }
  return Int16Array.from(lists.classes, (name) => classes.indexOf(name));
}

function toSet(
  prepared: Prepared,
  lists: DomainNetLists,
  labelOf: Int16Array,
  classes: number,
  domain: number,
  chosen: readonly number[],
): ImageSet {
  const labels = classes > 256 ? new Uint16Array(chosen.length) : new Uint8Array(chosen.length);
  for (const [n, i] of chosen.entries()) labels[n] = labelOf[lists.labels[i]!]!;
  return preparedSet(prepared, {
    name: lists.domains[domain]!,
    indices: Uint32Array.from(chosen),
    labels,
    attribute: new Uint8Array(chosen.length).fill(domain),
  });
}

/** @throws InputError naming the classes that have no image in these sets */
export function refuseEmpty(classes: readonly string[], sets: readonly ImageSet[], where: string, dir: string): void {
  const counts = new Uint32Array(classes.length);
  for (const set of sets) for (const label of set.labels) counts[label]!++;
  const empty = classes.filter((_, label) => counts[label] === 0);
  if (empty.length > 0) {
    throw new InputError(`${dir}: found no usable image of ${empty.join(', ')} in ${where}, expected at least one`, {
      empty,
    });
  }
}

/** Opens it as a configuration asks for it. */
export async function openDomainNet(request: DatasetRequest): Promise<DomainDataset> {
  return loadDomainNet(withFolder(request));
}
