/** Temporary files and folders, which are removed after use, or when the process exits if that is earlier. */
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const there = new Set<string>();

function removeAll(): void {
  // A write that is under way may put another file into a folder while it is being emptied.
  for (const path of there) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * Returns what `use` gives and then removes `path`, a file or folder that only `use` may create.
 *
 * `use` must create it synchronously, or inside a folder that is itself such a path: nobody removes what a thread of
 * Node's pool is still about to create when the process exits.
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

/** Returns what `use` makes of a new folder in the system's temporary folder, and then removes that folder. */
export function withTemporaryFolder<T>(prefix: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  return withTemporary(folder, () => use(folder));
}
