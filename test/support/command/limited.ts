/** Work in a process with a limit of the system (limited-child.ts). */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Where the system has no prlimit: why a test is left out. */
export const NO_LIMITS = spawnSync('prlimit', ['--version']).error === undefined ? false : 'no prlimit here';

/** What the child says. */
export async function underLimit(...args: readonly string[]): Promise<string> {
  const script = fileURLToPath(new URL('limited-child.ts', import.meta.url));
  return (await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...args])).stdout;
}
