/** Ends a command that cannot print, because its reader has gone or the disk is full. */
import process from 'node:process';

/**
 * The status that shells report for a program that SIGPIPE has ended, 128 + 13. It must not be 0: if the reader of
 * `glean verify` has gone, nobody has been told "verified", and the answer may have been "refused".
 */
const READER_GONE = 141;
/** EX_IOERR of sysexits.h: this is neither an answer nor wrong use. */
export const NOT_WRITTEN = 74;

let needed = true;

/**
 * From now on, the process ends quietly with 141 if standard output or error loses its reader, and with 74 and the
 * reason if they cannot be written. Files that `withTemporary` knows of are removed.
 */
export function endWithoutOutput(): void {
  for (const [name, stream] of [
    ['standard output', process.stdout],
    ['standard error', process.stderr],
  ] as const) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (!needed) return;
      needed = false;
      if (code === 'EPIPE' || code === 'ECONNRESET') process.exit(READER_GONE);
      console.error(`glean: ${name}: cannot be written (${code ?? message})`);
      process.exit(NOT_WRITTEN);
    });
  }
}

/** Makes a service go on answering when nobody reads what it prints. */
export function goOnWithoutOutput(): void {
  needed = false;
}
