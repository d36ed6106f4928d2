/** Finds CelebA's images and lists in the places where its authors, Kaggle and people put them. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { describeEntries, listEntries, some, whyNot } from '../readers/entries.ts';
import { isImageName } from '../readers/image-formats.ts';
import { ATTRIBUTES, IMAGES, PARTITION } from './celeba-lists.ts';

/** The folders of the authors' archive; others put everything in one folder. */
const IMAGE_FOLDERS = ['.', 'Img'];
const LIST_FOLDERS = ['.', 'Anno', 'Eval'];

const EXPECTED = `CelebA's images in ${IMAGES} and beside it ${ATTRIBUTES} and ${PARTITION}, or both as .csv`;

/** A list's name as published, and as Kaggle has it. */
const namesOf = (list: string) => [list, list.replace(/txt$/, 'csv')];

export interface CelebaPlaces {
  readonly images: string;
  readonly attributes: string;
  readonly partition: string;
}

/**
 * Finds `img_align_celeba` in `dir` or in its `Img`, possibly nested in a folder of the same name, and each list as
 * `.txt` or `.csv` in `dir`, `Anno` or `Eval`.
 *
 * @throws InputError if one of them is missing or is there twice
 */
export async function findCeleba(dir: string): Promise<CelebaPlaces> {
  const images = await imagesIn(dir);
  return { images, attributes: await listIn(dir, ATTRIBUTES), partition: await listIn(dir, PARTITION) };
}

async function imagesIn(dir: string): Promise<string> {
  const places = IMAGE_FOLDERS.map((folder) => join(dir, folder, IMAGES));
  const found: string[] = [];
  for (const place of places) {
    for (const folder of [place, join(place, IMAGES)]) if (await holdsImages(folder)) found.push(folder);
  }
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw twice(dir, found);
  const first = places[0]!;
  const why = await stat(first).then(
    async (status) => (status.isDirectory() ? describeEntries(await listEntries(first, EXPECTED, 'images')) : 'a file'),
    (error) => whyNot(first, error, 'folder'),
  );
  throw new InputError(`${first}: found ${why}, expected ${EXPECTED}${await whatIsThere(dir)}`, { folder: first });
}

/** @throws InputError if the folder exists but cannot be read */
async function holdsImages(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP') return [];
    throw new InputError(`${folder}: found ${error.message}, expected ${EXPECTED}`, { folder }, { cause: error });
  });
  return names.some((name) => !name.startsWith('.') && isImageName(name) === true);
}

async function listIn(dir: string, list: string): Promise<string> {
  const found: string[] = [];
  for (const folder of LIST_FOLDERS) {
    for (const name of namesOf(list)) {
      const file = join(dir, folder, name);
      const there = await stat(file).catch(async (error: NodeJS.ErrnoException) => {
        const why = await whyNot(file, error, 'file');
        if (why !== 'no such file')
          throw new InputError(`${file}: found ${why}, expected CelebA's list`, { file }, { cause: error });
        return undefined;
      });
      if (there !== undefined) found.push(file);
    }
  }
  if (found.length > 1) throw twice(dir, found);
  if (found[0] !== undefined) return found[0];
  const file = join(dir, list);
  throw new InputError(
    `${file}: found no such file, nor ${namesOf(list)[1]}, expected ${EXPECTED}${await whatIsThere(dir)}`,
    { file },
  );
}

function twice(dir: string, found: readonly string[]): InputError {
  return new InputError(`${dir}: found ${found.join(' and ')}, expected one of them; remove the others`, { found });
}

/** What the folder holds, for errors; empty if there is no folder. */
async function whatIsThere(dir: string): Promise<string> {
  const here = await listEntries(dir, EXPECTED, 'images').catch(() => undefined);
  if (here === undefined) return '';
  const inside = await Promise.all(
    IMAGE_FOLDERS.slice(1).map((folder) => listEntries(join(dir, folder), EXPECTED, 'images').catch(() => undefined)),
  );
  const described = inside.flatMap((entries, i) =>
    entries === undefined ? [] : [`; ${IMAGE_FOLDERS[i + 1]} holds ${describeEntries(entries)}`],
  );
  return `; ${dir} holds ${describeEntries(here)}${described.join('')}`;
}

/**
 * @throws InputError if no listed file is in the folder, with names of both: for example PNG images beside a list of
 *   JPEG names, or the wrong folder
 */
export async function refuseOtherNames(folder: string, files: readonly string[], list: string): Promise<void> {
  const there = new Set(await readdir(folder));
  if (files.some((file) => there.has(file))) return;
  throw new InputError(
    `${folder}: found ${some([...there].filter((name) => isImageName(name) === true).sort())}, expected the files of ${basename(list)}: ${some(files)}`,
    { folder, list },
  );
}
