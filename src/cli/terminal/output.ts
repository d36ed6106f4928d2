/** How a command ends that cannot print: its reader has gone, or the disk is full. */
import process from 'node:process';

/**
 * As shells report a program that SIGPIPE has ended, 128 + 13. Not 0: `glean verify` whose reader has gone has not said "verified",
 * and may have been about to say "refused".
 */
const READER_GONE = 141;
/** EX_IOERR of sysexits.h: neither an answer nor wrong use. */
const NOT_PRINTED = 74;

let needed = true;

/**
 * From now on the process ends, quietly with 141, once standard output or error has no reader any more, and with 74 and its reason
 * once what it prints cannot be written. What `withTemporary` knows of is removed.
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
      process.exit(NOT_PRINTED);
    });
  }
}

/** A service goes on answering when nobody reads what it prints. */
export function goOnWithoutOutput(): void {
  needed = false;
}
