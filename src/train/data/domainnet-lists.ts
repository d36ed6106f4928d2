/** DomainNet's lists as published: for every domain, the images of its training and test part with their class. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../../certify-runtime/core/errors.ts';

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

/**
 * Reads `<domain>_train.txt` and `<domain>_test.txt` of every domain: lines `domain/class/file label`.
 *
 * @throws InputError naming file and line, what was found and what was expected
 */
export async function readDomainNetLists(folder: string): Promise<DomainNetLists> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${folder}: found ${error.code === 'ENOENT' ? 'no such folder' : error.message}, ${EXPECTED}`);
  });
  const domains = names.flatMap((name) => /^(.+)_train\.txt$/.exec(name)?.[1] ?? []).sort();
  if (domains.length < 2 || domains.length > 256) {
    throw new InputError(`${folder}: found ${domains.length} files *_train.txt, ${EXPECTED}`, { folder });
  }
  const paths: string[] = [];
  const labels: number[] = [];
  const domain: number[] = [];
  const part: number[] = [];
  const classes: string[] = [];
  const seen = new Set<string>();
  for (const [d, name] of domains.entries()) {
    for (const [p, suffix] of PARTS.entries()) {
      const file = join(folder, `${name}_${suffix}.txt`);
      for (const [line, entry] of (await readLines(file)).entries()) {
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

const EXPECTED = 'expected DomainNet as published: <domain>_train.txt and <domain>_test.txt of at least two domains';

/** No published set has as many classes; keeps a stray number from filling memory. */
const MAX_LABEL = 9999;

async function readLines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${file}: found ${error.code === 'ENOENT' ? 'no such file' : error.message}, ${EXPECTED}`);
  });
  const lines = text.trimEnd().split(/\r?\n/);
  if (lines[0] === '') throw new InputError(`${file}: found an empty list, expected at least one image`, { file });
  return lines;
}

/** Enters the class under its label, and the path among those seen. */
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

/** The file's name without folder and ending: what the same subject is called in every domain of `emoji`. */
export function subjectOf(path: string): string {
  return basename(path).replace(/\.[^.]*$/, '');
}
