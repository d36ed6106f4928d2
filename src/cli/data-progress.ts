/** How drawing pictures and preparing images is shown: a bar on a terminal, a line every five seconds elsewhere; on stderr. */
import { SingleBar } from 'cli-progress';
import type { Progress } from '../train/data/prepared.ts';

const INTERVAL_MS = 5000;

export function dataProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const bar = stream.isTTY
    ? new SingleBar({ stream, format: '{what} [{bar}] {value}/{total} | {eta_formatted} left', hideCursor: true })
    : undefined;
  let shown = 0;
  return (what, done, total) => {
    if (bar !== undefined) {
      if (!bar.isActive) bar.start(total, done, { what });
      bar.update(done, { what });
      if (done === total) bar.stop();
    } else if (done === total || Date.now() - shown >= INTERVAL_MS) {
      stream.write(`${what}: ${done} of ${total}\n`);
      shown = Date.now();
    }
  };
}
