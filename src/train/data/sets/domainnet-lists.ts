/**
 * DomainNet's lists as published: for every domain, the images of its training part and of its test part, each with its
 * class.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { archivesIn, describeEntries, listEntries, whyNot } from '../readers/entries.ts';
import { readLines } from './text-list.ts';

const PARTS = ['train', 'test'] as const;

export interface DomainNetLists {
  /** In alphabetical order. */
  readonly domains: readonly string[];
  /** Names by label. */
  readonly classes: readonly string[];
  /** Relative to the folder: `clipart/bear/clipart_019_000001.jpg`. */
  readonly paths: readonly string[];
  readonly labels: Uint16Array;
  /** Index into `domains`. */
  readonly domain: Uint8Array;
  /** Index into PARTS. */
  readonly part: Uint8Array;
}

/** Where Dassl and others keep the lists, relative to the folder that paths start from. */
const SPLITS = 'splits';

/**
 * Reads `<domain>_train.txt` and `<domain>_test.txt` of every domain, which hold lines `domain/class/file label`. If
 * the lists are not in the folder itself, they are looked for in `splits`.
 *
 * @throws InputError naming file and line, what was found and what was expected
 */
export async function readDomainNetLists(folder: string): Promise<DomainNetLists> {
  const { lists, domains } = await findLists(folder);
  await refuseMissingFolders(folder, domains);
  const paths: string[] = [];
  const labels: number[] = [];
  const domain: number[] = [];
  const part: number[] = [];
  const classes: string[] = [];
  const seen = new Set<string>();
  for (const [d, name] of domains.entries()) {
    for (const [p, suffix] of PARTS.entries()) {
      const file = join(lists, `${name}_${suffix}.txt`);
      for (const [line, entry] of (await readList(file)).entries()) {
        const { path, label } = parseLine(entry, name, classes, seen, (found, expected) => {
          const message = `${file}, line ${line + 1}: found ${found}, expected ${expected}`;
          return new InputError(message, { file, line: line + 1, found, expected });
        });
        paths.push(path);
        labels.push(label);
        domain.push(d);
        part.push(p);
      }
    }
  }
  const empty = Array.from(classes, (name, label) => (name === undefined ? label : -1)).filter((label) => label >= 0);
  if (empty.length > 0) {
    throw new InputError(
      `${folder}: found no image with label ${empty.join(', ')}, expected every label up to ${classes.length - 1}`,
    );
  }
  return {
    domains,
    classes,
    paths,
    labels: Uint16Array.from(labels),
    domain: Uint8Array.from(domain),
    part: Uint8Array.from(part),
  };
}

const EXPECTED = 'DomainNet as published: <domain>_train.txt and <domain>_test.txt of at least two domains';

async function findLists(folder: string): Promise<{ lists: string; domains: readonly string[] }> {
  const names = await readdir(folder).catch(async (cause: NodeJS.ErrnoException) => {
    const why = await whyNot(folder, cause, 'folder');
    throw new InputError(`${folder}: found ${why}, expected ${EXPECTED}`, { folder }, { cause });
  });
  const below = await readdir(join(folder, SPLITS)).catch(() => []);
  const isList = (name: string) => /_(train|test)\.txt$/.test(name) && !name.startsWith('.');
  const [lists, found] = !names.some(isList) && below.some(isList) ? [join(folder, SPLITS), below] : [folder, names];
  const [training, testing] = PARTS.map((part) =>
    found.flatMap((name) =>
      isList(name) && name.endsWith(`_${part}.txt`) ? name.slice(0, -`_${part}.txt`.length) : [],
    ),
  ) as [string[], string[]];
  // Without this check, a domain that lacks its training list would be left out silently.
  const half = testing.find((name) => !training.includes(name));
  if (half !== undefined) {
    throw new InputError(`${lists}: found ${half}_test.txt without ${half}_train.txt, expected ${EXPECTED}`, {
      lists,
      half,
    });
  }
  if (training.length < 2 || training.length > 256) {
    const entries = await listEntries(lists, EXPECTED, 'images');
    throw new InputError(
      `${lists}: found ${training.length} files *_train.txt, expected ${EXPECTED}; it holds ${describeEntries(entries)}`,
      { folder: lists },
    );
  }
  return { lists, domains: training.sort() };
}

/** @throws InputError for a domain that has lists but no folder: its archive may not be unpacked */
async function refuseMissingFolders(folder: string, domains: readonly string[]): Promise<void> {
  for (const domain of domains) {
    const place = join(folder, domain);
    const why = await readdir(place).then(
      (names) => (names.join() === domain ? 'a folder of the same name in it' : undefined),
      (error) => whyNot(place, error, 'folder'),
    );
    if (why === undefined) continue;
    const archives = archivesIn(await readdir(folder)).filter((name) => name.startsWith(`${domain}.`));
    throw new InputError(
      `${place}: found ${why}${archives.length === 0 ? '' : ` but the archive ${archives.join(', ')} (unpack it)`}, expected the images that ${domain}_train.txt lists`,
      { folder: place },
    );
  }
}

/** No published set has this many classes; it keeps a stray number from filling memory. */
const MAX_LABEL = 9999;

async function readList(file: string): Promise<string[]> {
  const lines = await readLines(file, EXPECTED);
  if (lines[0] === '') throw new InputError(`${file}: found an empty list, expected at least one image`, { file });
  return lines;
}

/** Parses a line, records the class under its label, and adds the path to those seen. */
function parseLine(
  line: string,
  domain: string,
  classes: string[],
  seen: Set<string>,
  refuse: (found: string, expected: string) => InputError,
): { path: string; label: number } {
  const match = /^(\S.*\S)\s+(\d+)\s*$/.exec(line);
  const label = Number(match?.[2]);
  if (match === null || label > MAX_LABEL) throw refuse(JSON.stringify(line), `${domain}/class/file and a label`);
  const path = match[1]!;
  const [first, name, file, ...rest] = path.split('/');
  if (first !== domain || !name || !file || rest.length > 0 || [name, file].some((step) => step.startsWith('.'))) {
    throw refuse(path, `${domain}/class/file`);
  }
  if (seen.has(path)) throw refuse(`${path} again`, 'every file once');
  seen.add(path);
  classes[label] ??= name;
  if (classes[label] !== name) throw refuse(`label ${label} for ${name}`, `${classes[label]}, which has it elsewhere`);
  return { path, label };
}

/**
 * The file's name without folder and without what follows its first full stop. In sets that are drawn it is the same
 * for a subject in every domain, and for variants of a subject (`cook.man-cook.jpg`).
 */
export function subjectOf(path: string): string {
  return basename(path).replace(/\..*$/, '');
}
