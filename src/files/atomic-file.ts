/** Writes a file so that a reader, or a run killed half-way, sees the old content or the new, never a part. */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withTemporary } from './temporary.ts';

/** Writes beside, flushes to disk, then renames; makes the parent folder where there is none. */
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
