/** Looks at the places that a job on this machine reads and writes, so that a wrong one costs neither a proof nor a start of Spark. */
import { mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';

/** Signs with which Spark's paths name several places at once. */
const PATTERN = /[*?[\]{}]/;
const SCHEME = /^[a-z][\w+.-]*:/i;

async function there(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** @throws InputError unless a folder can be made at `path` */
async function checkWritable(option: string, path: string): Promise<void> {
  let above = dirname(resolve(path));
  while (!(await there(above))) above = dirname(above);
  try {
    // Permissions alone do not tell: a file system may be read-only, or full.
    await rmdir(await mkdtemp(join(above, '.glean-')));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const problem = `cannot be written, because of ${above} (${code}); give a folder that can`;
    throw new InputError(`${option} ${path}: ${problem}`, { option, path, code }, { cause });
  }
}

/**
 * Checks the paths of this machine; those with a scheme, such as s3a://, are left to Spark, and so are all of them if
 * the master is on another machine.
 *
 * @throws InputError if `in` is not there, `out` is there already and nothing is resumed, or a place cannot be written
 */
export async function checkPlaces(given: {
  readonly in: string;
  readonly out: string;
  readonly resume: string | undefined;
  readonly master: string;
}): Promise<void> {
  if (!given.master.startsWith('local')) return;
  if (!SCHEME.test(given.in) && !PATTERN.test(given.in) && !(await there(given.in))) {
    const path = given.in;
    throw new InputError(`--in ${path}: is not there, expected Parquet, or a folder of images for --files`, { path });
  }
  if (!SCHEME.test(given.out)) {
    if (given.resume === undefined && (await there(given.out))) {
      const path = given.out;
      throw new InputError(`--out ${path}: is there already; remove it, or give another folder`, { path });
    }
    await checkWritable('--out', given.out);
  }
  if (given.resume !== undefined && !SCHEME.test(given.resume)) await checkWritable('--resume', given.resume);
}
