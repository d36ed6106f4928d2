/** Reads the JSON objects that clients send. An optional field may also be null. */
import { HttpError, shown } from '../http/http-error.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function bad(message: string): never {
  throw new HttpError(400, message);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads an optional field: undefined if it is missing or null, because clients whose types have optional fields write
 * null.
 */
export function optional(value: unknown): unknown {
  return value ?? undefined;
}

/** @throws HttpError 400 if the field is present and neither true nor false */
export function optionalFlag(found: unknown, name: string, otherwise: boolean): boolean {
  const value = found ?? otherwise;
  return typeof value === 'boolean' ? value : bad(`found ${shown(value)} as ${name}, expected true or false`);
}

/** Bytes of a body that is not JSON that an error message shows. */
const SHOWN_BYTES = 16;
const BYTE_ORDER_MARK = Buffer.from('\u{feff}');

/**
 * @param expected what the body should be, for the message
 * @throws HttpError 400 if the first `length` bytes are not a JSON object
 */
export function readJson(body: Buffer, length: number, expected: string): Fields {
  if (length === 0) bad(`found an empty body, expected ${expected} in JSON`);
  // Some editors and shells put a byte order mark at the start of a file.
  const marked = body[0] === BYTE_ORDER_MARK[0] && body.indexOf(BYTE_ORDER_MARK) === 0;
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8', marked ? BYTE_ORDER_MARK.length : 0, length));
  } catch {
    const found = body.toString('latin1', 0, Math.min(length, SHOWN_BYTES));
    bad(`found a body that is no JSON and begins with ${shown(found)}, expected ${expected} in JSON`);
  }
  return isFields(json) ? json : bad(`found ${shown(json)}, expected ${expected}: an object`);
}
