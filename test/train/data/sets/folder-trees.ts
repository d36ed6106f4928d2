/** Folders of images, made from lists of their paths, and what is read of them. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before } from 'node:test';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { type DomainDataset, readAll } from '../../../../src/train/data/dataset.ts';
import { loadFolder } from '../../../../src/train/data/sets/folder.ts';
import { colourOf, numberOf, plain } from '../readers/image-files.ts';

/** Of each class in each domain; a tenth of five is rounded to one. */
const EACH = 5;

let root: string;
export const images: Buffer[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'glean-layouts-'));
  for (let i = 0; i < 200; i++)
    images.push(
      await plain(colourOf(i * 17), 8)
        .png()
        .toBuffer(),
    );
});
after(() => rm(root, { recursive: true }));

/** Five paths of images in a folder. */
export const five = (folder: string, ending = 'png') =>
  Array.from({ length: EACH }, (_, i) => `${folder}/${i}.${ending}`);
export const DAY = [...five('day/bus'), ...five('day/car')];
const NIGHT = [...five('night/bus'), ...five('night/car')];
export const RAIN = [...five('rain/bus'), ...five('rain/car')];
export const SET = [...DAY, ...NIGHT, ...RAIN];

export type Tree = { readonly dir: string; readonly pathOf: ReadonlyMap<number, string> };

/** A folder of `path` (an image of its own colour), `path = text`, `path -> target` of a link, or `path/` of a folder. */
export async function tree(...entries: readonly string[]): Promise<Tree> {
  const dir = await mkdtemp(join(root, 'tree-'));
  const pathOf = new Map<number, string>();
  for (const [i, entry] of entries.entries()) {
    const [path, operator, value] = entry.split(/ (->|=) ?/);
    const place = join(dir, path!);
    await mkdir(path!.endsWith('/') ? place : dirname(place), { recursive: true });
    if (operator === '->') await symlink(value!, place);
    else if (operator === '=') await writeFile(place, value!);
    else if (!path!.endsWith('/')) {
      await writeFile(place, images[i]!);
      pathOf.set(i * 17, path!);
    }
  }
  return { dir, pathOf };
}

export const load = ({ dir }: { dir: string }, more: object = {}) =>
  loadFolder({ dir, cache: join(root, 'cache'), side: 8, ...more });

/** Domain, class and original path of every image, whatever set it is in, in alphabetical order. */
export function contents(dataset: DomainDataset, pathOf: ReadonlyMap<number, string>): string[] {
  const sets = [...dataset.train, ...dataset.validation, dataset.test];
  return sets
    .flatMap((set) => {
      const pixels = readAll(set);
      return Array.from({ length: set.size }, (_, n) => {
        const path = pathOf.get(numberOf(pixels.subarray(n * 192, n * 192 + 3)));
        return `${set.name} ${dataset.classes[set.labels[n]!]} ${path}`;
      });
    })
    .sort();
}

/** The same of paths DOMAIN/…/CLASS/file. */
export const expected = (paths: readonly string[]) =>
  paths.map((path) => `${path.split('/')[0]} ${basename(dirname(path))} ${path}`).sort();

export async function refused(found: Tree, message: RegExp, more: object = {}): Promise<void> {
  await assert.rejects(load(found, more), (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.ok(error.message.includes(found.dir));
    return true;
  });
}
