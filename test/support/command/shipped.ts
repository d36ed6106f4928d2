/** Whether a file is the one that the project ships, or one that somebody made in its place. */
import { spawnSync } from 'node:child_process';

/** True where git knows of no difference, or where there is no git to ask: what was unpacked is what was shipped. */
export function isShipped(path: string): boolean {
  const { status } = spawnSync('git', ['diff', '--quiet', 'HEAD', '--', path], { stdio: 'ignore' });
  return status !== 1;
}
