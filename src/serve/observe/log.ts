/** Structured logs: JSON lines on standard output, written in the background, always whole lines. */
import process from 'node:process';
import { destination, type Logger, pino } from 'pino';

export type { Logger };

/**
 * Several processes write to one pipe. Writes of up to PIPE_BUF (4096) bytes do not mix, so no write is longer.
 * sonic-boom never splits a line that fits.
 */
const PIPE_BUF = 4096;
/** Bytes that may wait for a reader of the log that has stopped reading; lines beyond them are lost. */
const MAX_WAITING = 4 * 2 ** 20;
const FLUSH_EVERY = 200;
/** Milliseconds for which a process that is ending waits for the reader of its log. */
const LAST_WORDS = 3000;

export interface Log {
  readonly logger: Logger;
  /**
   * Writes out what is waiting and accepts no more lines; meant for the end of the process. Resolves when everything is
   * written, or if it cannot be written: a full disk does not keep a process from ending. If the reader has stopped
   * reading, it never resolves, and SIGKILL ends the process.
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
  // Nor is it a reason to stop if nobody reads Node's warnings.
  process.stderr.on('error', () => {});
  // pino calls this for a fatal line and at exit. It would write until all is written, which is forever if the disk is
  // full.
  out.flushSync = () => {};
  const logger = pino({ level, base, formatters: { level: (label) => ({ level: label }) } }, out);
  const end = async () => {
    logger.level = 'silent';
    if (unread) return;
    await new Promise<void>((resolve) => {
      // A thread of ours is stuck in write(), and an orderly exit would wait for it.
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
