/**
 * Writes a file so that readers see the old content or the new, never a part, even if the process is killed half-way.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withTemporary } from './temporary.ts';

/**
 * Writes a temporary file in the same folder, flushes it to disk, then renames it; makes the parent folder if there is
 * none.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  await withTemporary(temporary, async () => {
    closeSync(openSync(temporary, 'wx'));
    const file = await open(temporary, 'r+');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  });
}
