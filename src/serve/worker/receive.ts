/** How a request that a model is to answer is received: it waits for room, and only then is its body read. */
import { readBody, type Share } from '../http/body.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Line } from './line.ts';
import type { Service } from './service.ts';

/**
 * The body, decompressed.
 *
 * @throws HttpError as `Line.enter` and `readBody` do
 */
export async function receive({ settings }: Service, exchange: Exchange, line: Line, share: Share): Promise<Buffer> {
  const { request } = exchange;
  // What is too large is refused by readBody, which says so.
  const bytes = Math.min(Number(request.headers['content-length'] ?? 0), settings.maxBody);
  exchange.answering = true;
  const place = await line.enter(bytes, exchange.gone);
  try {
    exchange.answering = false;
    const body = await readBody(request, settings.maxBody, share, exchange.wantBody);
    exchange.answering = true;
    return body;
  } finally {
    place.leave();
  }
}
