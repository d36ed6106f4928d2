/**
 * The error that refuses a request: a status, and a message for `{"error"}` that is about the request and never about
 * the machine.
 */
import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';

export class HttpError extends GleanError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  /** Omits the stack trace. It would cost more than the rest of a refusal, and the fault is in the client's request. */
  constructor(status: number, message: string, headers: Record<string, string> = {}, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super('HTTP', message, { status }, options);
    Error.stackTraceLimit = limit;
    this.status = status;
    this.headers = headers;
  }
}

/** A 503 error with Retry-After, a whole number of seconds and at least one. */
export function overloaded(message: string, seconds = 1): HttpError {
  return new HttpError(503, message, { 'retry-after': String(Math.max(1, Math.ceil(seconds))) });
}

/**
 * The error as the client may see it: invalid input becomes 400, and an unexpected error becomes 500 without its
 * message.
 */
export function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const cause = { cause: error };
  if (error instanceof InputError) return new HttpError(400, error.message, {}, cause);
  return new HttpError(500, 'the service failed to answer; its log says why', {}, cause);
}

export function errorBody(message: string): string {
  return JSON.stringify({ error: message });
}

const SHOWN_CHARACTERS = 60;
const SHOWN_ITEMS = 6;

/**
 * A client's value for use in a message. It shows only one level and is cut off, so neither depth nor size costs
 * anything.
 */
export function shown(value: unknown): string {
  if (!Array.isArray(value)) return shownItem(value);
  const items = value.slice(0, SHOWN_ITEMS).map((item) => (Array.isArray(item) ? '[…]' : shownItem(item)));
  return `[${items.join(',')}${value.length > SHOWN_ITEMS ? ',…' : ''}]`;
}

function shownItem(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  const cut = value.length > SHOWN_CHARACTERS;
  return `${JSON.stringify(cut ? value.slice(0, SHOWN_CHARACTERS) : value)}${cut ? '…' : ''}`;
}
