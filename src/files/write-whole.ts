/** Writes of which nothing is left out: a disk that fills up takes a part of a write and says so only by its count. */
import type { FileHandle } from 'node:fs/promises';

/**
 * All bytes at `position`, or after what was written last where it is null.
 *
 * @throws what the system says of the rest where it takes a part only; Error where it takes nothing and gives no reason
 */
export async function writeWhole(
  file: Pick<FileHandle, 'write'>,
  bytes: Uint8Array,
  position: number | null = null,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done;
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at);
    if (bytesWritten === 0)
      throw new Error(`the last ${bytes.length - done} of ${bytes.length} bytes were not written`);
    done += bytesWritten;
  }
}
