/** Structured logs: JSON lines on standard output, written in the background, whole lines at a time. */
import { destination, type Logger, pino } from 'pino';

export type { Logger };

/**
 * Several processes write to one pipe: writes of up to PIPE_BUF (4096) bytes do not mix, so none is longer.
 * sonic-boom never cuts a line that fits.
 */
const PIPE_BUF = 4096;
/** Bytes that wait for a reader of the log who has stopped reading; lines beyond them are lost. */
const MAX_WAITING = 4 * 2 ** 20;
const FLUSH_EVERY = 200;

export interface Log {
  readonly logger: Logger;
  /** Writes out what waits. */
  flush(): void;
}

export function createLog(level: string, base: Readonly<Record<string, unknown>>): Log {
  const out = destination({
    dest: 1,
    sync: false,
    minLength: PIPE_BUF / 2,
    maxWrite: PIPE_BUF,
    maxLength: MAX_WAITING,
    periodicFlush: FLUSH_EVERY,
  });
  // A log that nobody reads any more is no reason to stop answering.
  out.on('error', () => {});
  const logger = pino({ level, base, formatters: { level: (label) => ({ level: label }) } }, out);
  const flush = () => {
    try {
      out.flushSync();
    } catch {
      // As above.
    }
  };
  return { logger, flush };
}
