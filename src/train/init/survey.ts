/** Looks at a folder of images DOMAIN/CLASS/file: how many there are of what, and how large; no pixel is decoded. */
import { join } from 'node:path';
import sharp from 'sharp';
import { inParallel } from '../data/prepared/parallel.ts';
import type { Progress } from '../data/prepared/prepared.ts';
import { listFolder } from '../data/sets/folder/layout.ts';

export interface Survey {
  readonly dir: string;
  readonly domains: readonly string[];
  readonly classes: readonly string[];
  /** Images of each class, for each domain. */
  readonly counts: readonly (readonly number[])[];
  readonly images: number;
  /** Of how many images the header was read: all, or an even sample. */
  readonly looked: number;
  /** Those whose header could not be read, relative to `dir`. */
  readonly unreadable: readonly string[];
  /** Their shorter sides in pixels, in ascending order. */
  readonly shorterSides: readonly number[];
  /** Share whose longer side is more than half as long again as the shorter one. */
  readonly oblong: number;
  /** Share whose files have no colour channels. */
  readonly grey: number;
}

/** So many headers tell the sizes of any folder. */
const MOST_LOOKED = 5000;
const IN_FLIGHT = 8;
const OBLONG = 1.5;

/** @throws InputError if the folder is not laid out as DOMAIN/CLASS/file; it says what is there and what to do */
export async function surveyFolder(dir: string, onProgress: Progress = () => undefined): Promise<Survey> {
  const { domains, classes, paths, labels, domain } = await listFolder(dir, false);
  const counts = domains.map(() => classes.map(() => 0));
  for (const [i, label] of labels.entries()) counts[domain[i]!]![label]!++;
  const every = Math.ceil(paths.length / MOST_LOOKED);
  const sample = paths.filter((_, i) => i % every === 0);
  const unreadable: string[] = [];
  const shorterSides: number[] = [];
  let [oblong, grey, done] = [0, 0, 0];
  await inParallel(sample.length, IN_FLIGHT, async (i) => {
    const path = sample[i]!;
    try {
      const { width, height, channels } = await sharp(join(dir, path)).metadata();
      shorterSides.push(Math.min(width, height));
      if (Math.max(width, height) > OBLONG * Math.min(width, height)) oblong++;
      if (channels <= 2) grey++;
    } catch {
      unreadable.push(path);
    }
    done++;
    if (done % 200 === 0 || done === sample.length) onProgress('looking at images', done, sample.length);
  });
  const read = Math.max(1, shorterSides.length);
  return {
    dir,
    domains,
    classes,
    counts,
    images: paths.length,
    looked: sample.length,
    unreadable: unreadable.sort(),
    shorterSides: shorterSides.sort((a, b) => a - b),
    oblong: oblong / read,
    grey: grey / read,
  };
}
