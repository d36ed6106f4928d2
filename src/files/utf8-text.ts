/** Text files from users: UTF-8, with or without the byte order mark that Windows writes. */
import { InputError } from '../certify-runtime/trusted/errors.ts';

/**
 * Decodes bytes as text and leaves out a byte order mark.
 *
 * @throws InputError if they are UTF-16, which Windows calls Unicode, or are otherwise not UTF-8
 */
export function utf8Text(bytes: Uint8Array, name: string): string {
  const refuse = (found: string, options?: ErrorOptions) =>
    new InputError(`${name}: found ${found}, expected UTF-8; save the file as UTF-8`, { name, found }, options);
  const [first, second] = bytes;
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // No text file here holds a zero byte; in UTF-16 without a mark, every second byte of plain letters is one.
  if (marked || bytes.includes(0)) throw refuse(marked ? 'UTF-16 text' : 'zero bytes, as in UTF-16 text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse('bytes that are no UTF-8 text', { cause });
  }
}
