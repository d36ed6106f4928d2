/** Key files that commands are given. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../certify-runtime/trusted/errors.ts';

/**
 * What `read` makes of a key file.
 *
 * @throws InputError that names the file where it cannot be read, and what `read` throws with the file named
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
