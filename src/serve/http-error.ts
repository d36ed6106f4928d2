/** What a request is refused with: a status, and words for `{"error"}` that speak of the request and never of the machine. */
import { GleanError, InputError } from '../certify-runtime/core/errors.ts';

export class HttpError extends GleanError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super('HTTP', message, { status });
    this.status = status;
    this.headers = headers;
  }
}

/** 503 with Retry-After, a whole number of seconds, at least one. */
export function overloaded(message: string, seconds = 1): HttpError {
  return new HttpError(503, message, { 'retry-after': String(Math.max(1, Math.ceil(seconds))) });
}

/** The error as the client may see it: wrong input is 400, and what was not foreseen is 500 without its words. */
export function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof InputError) return new HttpError(400, error.message);
  return new HttpError(500, 'the service failed to answer; its log says why');
}

export function errorBody(message: string): string {
  return JSON.stringify({ error: message });
}

/** What a client sent, quoted and cut, for use in a message. */
export function shown(value: unknown, length = 60): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
