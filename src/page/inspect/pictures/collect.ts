/** Picture files as they are dropped or chosen: single ones, or a folder laid out as DOMAIN/CLASS, as CLASS, or flat. */

export interface Picture {
  readonly file: File;
  /** Where it lies in what was dropped, with / between folders. */
  readonly path: string;
  /** The folder that it lies in, which may be the name of a class, and the one above that, which may be a domain's. */
  readonly folder: string | undefined;
  readonly domain: string | undefined;
}

const MOST_FILES = 20_000;
const IS_PICTURE = /\.(png|jpe?g|webp)$/i;

/** Whether a file is a picture by its name or type; what it really is, only decoding tells. */
export function isPicture({ name, type }: File): boolean {
  return IS_PICTURE.test(name) || /^image\//.test(type);
}

/** A file with its place. The topmost folder is what was dropped, so it is neither class nor domain by itself. */
export function placed(file: File, path: string): Picture {
  const folders = path.split('/').slice(0, -1);
  const [domain, folder] = [folders.at(-2), folders.at(-1)];
  return { file, path, folder, domain: folders.length >= 3 ? domain : undefined };
}

/** Files that an input gave; with webkitdirectory they know their places. */
export function fromInput(files: readonly File[]): Picture[] {
  return files.filter(isPicture).map((file) => placed(file, file.webkitRelativePath || file.name));
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A reader gives a folder's entries in pieces, the last of which is empty. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const piece = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (piece.length === 0) return all;
    all.push(...piece);
  }
}

/** A file with its path from what was dropped. */
export interface Dropped {
  readonly file: File;
  readonly path: string;
}

/**
 * Every file of what was dropped, folders included.
 *
 * @throws Error if there are more files than the page takes
 */
export async function filesOfDrop(transfer: DataTransfer): Promise<Dropped[]> {
  // The list is empty once this function has given way, so the entries are taken first.
  const entries = [...transfer.items].flatMap((item) => [item.webkitGetAsEntry()].filter((entry) => entry !== null));
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found: Dropped[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (found.length >= MOST_FILES) throw new Error(`more than ${MOST_FILES} files were dropped`);
    if (entry.isFile) {
      found.push({ file: await fileOf(entry as FileSystemFileEntry), path: entry.fullPath.replace(/^\//, '') });
    } else {
      const inside = await entriesOf(entry as FileSystemDirectoryEntry);
      for (const each of inside.sort((a, b) => (a.name < b.name ? -1 : 1))) await walk(each);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}

const plain = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();

/** The index of the class that a folder is named after, whatever its case and its spaces; undefined if there is none. */
export function classOf(folder: string | undefined, classes: readonly string[]): number | undefined {
  if (folder === undefined) return undefined;
  const index = classes.indexOf(folder);
  const found = index >= 0 ? index : classes.findIndex((name) => plain(name) === plain(folder));
  return found < 0 ? undefined : found;
}
