/** Pipes that nobody reads: what is written to them fails with EPIPE, however slow the machine is. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What `use` gives of the writing end of a pipe whose reading end is closed already. */
export async function withClosedPipe<T>(use: (fd: number) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'glean-pipe-'));
  const path = join(folder, 'pipe');
  try {
    execFileSync('mkfifo', [path]);
    // A pipe opens for writing only while it is open for reading.
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, 'w');
    closeSync(reader);
    try {
      return await use(writer);
    } finally {
      closeSync(writer);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
