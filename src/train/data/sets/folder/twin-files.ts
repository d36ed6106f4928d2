/** Finds files with the same bytes in different folders: an image that is in two parts of a split. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inParallel } from '../../prepared/parallel.ts';

export interface PartFile {
  /** Relative to the data set's folder. */
  readonly path: string;
  /** The folder of its part. */
  readonly part: string;
}

const IN_FLIGHT = 8;

/** The files, in their order, without those whose bytes an earlier file of another part has. */
export async function withoutTwins(dir: string, files: readonly PartFile[]): Promise<PartFile[]> {
  const sizes = await sizesOf(dir, files);
  const parts = new Map<number, Set<string>>();
  for (const [i, { part }] of files.entries()) parts.set(sizes[i]!, (parts.get(sizes[i]!) ?? new Set()).add(part));
  const doubtful = files.map((_, i) => sizes[i]! > 0 && parts.get(sizes[i]!)!.size > 1);
  const hashes = await hashesOf(dir, files, doubtful);
  const first = new Map<string, string>();
  return files.filter(({ part }, i) => {
    const hash = hashes[i];
    if (hash === undefined) return true;
    if (!first.has(hash)) first.set(hash, part);
    return first.get(hash) === part;
  });
}

/** The files whose bytes none of `others` has; a file of the same name and size is assumed to be the same. */
export async function withoutTwinIn(
  dir: string,
  files: readonly PartFile[],
  others: readonly PartFile[],
): Promise<PartFile[]> {
  const [sizes, otherSizes] = [await sizesOf(dir, files), await sizesOf(dir, others)];
  const named = new Set(others.map(({ path }, i) => `${otherSizes[i]} ${basename(path)}`));
  const doubtful = files.map(({ path }, i) => !named.has(`${sizes[i]} ${basename(path)}`));
  if (!doubtful.includes(true)) return [];
  const wanted = new Set(sizes.filter((_, i) => doubtful[i]));
  const hashes = await hashesOf(dir, files, doubtful);
  const otherHashes = new Set(
    await hashesOf(
      dir,
      others,
      otherSizes.map((size) => wanted.has(size)),
    ),
  );
  return files.filter((_, i) => doubtful[i] && !otherHashes.has(hashes[i]));
}

/** Sizes in bytes; −1 for a link to nothing. */
async function sizesOf(dir: string, files: readonly PartFile[]): Promise<number[]> {
  const sizes: number[] = [];
  await inParallel(files.length, IN_FLIGHT, async (i) => {
    sizes[i] = await stat(join(dir, files[i]!.path)).then(
      ({ size }) => size,
      () => -1,
    );
  });
  return sizes;
}

async function hashesOf(
  dir: string,
  files: readonly PartFile[],
  wanted: readonly boolean[],
): Promise<(string | undefined)[]> {
  const hashes: (string | undefined)[] = files.map(() => undefined);
  await inParallel(files.length, IN_FLIGHT, async (i) => {
    if (!wanted[i]) return;
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(join(dir, files[i]!.path))) hash.update(chunk as Buffer);
    } catch {
      // A file that cannot be read is nobody's twin; the decoder says why it cannot.
      return;
    }
    hashes[i] = hash.digest('hex');
  });
  return hashes;
}
