/**
 * Works under a limit of the system and prints what came of it: `limited-child.ts LIMIT decode FILE`, or
 * `limited-child.ts LIMIT prepare FOLDER CACHE SIDE FILE…`.
 *
 * LIMIT is prlimit's, for example `fsize=4096`; that of `as` is in addition to what the process has when its work begins.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { prepareImages } from '../../../src/train/data/prepared/prepared.ts';
import { decodeSquare } from '../../../src/train/data/readers/decode.ts';

// Everything is loaded before the limit counts: Node.js 24 and later need more memory to load a module than the limit leaves.
await decodeSquare('docs/images/digit-red.png', 8, 1);

const [limit, work, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const [kind, value] = limit.split('=');
const held = kind === 'as' ? Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024 : 0;
execFileSync('prlimit', ['--pid', String(process.pid), `--${kind}=${held + Number(value)}`]);
try {
  if (work === 'decode') {
    const found = await decodeSquare(rest[0]!, 8, 1);
    process.stdout.write(typeof found === 'string' ? found : 'an image');
  } else {
    const [folder, cache, side, ...paths] = rest as [string, string, string, ...string[]];
    await prepareImages(paths, { name: 'test', folder, cache, side: Number(side) });
    process.stdout.write('prepared');
  }
} catch (error) {
  process.stdout.write((error as Error).message);
}
