/** A folder of pictures that glean draws from packages: filled under a temporary name and then renamed as a whole. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { access, mkdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { withTemporary } from '../../../files/temporary.ts';

/**
 * `<cache>/pictures/<name>`, filled by `fill` if it does not exist. Two processes at the same time both fill one; the
 * first one's stays.
 *
 * @param name must contain everything that decides the pictures
 */
export async function pictureFolder(
  cache: string,
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const place = join(resolve(cache), 'pictures', name);
  const isThere = () =>
    access(place).then(
      () => true,
      () => false,
    );
  if (await isThere()) return place;
  const temporary = join(dirname(place), `.${name}.${randomUUID()}.tmp`);
  await mkdir(dirname(place), { recursive: true });
  await withTemporary(temporary, async () => {
    mkdirSync(temporary);
    await fill(temporary);
    await rename(temporary, place).catch(async (error) => {
      if (!(await isThere())) throw error;
    });
  });
  return place;
}
