/**
 * The data sets that the package `glean` does not have, but a clone does: those that are drawn, and those whose images
 * another package holds. Their modules are listed in pipeline/package.ts, and are imported dynamically wherever they
 * are used.
 */
import { InputError } from '../../certify-runtime/trusted/errors.ts';

/**
 * What `open` gives.
 *
 * @throws InputError if a module that `open` imports is not there
 */
export async function fromClone<T>(name: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const expected =
      'a folder of images (folder, celeba, domainnet) or of IDX files (mnist, cmnist, fashion), with --data-dir';
    throw new InputError(
      `${name}: needs a clone of glean after \`make setup\`; the package expects ${expected}`,
      { name },
      { cause: error },
    );
  }
}
