/** Lets web pages of given origins read the service's answers (CORS, in the fetch standard). It is off by default. */
import type { Exchange } from './exchange.ts';
import { HttpError, shown } from './http-error.ts';

const METHODS = 'GET, HEAD, POST';
/** The headers are named one by one because `*` would not cover Authorization. */
const REQUEST_HEADERS =
  'authorization, content-type, content-encoding, inference-header-content-length, x-request-id, traceparent, tracestate';
/** The headers that a page may read besides the few that it always may. */
const ANSWER_HEADERS = 'x-request-id, inference-header-content-length, retry-after';
/** Seconds for which a browser may keep the answer to a preflight. */
const MAX_AGE = '600';

export class Cors {
  readonly #origins: ReadonlySet<string>;
  readonly #anyone: boolean;

  /** @param origins the allowed origins as browsers write them (`https://example.org`), or `*` */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
    this.#anyone = this.#origins.has('*');
  }

  /** Says in the answer, whatever it turns out to be, whether the page that asks may read it. */
  mark({ request, response }: Exchange): void {
    const { origin } = request.headers;
    // A cache must not give one origin the answer that it keeps for another.
    if (!this.#anyone) response.setHeader('vary', 'Origin');
    if (!this.#allows(origin)) return;
    response.setHeader('access-control-allow-origin', this.#anyone ? '*' : origin!);
    response.setHeader('access-control-expose-headers', ANSWER_HEADERS);
  }

  /**
   * Answers the preflight that a browser sends before the request itself. A preflight carries no key, so we ask for
   * none.
   *
   * @returns false if the request is not a preflight
   * @throws HttpError 403 if the page's origin is not one of those allowed
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
