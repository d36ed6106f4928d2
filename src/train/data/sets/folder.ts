/**
 * The user's own images: DOMAIN/CLASS/file in any format that sharp reads; trained on all domains but one, tested on
 * that one.
 */

import { basename } from 'node:path';
import { createRandom, type Random, shuffle } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS } from '../../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type DomainDataset, hashImageSets, type ImageSet } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { preparedSet, prepareImages, skippedCounts } from '../prepared/prepared.ts';
import { withFolder } from '../source-folder.ts';
import { type DomainNetOptions, refuseEmpty } from './domainnet.ts';
import { listFolder } from './folder/layout.ts';

const STREAM = DATA_STREAMS.folder;

const VALIDATION_SHARE = 0.1;

export interface FolderOptions extends Omit<DomainNetOptions, 'classes'> {
  /**
   * The share of each class in each training domain that is held out for validation, above 0 and below 1; 10 % by
   * default.
   */
  readonly validation?: number;
}

/**
 * Classes are the folders that every domain has. The test set is every image of the held-out domain; of the other
 * domains, a share of each class is held out for validation.
 *
 * @throws InputError if the folders are not DOMAIN/CLASS or a layout that is read as such, too many images are
 *   unusable, a class is empty, or the share is too small to hold out one image of a training domain
 */
export async function loadFolder(options: FolderOptions): Promise<DomainDataset> {
  const {
    dir,
    side = 64,
    seed = 2020,
    limit = Number.POSITIVE_INFINITY,
    validation: share = VALIDATION_SHARE,
  } = options;
  const listed = await listFolder(dir, options.heldOut !== undefined);
  const { domains, classes } = listed;
  const wanted = (options.heldOut ?? domains.at(-1)!).normalize('NFC');
  const heldOut = domains.findIndex((domain) => domain.normalize('NFC') === wanted);
  if (heldOut < 0) {
    const message = `${dir}: found the domains ${domains.join(', ')}, expected ${options.heldOut} (heldOut) among them`;
    throw new InputError(message, { found: domains, expected: options.heldOut });
  }
  const prepared = await prepareImages(listed.paths, { ...options, name: 'folder', folder: dir, side });

  const toSet = (d: number, chosen: number[], stream: number): ImageSet => {
    shuffle(chosen, createRandom(seed, STREAM + stream));
    const values = classes.length > 256 ? new Uint16Array(chosen.length) : new Uint8Array(chosen.length);
    for (const [n, i] of chosen.entries()) values[n] = listed.labels[i]!;
    const attribute = new Uint8Array(chosen.length).fill(d);
    return preparedSet(prepared, { name: domains[d]!, indices: Uint32Array.from(chosen), labels: values, attribute });
  };
  const usable = domains.map(() => classes.map((): number[] => []));
  for (const [i, kept] of prepared.kept.entries())
    if (kept === 1) usable[listed.domain[i]!]![listed.labels[i]!]!.push(i);
  const train: ImageSet[] = [];
  const validation: ImageSet[] = [];
  for (const d of domains.keys()) {
    if (d === heldOut) continue;
    const stream = STREAM + 2 + d * classes.length;
    const { held, chosen } = holdOut(usable[d]!, share, (label) => createRandom(seed, stream + label));
    shuffle(chosen, createRandom(seed, STREAM));
    train.push(toSet(d, chosen.slice(0, limit), 1));
    validation.push(toSet(d, held, 1));
  }
  const test = toSet(heldOut, usable[heldOut]!.flat(), 1);
  const there = (d: number) => usable[d]!.map((images) => images.length > 0);
  for (const set of train) refuseLost(classes, set, there(domains.indexOf(set.name)), { dir, limit, share });
  for (const set of [...train, test]) refuseEmpty(classes, [set], set.name, dir);
  const empty = validation.find((set) => set.size === 0);
  if (empty !== undefined) {
    const most = Math.max(...usable[domains.indexOf(empty.name)]!.map((images) => images.length));
    throw new InputError(
      `${dir}: found at most ${most} images of a class in ${empty.name}, of which a share of ${share} holds out none for validation, expected at least one; raise 'validation' to ${Math.ceil(50 / most) / 100} or add images`,
      { domain: empty.name, images: most, validation: share },
    );
  }
  return {
    name: 'folder',
    title: `${basename(dir)}, ${domains[heldOut]} held out`,
    licence: 'unknown',
    source: `a folder of images with the domains ${domains.join(', ')}${listed.reading === '' ? '' : ` (${listed.reading})`}`,
    classes,
    shape: prepared.shape,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    skipped: { ...skippedCounts(prepared), ...listed.leftOut },
  };
}

/** @throws InputError naming a class that has images in the domain, but none of them to train on */
function refuseLost(
  classes: readonly string[],
  { name, labels }: ImageSet,
  there: readonly boolean[],
  { dir, limit, share }: { readonly dir: string; readonly limit: number; readonly share: number },
): void {
  const spared = new Set(labels);
  const lost = there.findIndex((some, label) => some && !spared.has(label));
  if (lost < 0) return;
  const cause = `${Number.isFinite(limit) ? `a limit of ${limit} and ` : ''}a share of ${share} for validation`;
  throw new InputError(
    `${dir}: ${cause} leave no image of ${classes[lost]} in ${name} to train on; raise 'limit' or lower 'validation'`,
    { domain: name, class: classes[lost], limit, validation: share },
  );
}

/** A random share of each class, rounded, and the rest. The images of each class are shuffled in place. */
export function holdOut(
  classes: readonly number[][],
  share: number,
  random: (label: number) => Random,
): { readonly held: number[]; readonly chosen: number[] } {
  const held: number[] = [];
  const chosen: number[] = [];
  for (const [label, images] of classes.entries()) {
    shuffle(images, random(label));
    const count = Math.round(images.length * share);
    // Pushed one by one: as the arguments of one call, the images of a large class would overflow the stack.
    for (const [n, image] of images.entries()) (n < count ? held : chosen).push(image);
  }
  return { held, chosen };
}

/** Opens it as a configuration asks for it. */
export async function openFolder(request: DatasetRequest): Promise<DomainDataset> {
  return loadFolder(withFolder(request));
}
