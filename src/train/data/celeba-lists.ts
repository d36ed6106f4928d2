/** CelebA's two lists as published: attributes and partition of every image. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../certify-runtime/core/errors.ts';

export const IMAGES = 'img_align_celeba';
export const ATTRIBUTES = 'list_attr_celeba.txt';
export const PARTITION = 'list_eval_partition.txt';

export interface CelebaLists {
  /** File names within `img_align_celeba/`. */
  readonly files: readonly string[];
  /** Of each wanted attribute, 1 where an image has it and 0 where not. */
  readonly attributes: readonly Uint8Array[];
  /** 0 training, 1 validation, 2 test. */
  readonly partition: Int8Array;
}

/**
 * Reads `list_attr_celeba.txt` (the count, the attributes' names, then `file ±1 ±1 …`) and `list_eval_partition.txt`
 * (`file 0|1|2`).
 *
 * @throws InputError naming file and line, what was found and what was expected
 */
export async function readCelebaLists(folder: string, wanted: readonly string[]): Promise<CelebaLists> {
  const { files, attributes } = parseAttributes(
    await readText(join(folder, ATTRIBUTES)),
    join(folder, ATTRIBUTES),
    wanted,
  );
  const partition = parsePartition(await readText(join(folder, PARTITION)), join(folder, PARTITION), files);
  return { files, attributes, partition };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(
      `${file}: found ${code === 'ENOENT' ? 'no such file' : message}, expected CelebA's list as published`,
      { file },
    );
  }
}

/** Without the empty lines at the end. */
function linesOf(text: string): string[] {
  return text.trimEnd().split(/\r?\n/);
}

function refusal(file: string) {
  return (line: number, found: string, expected: string) =>
    new InputError(`${file}, line ${line}: found ${found}, expected ${expected}`, { file, line, found, expected });
}

function parseAttributes(text: string, file: string, wanted: readonly string[]) {
  const refuse = refusal(file);
  const lines = linesOf(text);
  const count = /^\d+$/.test(lines[0]!.trim()) ? Number(lines[0]) : undefined;
  if (count === undefined || count === 0) throw refuse(1, JSON.stringify(lines[0]), 'the number of images');
  const names = (lines[1] ?? '').trim().split(/\s+/);
  const columns = wanted.map((name) => {
    const column = names.indexOf(name);
    if (column < 0) throw refuse(2, `the attributes ${names.join(' ')}`, `${name} among them`);
    return column;
  });
  if (lines.length - 2 !== count) throw refuse(1, `${count} announced and ${lines.length - 2} rows`, 'as many rows');
  const files: string[] = [];
  const seen = new Set<string>();
  const attributes = columns.map(() => new Uint8Array(count));
  for (let i = 0; i < count; i++) {
    const [name, ...values] = lines[i + 2]!.trim().split(/\s+/);
    checkName(name!, seen, (found, expected) => refuse(i + 3, found, expected));
    if (values.length !== names.length) throw refuse(i + 3, `${values.length} values`, `${names.length}`);
    for (const [a, column] of columns.entries()) {
      const value = values[column];
      if (value !== '1' && value !== '-1') throw refuse(i + 3, `${names[column]} ${value}`, '1 or -1');
      attributes[a]![i] = value === '1' ? 1 : 0;
    }
    files.push(name!);
  }
  return { files, attributes };
}

/** A name that leads elsewhere, or comes twice, is not CelebA's. */
function checkName(name: string, seen: Set<string>, refuse: (found: string, expected: string) => InputError): void {
  if (name === '' || /[/\\]/.test(name) || name.startsWith('.')) throw refuse(JSON.stringify(name), 'a file name');
  if (seen.has(name)) throw refuse(`${name} again`, 'every file once');
  seen.add(name);
}

function parsePartition(text: string, file: string, files: readonly string[]): Int8Array {
  const refuse = refusal(file);
  const partition = new Int8Array(files.length).fill(-1);
  const places = new Map(files.map((name, i) => [name, i]));
  const lines = linesOf(text);
  for (const [i, line] of lines.entries()) {
    const [name, part, ...rest] = line.trim().split(/\s+/);
    if (rest.length > 0 || !/^[012]$/.test(part ?? '')) {
      throw refuse(i + 1, JSON.stringify(line), 'a file and 0 (training), 1 (validation) or 2 (test)');
    }
    const place = places.get(name!);
    if (place === undefined) throw refuse(i + 1, name!, `a file of ${ATTRIBUTES}`);
    if (partition[place] !== -1) throw refuse(i + 1, `${name} again`, 'every file once');
    partition[place] = Number(part);
  }
  const missing = partition.indexOf(-1);
  if (missing >= 0)
    throw refuse(lines.length, `no partition of ${files[missing]}`, `one for all ${files.length} files`);
  return partition;
}
