/** How long work is shown to people: a bar on a terminal, a line now and then elsewhere, all on stderr. */
import process from 'node:process';
import { SingleBar } from 'cli-progress';

export interface Reporter {
  /** `done` of `total` of this work, with a note behind it; another `what` begins another bar. */
  progress(what: string, done: number, total: number, note?: string): void;
  /** A line that stays. */
  say(line: string): void;
  /** A line that the next one overwrites; it is shown on a terminal only. */
  status(text: string): void;
  /** Ends the bar, finished or not. */
  stop(): void;
}

/** How long a log waits for the next line about the same work, in milliseconds. */
const INTERVAL_MS = 5000;

/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80;

export function createReporter(stream: NodeJS.WriteStream = process.stderr): Reporter {
  const bar = stream.isTTY
    ? new SingleBar({ stream, format: '{what} [{bar}] {value}/{total} | {eta_formatted} left{note}', hideCursor: true })
    : undefined;
  const clear = stream.isTTY ? '\r\x1b[K' : '';
  let current = '';
  let written = Number.NEGATIVE_INFINITY;
  return {
    progress(what, done, total, note = '') {
      const behind = note === '' ? '' : ` | ${note}`;
      if (bar !== undefined) {
        const payload = { what, note: behind };
        if (bar.isActive && what === current) {
          bar.update(done, payload);
        } else {
          bar.stop();
          bar.start(total, done, payload);
        }
        if (done >= total) bar.stop();
      } else if (done >= total || performance.now() - written >= INTERVAL_MS) {
        stream.write(`${what}: ${done} of ${total}${behind}\n`);
        written = performance.now();
      }
      current = what;
    },
    say: (line) => {
      stream.write(`${clear}${line}\n`);
    },
    status: (text) => {
      if (stream.isTTY) stream.write(`${clear}${text.slice(0, (stream.columns ?? COLUMNS) - 1)}`);
    },
    stop: () => bar?.stop(),
  };
}
