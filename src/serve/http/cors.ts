/** Lets web pages of given origins read what the service answers (CORS, in the fetch standard). Off unless asked for. */
import type { Exchange } from './exchange.ts';
import { HttpError, shown } from './http-error.ts';

const METHODS = 'GET, HEAD, POST';
/** Named one by one: `*` would not hold for Authorization. */
const REQUEST_HEADERS =
  'authorization, content-type, content-encoding, inference-header-content-length, x-request-id, traceparent, tracestate';
/** What a page may read beyond the few headers that it always may. */
const ANSWER_HEADERS = 'x-request-id, inference-header-content-length, retry-after';
/** Seconds for which a browser need not ask again. */
const MAX_AGE = '600';

export class Cors {
  readonly #origins: ReadonlySet<string>;
  readonly #anyone: boolean;

  /** @param origins as browsers write them (`https://example.org`), or `*` */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
    this.#anyone = this.#origins.has('*');
  }

  /** Says in the answer, whatever that will be, whether the page that asks may read it. */
  mark({ request, response }: Exchange): void {
    const { origin } = request.headers;
    // What caches keep for one origin is not for another.
    if (!this.#anyone) response.setHeader('vary', 'Origin');
    if (!this.#allows(origin)) return;
    response.setHeader('access-control-allow-origin', this.#anyone ? '*' : origin!);
    response.setHeader('access-control-expose-headers', ANSWER_HEADERS);
  }

  /**
   * Answers what a browser asks before the request itself. It sends no key along, so that none is asked for.
   *
   * @returns false where the request is no such question
   * @throws HttpError 403 where the page's origin is none of those that may ask
   */
  preflight(exchange: Exchange): boolean {
    const { request, response } = exchange;
    const { origin } = request.headers;
    if (request.method !== 'OPTIONS' || origin === undefined) return false;
    if (request.headers['access-control-request-method'] === undefined) return false;
    if (!this.#allows(origin)) {
      throw new HttpError(403, `found Origin ${shown(origin)}, expected ${[...this.#origins].join(' or ')}`);
    }
    response.setHeader('access-control-allow-methods', METHODS);
    response.setHeader('access-control-allow-headers', REQUEST_HEADERS);
    response.setHeader('access-control-max-age', MAX_AGE);
    response.setHeader('x-request-id', exchange.id);
    response.writeHead(204);
    response.end();
    exchange.discardRest();
    return true;
  }

  #allows(origin: string | undefined): boolean {
    return this.#anyone || (origin !== undefined && this.#origins.has(origin));
  }
}
