/** Reads text files that are lists, line by line. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { utf8Text } from '../../../files/utf8-text.ts';
import { whyNot } from '../readers/entries.ts';

/**
 * The lines of a list, without the empty ones at its end.
 *
 * @param expected what the file should be, for errors
 * @throws InputError if there is no such file, or its bytes are not UTF-8 text
 */
export async function readLines(file: string, expected: string): Promise<string[]> {
  const bytes = await readFile(file).catch(async (cause: NodeJS.ErrnoException) => {
    const why = await whyNot(file, cause, 'file');
    throw new InputError(`${file}: found ${why}, expected ${expected}`, { file }, { cause });
  });
  return utf8Text(bytes, file)
    .trimEnd()
    .split(/\r\n|\r|\n/);
}
