/** Reads weights from files in a model's folder; no link leads out of it. */
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ReadExternal } from './external.ts';

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/** The reader of files in `folder`. What is not a plain file in it counts as missing. */
export function readFromFolder(folder: string): ReadExternal {
  return async (path, offset, length) => {
    let found: string;
    let root: string;
    try {
      [found, root] = await Promise.all([realpath(join(folder, path)), realpath(folder)]);
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    }
    if (!found.startsWith(root.endsWith(sep) ? root : root + sep)) return null;
    const file = await open(found, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return null;
      // Nothing is allocated for what the file does not hold.
      if (offset + length > stat.size) return new Uint8Array();
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) return bytes.subarray(0, done);
        done += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  };
}
