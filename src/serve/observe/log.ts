/** Structured logs: JSON lines on standard output, written in the background, whole lines at a time. */
import process from 'node:process';
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
/** Milliseconds that the end of a process waits for whoever reads its log. */
const LAST_WORDS = 3000;

export interface Log {
  readonly logger: Logger;
  /**
   * Writes out what waits, and takes no more lines; for the end of the process. Resolves when it is written, or cannot be: a full
   * disk keeps no process from ending. Where a reader has stopped reading it does not resolve: the process ends by SIGKILL.
   */
  end(): Promise<void>;
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
  let unread = false;
  // A log that nobody reads any more, or that has no room, is no reason to stop answering.
  out.on('error', ({ code }: NodeJS.ErrnoException) => {
    unread = code === 'EPIPE';
  });
  // Warnings of Node that nobody reads are none either.
  process.stderr.on('error', () => {});
  // pino calls it for a fatal line and at the exit; it writes until all is written, for ever where the disk is full.
  out.flushSync = () => {};
  const logger = pino({ level, base, formatters: { level: (label) => ({ level: label }) } }, out);
  const end = async () => {
    logger.level = 'silent';
    if (unread) return;
    await new Promise<void>((resolve) => {
      // A thread of ours hangs in write(), and an orderly exit would wait for it.
      const timer = setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_WORDS);
      for (const event of ['close', 'error'] as const) {
        out.once(event, () => {
          clearTimeout(timer);
          resolve();
        });
      }
      out.end();
    });
    out.destroy();
  };
  return { logger, end };
}
