/** Reads the key file, with errors that name the file. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { readKeys } from '../http/keys.ts';

/** The digests of the keys in a file. */
export async function readKeyFile(path: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InputError(`${path}: cannot be read (${code}); expected bearer keys, one a line`, { code }, { cause });
  }
  try {
    return readKeys(text);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${path}: ${error.message}`, { ...error.details, path }) : error;
  }
}
