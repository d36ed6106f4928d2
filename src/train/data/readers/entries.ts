/** Lists a folder of images: links are followed, and the operating systems' own files are told apart from images. */
import { lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { HEAD_BYTES, isImageHead, isImageName } from './image-formats.ts';

/** Names in alphabetical order, without hidden files and the operating systems' own folders. */
export interface Entries {
  readonly folders: readonly string[];
  /** Images of any format, recognised by name, or by their first bytes if the name does not tell. */
  readonly images: readonly string[];
  /** Files that are no images by name or first bytes. */
  readonly others: readonly string[];
}

/** Folders that Windows, macOS, Linux, Python and network storage make on their own. */
const SYSTEM =
  /^(__MACOSX|__pycache__|@eaDir|@Recycle|#recycle|\$RECYCLE\.BIN|System Volume Information|lost\+found)$/i;

const ARCHIVE = /\.(zip|tar|tgz|tar\.(gz|xz|bz2|zst)|7z(\.\d+)?|rar)$/i;

/** Names of files rather than folders: those with an ending, and well-known ones without. */
const PLAIN_FILE =
  /\.[a-z][a-z0-9]*$|^(readme|licen[cs]e|copying|notice|authors|changelog|version|makefile|\w*sums?)$/i;

/**
 * @param expected what the folder should hold, for errors
 * @param looksFor if folders are looked for, a link that leads to a file is refused unless its name is a file's
 * @throws InputError if there is no such folder, or a link in it leads nowhere, to itself, or to a folder that contains
 *   it
 */
export async function listEntries(folder: string, expected: string, looksFor: 'folders' | 'images'): Promise<Entries> {
  const found = await readdir(folder, { withFileTypes: true }).catch(async (cause: NodeJS.ErrnoException) => {
    const why = await whyNot(folder, cause, 'folder');
    throw new InputError(`${folder}: found ${why}, expected ${expected}`, { folder }, { cause });
  });
  const entries = { folders: [] as string[], images: [] as string[], others: [] as string[] };
  for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    if (name.startsWith('.') || SYSTEM.test(name)) continue;
    const path = join(folder, name);
    const isFolder = entry.isSymbolicLink() ? await linksToFolder(path, folder, looksFor) : entry.isDirectory();
    if (isFolder) entries.folders.push(name);
    else if (isImageName(name) ?? (await beginsAsImage(path))) entries.images.push(name);
    else if (looksFor === 'folders' && name.toLowerCase().endsWith('.lnk')) {
      throw new InputError(`${path}: found a shortcut of Windows, expected a folder or a symbolic link to one`, {
        path,
      });
    } else entries.others.push(name);
  }
  return entries;
}

/** Whether a link leads to a folder; such a link is treated as a folder. */
async function linksToFolder(path: string, folder: string, looksFor: 'folders' | 'images'): Promise<boolean> {
  const target = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  const refuse = (found: string, expected: string, options?: ErrorOptions) =>
    new InputError(`${path}: found ${found}, expected ${expected}`, { path }, options);
  if (target instanceof Error) {
    // A missing image is counted as missing later.
    if (target.code === 'ENOENT' && isImageName(path) !== undefined) return false;
    throw refuse(await whyNot(path, target, 'file'), 'a link to a folder or an image', { cause: target });
  }
  if (target.isDirectory()) {
    const [here, there] = [await realpath(folder), await realpath(path)];
    if (`${here}${sep}`.startsWith(there === sep ? sep : `${there}${sep}`)) {
      throw refuse(`a link to ${there}, a folder that it is in`, 'a link to a folder elsewhere');
    }
    return true;
  }
  if (looksFor === 'folders' && !PLAIN_FILE.test(basename(path))) {
    throw refuse(`a link to the file ${await readlink(path)}`, 'a link to a folder');
  }
  return false;
}

/** Why a file or folder cannot be opened, in words: `no such folder`, `a link to X, where there is nothing`, … */
export async function whyNot(path: string, error: NodeJS.ErrnoException, kind: 'file' | 'folder'): Promise<string> {
  const link = await lstat(path).then(
    (status) => status.isSymbolicLink(),
    () => false,
  );
  if (error.code === 'ELOOP') return 'a link that leads to itself';
  if (error.code === 'ENOENT' && link) return `a link to ${await readlink(path)}, where there is nothing`;
  if (error.code === 'ENOENT' || (error.code === 'ENOTDIR' && kind === 'file')) return `no such ${kind}`;
  if (error.code === 'ENOTDIR') return ARCHIVE.test(path) ? 'an archive, to be unpacked,' : 'a file';
  return error.code === 'EISDIR' ? 'a folder' : error.message;
}

async function beginsAsImage(path: string): Promise<boolean> {
  // Opening a pipe would wait for a writer.
  if (!(await stat(path)).isFile()) return false;
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return isImageHead(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    // It may be an image; whoever decodes it says why it cannot be read.
    return true;
  }
}

/** The archives among these names, for errors. */
export function archivesIn(names: readonly string[]): string[] {
  return names.filter((name) => ARCHIVE.test(name));
}

/** At most three of the names, and how many more there are. */
export function some(names: readonly string[]): string {
  const more = names.length - 3;
  return names.length === 0 ? 'nothing' : `${names.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What a folder holds, for errors: `the folders art, photo; 3 images (a.jpg, …); the archive art.zip: unpack it`. */
export function describeEntries({ folders, images, others }: Entries): string {
  const archives = archivesIn(others);
  const files = others.filter((name) => !archives.includes(name));
  const parts = [
    ...(folders.length === 0 ? [] : [`${folders.length === 1 ? 'the folder' : 'the folders'} ${some(folders)}`]),
    ...(images.length === 0 ? [] : [`${count(images.length, 'image')} (${some(images)})`]),
    ...(archives.length === 0 ? [] : [`the archive ${some(archives)} (unpack it)`]),
    ...(files.length === 0 ? [] : [`${count(files.length, 'other file')} (${some(files)})`]),
  ];
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** `1 image`, `2 images`. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
