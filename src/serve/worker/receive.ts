/** Receives a request for a model: it waits for room, and only then is its body read. */
import { readBody, type Share } from '../http/body.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Line } from './line.ts';
import type { Service } from './service.ts';

/**
 * Reads the body and decompresses it.
 *
 * @throws HttpError as `Line.enter` and `readBody` do
 */
export async function receive({ settings }: Service, exchange: Exchange, line: Line, share: Share): Promise<Buffer> {
  const { request } = exchange;
  // If the body is too large, readBody refuses it with a clear message.
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
