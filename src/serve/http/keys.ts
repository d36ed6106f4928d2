/** Bearer keys, which are read from a file, kept as digests and compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { InputError } from '../../certify-runtime/trusted/errors.ts';

/** A b64token of RFC 6750, long enough that it cannot be guessed. */
const KEY = /^[A-Za-z0-9\-._~+/]{16,512}=*$/;
const BEARER = /^Bearer +([^ ]+) *$/i;

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * The SHA-256 of each key in a key file's text, in hexadecimal. Each line holds one key; empty lines and lines that
 * begin with # are ignored.
 *
 * @throws InputError if a line is not a key, naming the line, or if there is no key at all
 */
export function readKeys(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.flatMap((line, i) => {
    if (line === '' || line.startsWith('#')) return [];
    if (KEY.test(line)) return [digest(line).toString('hex')];
    throw new InputError(`line ${i + 1} is no key; expected at least 16 of A–Z a–z 0–9 - . _ ~ + /`, { line: i + 1 });
  });
  if (keys.length === 0) throw new InputError('no key found; expected at least one, each on a line of its own');
  return keys;
}

export class Keys {
  readonly #digests: readonly Buffer[];

  /** @param digests the result of readKeys */
  constructor(digests: readonly string[]) {
    this.#digests = digests.map((hex) => Buffer.from(hex, 'hex'));
  }

  /**
   * Whether an Authorization header holds one of the keys. It compares digests of equal length with all of them, so the
   * time it takes reveals nothing.
   */
  allow(authorization: string | undefined): boolean {
    const given = digest(BEARER.exec(authorization ?? '')?.[1] ?? '');
    let found = false;
    for (const known of this.#digests) found = timingSafeEqual(known, given) || found;
    return found;
  }
}
