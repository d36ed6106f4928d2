/** Images of one's own: DOMAIN/CLASS/file, any format that sharp reads; trained on all domains but one, tested on that one. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../certify-runtime/core/errors.ts';
import { createRandom, shuffle } from '../../certify-runtime/core/smoothing/random.ts';
import { type DomainDataset, hashImageSets, type ImageSet } from './dataset.ts';
import { type DomainNetOptions, refuseEmpty } from './domainnet.ts';
import { preparedSet, prepareImages, skippedCounts } from './prepared.ts';

/** The first random stream of this file, 'FO'. */
const STREAM = 0x464f0000;

const VALIDATION_SHARE = 0.1;

export interface FolderOptions extends Omit<DomainNetOptions, 'classes'> {
  /** Of each class in each training domain, the share held out for validation; by default 10 %. */
  readonly validation?: number;
}

interface Listed {
  readonly domains: readonly string[];
  readonly classes: readonly string[];
  readonly paths: readonly string[];
  readonly labels: readonly number[];
  readonly domain: readonly number[];
}

/**
 * Classes are the folders that every domain has. Every image of the held-out domain is tested on; of the other domains, a share
 * of each class is held out for validation.
 *
 * @throws InputError where the folders are not DOMAIN/CLASS, too many images are unusable, or a class is empty
 */
export async function loadFolder(options: FolderOptions): Promise<DomainDataset> {
  const {
    dir,
    side = 64,
    seed = 2020,
    limit = Number.POSITIVE_INFINITY,
    validation: share = VALIDATION_SHARE,
  } = options;
  const listed = await listFolders(dir);
  const { domains, classes } = listed;
  const heldOut = domains.indexOf(options.heldOut ?? domains.at(-1)!);
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
  const usable = (d: number, label: number) =>
    Array.from(listed.paths.keys()).filter(
      (i) => listed.domain[i] === d && listed.labels[i] === label && prepared.kept[i] === 1,
    );
  const train: ImageSet[] = [];
  const validation: ImageSet[] = [];
  for (const d of domains.keys()) {
    if (d === heldOut) continue;
    const chosen: number[] = [];
    const held: number[] = [];
    for (const label of classes.keys()) {
      const images = usable(d, label);
      shuffle(images, createRandom(seed, STREAM + 2 + d * classes.length + label));
      const count = Math.round(images.length * share);
      held.push(...images.slice(0, count));
      chosen.push(...images.slice(count));
    }
    shuffle(chosen, createRandom(seed, STREAM));
    train.push(toSet(d, chosen.slice(0, limit), 1));
    validation.push(toSet(d, held, 1));
  }
  const test = toSet(
    heldOut,
    classes.flatMap((_, label) => usable(heldOut, label)),
    1,
  );
  for (const set of [...train, test]) refuseEmpty(classes, [set], set.name, dir);
  return {
    name: 'folder',
    title: `${dir}, ${domains[heldOut]} held out`,
    licence: 'unknown',
    source: `a folder of images with the domains ${domains.join(', ')}`,
    classes,
    shape: prepared.shape,
    train,
    validation,
    test,
    sha256: hashImageSets([...train, ...validation, test]),
    skipped: skippedCounts(prepared),
  };
}

const EXPECTED = 'expected folders DOMAIN/CLASS with images, at least two domains and two classes';

async function listFolders(dir: string): Promise<Listed> {
  const domains = (await entries(dir)).folders;
  if (domains.length < 2 || domains.length > 256) {
    throw new InputError(`${dir}: found ${domains.length} folders, ${EXPECTED}`, { dir, domains });
  }
  const folders = await Promise.all(domains.map(async (domain) => (await entries(join(dir, domain))).folders));
  const classes = folders[0]!;
  for (const [d, found] of folders.entries()) {
    const differing = [
      ...found.filter((name) => !classes.includes(name)),
      ...classes.filter((name) => !found.includes(name)),
    ];
    if (differing.length > 0) {
      throw new InputError(
        `${dir}: found ${differing.join(', ')} in only one of ${domains[0]} and ${domains[d]}, expected the same classes in every domain`,
        { dir, differing },
      );
    }
  }
  if (classes.length < 2) throw new InputError(`${dir}: found the classes ${classes.join(', ')}, ${EXPECTED}`, { dir });
  const listed = { domains, classes, paths: [] as string[], labels: [] as number[], domain: [] as number[] };
  for (const [d, domain] of domains.entries()) {
    for (const [label, name] of classes.entries()) {
      for (const file of (await entries(join(dir, domain, name))).files) {
        listed.paths.push(join(domain, name, file));
        listed.labels.push(label);
        listed.domain.push(d);
      }
    }
  }
  return listed;
}

/** Names in alphabetical order; hidden ones are left out. */
async function entries(folder: string): Promise<{ folders: string[]; files: string[] }> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${folder}: found ${error.code === 'ENOENT' ? 'no such folder' : error.message}, ${EXPECTED}`);
  });
  const shown = found.filter((entry) => !entry.name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    folders: shown.filter((entry) => entry.isDirectory()).map((entry) => entry.name),
    files: shown.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
  };
}
