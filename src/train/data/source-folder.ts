/** The folder of a data set's originals, for the sets that cannot do without one. */
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { DatasetRequest } from './options.ts';

/** @throws InputError if neither the configuration nor the command names a folder */
export function withFolder<R extends DatasetRequest>(request: R): R & { readonly dir: string } {
  const { name, dir } = request;
  if (dir !== undefined) return { ...request, dir };
  throw new InputError(`${name}: found no folder of its images, expected --data-dir or "dir" in the configuration`);
}
