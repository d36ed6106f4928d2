/** Reads the key files that commands are given. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../certify-runtime/trusted/errors.ts';

/**
 * Reads a key file with `read`.
 *
 * @throws InputError if the file cannot be read or `read` throws one; either way the message names the file
 */
export async function readKeyFile<T>(path: string, read: (pem: string) => Promise<T>): Promise<T> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new InputError(`${path}: cannot be read (${code}); expected a key in PEM`, { path, code }, { cause });
  }
  try {
    return await read(pem);
  } catch (error) {
    if (error instanceof InputError)
      throw new InputError(`${path}: ${error.message}`, { ...error.details, path }, { cause: error });
    throw error;
  }
}
