/** Text that people hand over: UTF-8, with the byte order mark that Windows writes or without one. */
import { InputError } from '../certify-runtime/trusted/errors.ts';

/**
 * Bytes as text, a byte order mark left out.
 *
 * @throws InputError where they are UTF-16, as Windows calls Unicode, or another text than UTF-8
 */
export function utf8Text(bytes: Uint8Array, name: string): string {
  const refuse = (found: string) =>
    new InputError(`${name}: found ${found}, expected UTF-8; save the file as UTF-8`, { name, found });
  const [first, second] = bytes;
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // No list holds a zero; of UTF-16 without a mark, every second byte of plain letters is one.
  if (marked || bytes.includes(0)) throw refuse(marked ? 'UTF-16 text' : 'zero bytes, as in UTF-16 text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('bytes that are no UTF-8 text');
  }
}
