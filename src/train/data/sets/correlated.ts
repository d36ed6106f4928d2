/**
 * Two training domains and a test domain subsampled from one population: an attribute agrees with the label for 90 %
 * and 80 % of the images in training, and for 10 % in the test. No image is changed; some are left out.
 */

import { createRandom, type Random, shuffle } from '../../../certify-runtime/smoothing/random.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { exactShare } from '../draws.ts';
import { type ShiftedDomain, TEST, TRAINING } from './shifted-domains.ts';

/** Images and what is known about them, with one value per image. */
export interface Population {
  /** The true label, 0 or 1. */
  readonly labels: Uint8Array;
  /** 0 or 1; in training, 1 goes with label 1. */
  readonly attribute: Uint8Array;
  /** The split that the image may be used in; -1 for none. */
  readonly split: Int8Array;
}

const SPLITS = ['train', 'validation', 'test'] as const;

/** A domain's images, as indices into the population in random order, and their labels, noise included. */
export interface CorrelatedDomain {
  readonly name: string;
  readonly indices: Uint32Array;
  readonly labels: Uint8Array;
}

export interface CorrelatedDomains {
  readonly train: readonly CorrelatedDomain[];
  readonly validation: readonly CorrelatedDomain[];
  readonly test: CorrelatedDomain;
}

export interface CorrelatedOptions {
  readonly seed: number;
  /** The first of the random streams drawn from the seed. */
  readonly stream: number;
  /** The exact share of labels that are flipped, in every kind of image, before the domains are drawn. */
  readonly labelNoise: number;
  /**
   * The oracle: in training and validation every kind of image is equally frequent, so that the attribute tells
   * nothing.
   */
  readonly blind?: boolean;
  /** At most this many images in each domain, by split. */
  readonly limits: Readonly<Record<(typeof SPLITS)[number], number>>;
  /** What the values of the label and of the attribute are called in errors. */
  readonly names: { readonly labels: readonly [string, string]; readonly attribute: readonly [string, string] };
}

/** Name and title of a data set, or of its blind twin. */
export function named({ name, title }: { readonly name: string; readonly title: string }, blind: boolean) {
  return blind ? { name: `${name}-blind`, title: `${title} (which tells nothing in training)` } : { name, title };
}

/** Sizes are multiples of this, so that every share is exact: n·0.05, n·0.1 and n·0.45 are whole. */
const GRAIN = 20;

/**
 * Draws disjoint domains of equal size from each split, in three steps:
 *
 * 1. The four kinds of image (label × attribute) are cut at random to the size N of the scarcest, so that label and
 *    attribute are independent in what is left.
 * 2. A share `labelNoise` of each kind gets the other label: there are still N of each.
 * 3. A domain of n images with contrary share c takes, of either label, n(1 − c)/2 images that agree with the attribute
 *    and nc/2 that do not; n is what N allows, at most the limit.
 *
 * So both labels and both attribute values are equally frequent in every domain, P(true label | label, attribute) is 1
 * − labelNoise in all of them, and only P(attribute | label) changes. With `blind`, every kind is equally frequent in
 * training and validation; the test is the same.
 *
 * @throws InputError if a limit is below the smallest domain, or if a split cannot fill one, naming the kind of image
 *   that is scarce
 */
export function correlatedDomains(population: Population, options: CorrelatedOptions): CorrelatedDomains {
  const [train, validation, test] = SPLITS.map((split, s) => {
    const random = (k: number) => createRandom(options.seed, options.stream + 2 * s + k);
    return drawDomains(population, s, split, split === 'test' ? [TEST] : TRAINING, options, random(0), random(1));
  });
  return { train: train!, validation: validation!, test: test![0]! };
}

function drawDomains(
  population: Population,
  s: number,
  split: (typeof SPLITS)[number],
  domains: readonly ShiftedDomain[],
  options: CorrelatedOptions,
  noise: Random,
  order: Random,
): CorrelatedDomain[] {
  /** The members of the split, by 2·label + attribute. */
  const pure: number[][] = [[], [], [], []];
  population.split.forEach((value, i) => {
    if (value === s) pure[2 * population.labels[i]! + population.attribute[i]!]!.push(i);
  });
  /** The share of each kind in a domain. */
  const sharesOf = (domain: ShiftedDomain) => {
    const contrary = options.blind === true && split !== 'test' ? 0.5 : domain.contrary;
    return [1 - contrary, contrary, contrary, 1 - contrary].map((share) => share / 2);
  };
  const needed = domains.map(sharesOf).reduce((sum, shares) => sum.map((share, k) => share + shares[k]!));
  const even = Math.min(...pure.map((kind) => kind.length));
  const limit = options.limits[split];
  if (limit < GRAIN) {
    throw new InputError(`limit ${limit}: a domain has at least ${GRAIN} images, and a multiple of that`, { limit });
  }
  const size = Math.floor(Math.min(limit, even / Math.max(...needed) + 1e-9) / GRAIN) * GRAIN;
  if (size === 0) {
    const { labels, attribute } = options.names;
    const scarce = pure.findIndex((kind) => kind.length === even);
    throw new InputError(
      `${split}: found ${even} images of ${labels[scarce >> 1]} with ${attribute[scarce & 1]}, too few for a domain of ${GRAIN}`,
      { split, sizes: pure.map((kind) => kind.length) },
    );
  }
  const kinds: { index: number; label: number }[][] = [[], [], [], []];
  for (const [k, members] of pure.entries()) {
    shuffle(members, order);
    const flipped = exactShare(even, options.labelNoise, noise);
    for (let i = 0; i < even; i++) {
      const label = (k >> 1) ^ flipped[i]!;
      kinds[2 * label + (k & 1)]!.push({ index: members[i]!, label });
    }
  }
  for (const kind of kinds) shuffle(kind, order);

  const taken = [0, 0, 0, 0];
  return domains.map((domain) => {
    const shares = sharesOf(domain);
    const chosen = kinds.flatMap((kind, k) => {
      const begin = taken[k]!;
      taken[k] = begin + Math.round(size * shares[k]!);
      return kind.slice(begin, taken[k]);
    });
    shuffle(chosen, order);
    return {
      name: domain.name,
      indices: Uint32Array.from(chosen, ({ index }) => index),
      labels: Uint8Array.from(chosen, ({ label }) => label),
    };
  });
}
