/** Temporary files and folders, which go when they are done with, and with the process where it exits before that. */
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const there = new Set<string>();

function removeAll(): void {
  // Writes that are under way may put another file into a folder while it is being emptied.
  for (const path of there) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * What `use` gives; then nothing is left at `path`, a file or folder of this name alone.
 *
 * `use` must create it synchronously, or inside of a folder that is such a path: what a thread of Node's pool is still about to
 * create when the process exits, nobody removes.
 *
 * @throws what `use` throws
 */
export async function withTemporary<T>(path: string, use: () => Promise<T>): Promise<T> {
  if (there.size === 0) process.on('exit', removeAll);
  there.add(path);
  try {
    return await use();
  } finally {
    await rm(path, { recursive: true, force: true });
    there.delete(path);
    if (there.size === 0) process.off('exit', removeAll);
  }
}

/** What `use` gives of a new folder in the system's temporary one; then the folder is gone. */
export function withTemporaryFolder<T>(prefix: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  return withTemporary(folder, () => use(folder));
}
