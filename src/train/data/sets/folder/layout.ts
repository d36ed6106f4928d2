/** How people lay out domains, classes and images: DOMAIN/CLASS/file, possibly with the parts of a split in between. */
import { realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../../../../certify-runtime/trusted/errors.ts';
import { count, describeEntries, type Entries, listEntries, some } from '../../readers/entries.ts';
import { EXPECTED, isPart, notDomains, refuseOtherLayouts, WHOLE } from './other-layouts.ts';
import { type PartFile, withoutTwinIn, withoutTwins } from './twin-files.ts';

/** The images of a folder, each with its domain and class. */
export interface FolderListing {
  readonly domains: readonly string[];
  readonly classes: readonly string[];
  /** Relative to the folder. */
  readonly paths: readonly string[];
  /** Index into `classes`. */
  readonly labels: readonly number[];
  /** Index into `domains`. */
  readonly domain: readonly number[];
  /** How many files were left out because of their names or places, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** How folders between domain and class were read, in words; empty if there are none. */
  readonly reading: string;
}

const MAX_DOMAINS = 256;

/** The classes of a domain: the files of each, in one folder or in one for each part. */
type Classes = Map<string, PartFile[]>;

/**
 * Lists DOMAIN/CLASS/file. Folders `full`, `all` or `images` between domain and class are passed through. The images of
 * `train`, `val`, `test`, `crossval` and the like are taken together, each once; if there is a `full` beside them, it
 * alone is taken.
 *
 * @param partsAreDomains whether folders such as `train` and `test` at the top are domains
 * @throws InputError if the folders are laid out otherwise, or can be read in two ways; it says what is in them and
 *   what to do
 */
export async function listFolder(dir: string, partsAreDomains: boolean): Promise<FolderListing> {
  const left = new Map<string, number>();
  const root = await listEntries(dir, EXPECTED, 'folders');
  leaveOut(left, root);
  if (root.folders.length < 2 || root.folders.length > MAX_DOMAINS) throw await notDomains(dir, root);
  const forms = new Set(root.folders.map((name) => name.normalize('NFC')));
  const twice = [...forms].find((form) => root.folders.filter((name) => name.normalize('NFC') === form).length > 1);
  if (twice !== undefined) throw twoForms(dir, twice);
  const inside = new Map<string, Entries>();
  for (const name of root.folders) inside.set(name, await listEntries(join(dir, name), EXPECTED, 'folders'));
  await refuseOtherLayouts(dir, inside, partsAreDomains);

  const domains: Classes[] = [];
  const readings = new Set<string>();
  const places = new Map<string, string>();
  for (const [name, entries] of inside) {
    leaveOut(left, entries);
    const parts = entries.folders.every(isPart) ? entries.folders : undefined;
    const classes: Classes =
      parts === undefined
        ? await readClasses(dir, name, entries, left, places)
        : await readParts(dir, name, parts, left, places);
    if (parts !== undefined) readings.add(describeParts(parts));
    domains.push(classes);
  }
  const classes = sameClasses(dir, root.folders, domains);
  const listing = { paths: [] as string[], labels: [] as number[], domain: [] as number[] };
  for (const [d, files] of domains.entries()) {
    for (const [label, name] of classes.entries()) {
      for (const { path } of files.get(name)!) {
        listing.paths.push(path);
        listing.labels.push(label);
        listing.domain.push(d);
      }
    }
  }
  return {
    domains: root.folders,
    classes,
    ...listing,
    leftOut: Object.fromEntries(left),
    reading: [...readings].join('; '),
  };
}

function twoForms(folder: string, name: string): InputError {
  return new InputError(`${folder}: found two folders ${name}, written in two forms of Unicode, expected one`);
}

function add(left: Map<string, number>, reason: string, n: number): void {
  if (n > 0) left.set(reason, (left.get(reason) ?? 0) + n);
}

/**
 * Counts images beside class folders, which are in no class; other files there, such as a README or a list, are
 * ignored.
 */
function leaveOut(left: Map<string, number>, { images }: Entries): void {
  add(left, 'outside a class folder', images.length);
}

const NO_IMAGE = 'not an image by name';

/** The classes in a folder, by their names in one Unicode form: a macOS archive may write é as two characters. */
async function readClasses(
  dir: string,
  place: string,
  entries: Entries,
  left: Map<string, number>,
  places: Map<string, string>,
): Promise<Classes> {
  const classes: Classes = new Map();
  for (const folder of entries.folders) {
    const path = join(place, folder);
    const found = await listEntries(join(dir, path), 'images', 'images');
    await refuseSame(dir, path, places);
    await refuseDeeper(dir, path, found);
    if (found.images.length === 0 && found.others.length > 0) {
      throw new InputError(`${join(dir, path)}: found ${describeEntries(found)}, expected images`, { path });
    }
    add(left, NO_IMAGE, found.others.length);
    const name = folder.normalize('NFC');
    if (classes.has(name)) throw twoForms(join(dir, place), name);
    classes.set(
      name,
      found.images.map((file) => ({ path: join(path, file), part: place })),
    );
  }
  return classes;
}

/** The classes of all parts together, or those of the one part that holds everything. */
async function readParts(
  dir: string,
  domain: string,
  parts: readonly string[],
  left: Map<string, number>,
  places: Map<string, string>,
): Promise<Classes> {
  const read = new Map<string, Classes>();
  for (const part of parts) {
    const place = join(domain, part);
    const entries = await listEntries(join(dir, place), EXPECTED, 'folders');
    if (entries.folders.length === 0) {
      throw new InputError(
        `${join(dir, place)}: found ${describeEntries(entries)}, expected folders of classes in ${domain}/${part}`,
      );
    }
    leaveOut(left, entries);
    read.set(part, await readClasses(dir, place, entries, left, places));
  }
  const whole = wholeOf(parts);
  if (whole === undefined) {
    const merged: Classes = new Map();
    for (const classes of read.values()) {
      for (const [name, files] of classes) merged.set(name, [...(merged.get(name) ?? []), ...files]);
    }
    for (const [name, files] of merged) {
      const kept = await withoutTwins(dir, files);
      add(left, 'in two parts of a domain', files.length - kept.length);
      merged.set(name, kept);
    }
    return merged;
  }
  const all = read.get(whole)!;
  const lost: string[] = [];
  for (const [part, classes] of read) {
    if (part === whole) continue;
    for (const [name, files] of classes) {
      lost.push(...(await withoutTwinIn(dir, files, all.get(name) ?? [])).map(({ path }) => path));
    }
  }
  if (lost.length > 0) {
    throw new InputError(
      `${join(dir, domain)}: found ${count(lost.length, 'image')} of its parts (${some(lost)}) that ${domain}/${whole} lacks, expected it to hold all of them; remove ${domain}/${whole}, or the other parts`,
      { domain, lost },
    );
  }
  return all;
}

function wholeOf(parts: readonly string[]): string | undefined {
  return WHOLE.flatMap((name) => parts.filter((part) => part.toLowerCase() === name))[0];
}

function describeParts(parts: readonly string[]): string {
  const whole = wholeOf(parts);
  return whole === undefined ? `${parts.join(', ')} of each taken together` : `of each, ${whole}`;
}

/** Refuses a folder that would be read twice, because its images would be in training and test. */
async function refuseSame(dir: string, path: string, places: Map<string, string>): Promise<void> {
  const real = await realpath(join(dir, path));
  const first = places.get(real);
  if (first !== undefined) {
    throw new InputError(
      `${dir}: found ${first} and ${path} to be the same folder, ${real}, expected every folder once`,
    );
  }
  places.set(real, path);
}

/** Refuses images deeper than in a class's folder: their class is unknown. */
async function refuseDeeper(dir: string, path: string, { folders, images }: Entries): Promise<void> {
  for (const name of folders) {
    const found = await listEntries(join(dir, path, name), 'images', 'images');
    if (found.images.length + found.folders.length === 0) continue;
    const same = name === basename(path);
    throw new InputError(
      `${join(dir, path)}: found ${same ? 'a folder of the same name in it' : `the folder ${name} in it`}, with ${describeEntries(found)}, expected images alone${images.length > 0 ? `, like its ${images.length} others` : ''}; ${same ? `move what is in ${name} up` : 'move them up, or name what lies in between train, val, test or full'}`,
      { path, folders },
    );
  }
}

/** The classes, in alphabetical order, that every domain has. */
function sameClasses(dir: string, names: readonly string[], domains: readonly Classes[]): string[] {
  const classes = [...domains[0]!.keys()].sort();
  for (const [d, found] of domains.entries()) {
    const differing = [
      ...[...found.keys()].filter((name) => !classes.includes(name)),
      ...classes.filter((name) => !found.has(name)),
    ];
    if (differing.length > 0) {
      throw new InputError(
        `${dir}: found ${differing.join(', ')} in only one of ${names[0]} and ${names[d]}, expected the same classes in every domain`,
        { dir, differing },
      );
    }
  }
  if (classes.length < 2)
    throw new InputError(`${dir}: found the classes ${classes.join(', ')}, expected ${EXPECTED}`, { dir });
  return classes;
}
