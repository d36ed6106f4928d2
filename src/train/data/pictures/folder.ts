/** A folder of pictures that glean makes from packages: filled beside its place and moved there whole. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { access, mkdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { withTemporary } from '../../../files/temporary.ts';

/**
 * `<cache>/pictures/<name>`, filled by `fill` where it is not there. Two at the same time both fill; the first one's stays.
 *
 * @param name with everything in it that decides the pictures
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
