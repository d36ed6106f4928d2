/** CelebA's two lists, as published or as comma-separated values: the attributes and the partition of every image. */
import { basename } from 'node:path';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { readLines } from './text-list.ts';

/** The names that CelebA's authors gave to the folder of images and the lists. */
export const IMAGES = 'img_align_celeba';
export const ATTRIBUTES = 'list_attr_celeba.txt';
export const PARTITION = 'list_eval_partition.txt';

interface CelebaLists {
  /** File names within the folder of images. */
  readonly files: readonly string[];
  /** For each wanted attribute, 1 for each image that has it and 0 for each that has not. */
  readonly attributes: readonly Uint8Array[];
  /** 0 training, 1 validation, 2 test. */
  readonly partition: Int8Array;
}

const EXPECTED = "CelebA's list as published";

/**
 * Reads the attributes, as published (the count, the attributes' names, then `file ±1 ±1 …`) or with commas
 * (`image_id,` and the names, then `file,±1,±1 …`), and the partition (`file 0|1|2`, or `image_id,partition` and then
 * `file,0|1|2`).
 *
 * @throws InputError naming file and line, what was found and what was expected
 */
export async function readCelebaLists(
  places: { readonly attributes: string; readonly partition: string },
  wanted: readonly string[],
): Promise<CelebaLists> {
  const { files, attributes } = parseAttributes(
    await readLines(places.attributes, EXPECTED),
    places.attributes,
    wanted,
  );
  const partition = parsePartition(await readLines(places.partition, EXPECTED), places, files);
  return { files, attributes, partition };
}

function refusal(file: string) {
  return (line: number, found: string, expected: string) =>
    new InputError(`${file}, line ${line}: found ${found}, expected ${expected}`, { file, line, found, expected });
}

/** Whether a list has commas between its values, whatever its file is called. */
const hasCommas = (lines: readonly string[]) => lines[0]!.includes(',');

/** The values of a line, without the quotation marks that some programs write. */
function fieldsOf(line: string, commas: boolean): string[] {
  if (!commas) return line.trim().split(/\s+/);
  return line.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'));
}

function parseAttributes(lines: readonly string[], file: string, wanted: readonly string[]) {
  const refuse = refusal(file);
  const commas = hasCommas(lines);
  const header = commas ? 1 : 2;
  const count = commas ? lines.length - 1 : announced(lines[0]!, refuse);
  const names = fieldsOf(lines[header - 1] ?? '', commas).slice(commas ? 1 : 0);
  const columns = wanted.map((name) => {
    const column = names.indexOf(name);
    if (column < 0) throw refuse(header, `the attributes ${names.join(' ')}`, `${name} among them`);
    return column;
  });
  if (lines.length - header !== count) {
    throw refuse(1, `${count} announced and ${lines.length - header} rows`, 'as many rows');
  }
  if (count === 0) throw refuse(1, 'no row below it', 'one for every image');
  const files: string[] = [];
  const seen = new Set<string>();
  const attributes = columns.map(() => new Uint8Array(count));
  for (let i = 0; i < count; i++) {
    const line = i + header + 1;
    const [name, ...values] = fieldsOf(lines[line - 1]!, commas);
    checkName(name!, seen, (found, expected) => refuse(line, found, expected));
    if (values.length !== names.length) throw refuse(line, `${values.length} values`, `${names.length}`);
    for (const [a, column] of columns.entries()) {
      const value = values[column];
      if (value !== '1' && value !== '-1') throw refuse(line, `${names[column]} ${value}`, '1 or -1');
      attributes[a]![i] = value === '1' ? 1 : 0;
    }
    files.push(name!);
  }
  return { files, attributes };
}

/** How many images the first line says there are. */
function announced(line: string, refuse: ReturnType<typeof refusal>): number {
  const count = /^\d+$/.test(line.trim()) ? Number(line) : 0;
  if (count === 0) {
    throw refuse(1, JSON.stringify(line), 'the number of images, or names of attributes with commas between them');
  }
  return count;
}

/** Refuses a name that leads elsewhere or comes twice: it is not CelebA's. */
function checkName(name: string, seen: Set<string>, refuse: (found: string, expected: string) => InputError): void {
  if (name === '' || /[/\\]/.test(name) || name.startsWith('.')) throw refuse(JSON.stringify(name), 'a file name');
  if (seen.has(name)) throw refuse(`${name} again`, 'every file once');
  seen.add(name);
}

function parsePartition(
  lines: readonly string[],
  places: { readonly attributes: string; readonly partition: string },
  files: readonly string[],
): Int8Array {
  const refuse = refusal(places.partition);
  const partition = new Int8Array(files.length).fill(-1);
  const numbers = new Map(files.map((name, i) => [name, i]));
  const commas = hasCommas(lines);
  for (const [i, line] of lines.entries()) {
    const [name, part, ...rest] = fieldsOf(line, commas);
    if (commas && i === 0 && name === 'image_id') continue;
    if (rest.length > 0 || !/^[012]$/.test(part ?? '')) {
      throw refuse(i + 1, JSON.stringify(line), 'a file and 0 (training), 1 (validation) or 2 (test)');
    }
    const number = numbers.get(name!);
    if (number === undefined) throw refuse(i + 1, name!, `a file of ${basename(places.attributes)}`);
    if (partition[number] !== -1) throw refuse(i + 1, `${name} again`, 'every file once');
    partition[number] = Number(part);
  }
  const missing = partition.indexOf(-1);
  if (missing >= 0) {
    throw refuse(lines.length, `no partition of ${files[missing]}`, `one for all ${files.length} files`);
  }
  return partition;
}
