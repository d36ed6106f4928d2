/**
 * Writes that leave nothing out: a disk that fills up accepts only a part of a write and reports it only through the
 * count.
 */
import type { FileHandle } from 'node:fs/promises';

/**
 * Writes all bytes at `position`, or after what was written last if it is null.
 *
 * @throws the system's error if it accepts only a part; Error if it accepts nothing and gives no reason
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
