/** Layouts that are not DOMAIN/CLASS but could be taken for it: each is refused with what to do about it. */
import { join } from 'node:path';
import { InputError } from '../../../../certify-runtime/trusted/errors.ts';
import { count, describeEntries, type Entries, listEntries, some } from '../../readers/entries.ts';

/**
 * A folder with one of these names between domain and class holds all of the domain (VLCS's `full`, Office-31's
 * `images`).
 */
export const WHOLE = ['full', 'all', 'images'];
/** A folder with one of these names holds a part of the domain, as in a published split. */
const PART = /^(train|training|val|valid|validation|dev|crossval|test|testing|eval)$/i;
export const isPart = (name: string) => PART.test(name) || WHOLE.includes(name.toLowerCase());

export const EXPECTED = 'folders DOMAIN/CLASS with images, at least two domains and two classes';

/** @throws InputError if the layout is not DOMAIN/CLASS but could be taken for it */
export async function refuseOtherLayouts(
  dir: string,
  inside: ReadonlyMap<string, Entries>,
  partsAreDomains: boolean,
): Promise<void> {
  const names = [...inside.keys()];
  const refuse = (found: string, remedy: string) =>
    new InputError(`${dir}: found ${found}, expected ${EXPECTED}; ${remedy}`, { dir, folders: names });
  const all = [...inside.values()];
  if (all.every(({ folders, images }) => folders.length === 0 && images.length > 0)) {
    throw refuse(
      `${names.length} folders with images (${some(names)}), CLASS and no DOMAIN`,
      'put them in one folder for each domain',
    );
  }
  if (names.every(isPart)) {
    const [part, { folders }] = [...inside][0]!;
    const deeper =
      folders.length === 0 ? [] : (await listEntries(join(dir, part, folders[0]!), EXPECTED, 'images')).folders;
    if (deeper.length > 0) {
      throw refuse(
        `${names.join(', ')} with ${some(folders)} in them, and in those ${some(deeper)}: the parts above the domains`,
        'put each domain in one folder; train, val and test may be in it',
      );
    }
    if (!partsAreDomains) {
      throw refuse(
        `${names.join(', ')} with ${some(folders)} in them: the parts of one domain`,
        `put them in a folder for each domain, or take them as domains by naming the one to test on (heldOut=${names.find((name) => /^test/i.test(name)) ?? names.at(-1)})`,
      );
    }
  }
  for (const [name, entries] of inside) {
    const { folders } = entries;
    if (folders.length === 0)
      throw refuse(`${describeEntries(entries)} in ${name}, and no class`, `move ${name} elsewhere if it is no domain`);
    if (folders.length === 1 && folders[0] === name) {
      throw refuse(`a folder of the same name in ${name}`, `move what is in ${name}/${name} up`);
    }
    // DOMAIN/train/file could be two classes by the folders' place, or two parts by their names.
    if (!folders.every(isPart)) continue;
    for (const part of folders) {
      const found = await listEntries(join(dir, name, part), EXPECTED, 'folders');
      if (found.folders.length > 0 && found.images.length === 0) continue;
      throw refuse(
        `${describeEntries(found)} in ${name}/${part}`,
        `put folders of classes in ${part}, or give it another name if it is a class`,
      );
    }
  }
}

/**
 * The error for a folder that has too few or too many folders to be domains; if the one below it looks right, it says
 * so.
 */
export async function notDomains(dir: string, root: Entries): Promise<InputError> {
  const { folders } = root;
  let found = `${count(folders.length, 'folder')} (${describeEntries(root)} in it)`;
  let remedy = '';
  if (folders.length === 1) {
    const below = await listEntries(join(dir, folders[0]!), EXPECTED, 'folders');
    found += `, and ${describeEntries(below)} in ${folders[0]}`;
    if (below.folders.length >= 2) remedy = `; if these are the domains, give ${join(dir, folders[0]!)}`;
  }
  return new InputError(`${dir}: found ${found}, expected ${EXPECTED}${remedy}`, { dir, domains: folders });
}
