/** The hono app that answers every route except inference; the routes are in routes/table.ts. */
import type { IncomingMessage } from 'node:http';
import { Hono } from 'hono';
import type { Service } from '../worker/service.ts';
import type { Exchange } from './exchange.ts';
import { asHttpError, errorBody, HttpError } from './http-error.ts';
import { OPENAPI } from './openapi.ts';
import type { Env } from './routes/route.ts';
import { ROUTES } from './routes/table.ts';

export function createApp(service: Service, exchangeOf: (request: IncomingMessage) => Exchange): Hono<Env> {
  // Without strict mode, /v2/ is the same path as /v2.
  const app = new Hono<Env>({ strict: false });
  app.use(async (context, next) => {
    await next();
    context.header('x-request-id', exchangeOf(context.env.incoming).id);
  });
  const allowed = new Map<string, string[]>();
  for (const { method, path, route, handle } of ROUTES) {
    if (handle === undefined) continue;
    allowed.set(path, [...(allowed.get(path) ?? []), ...(method === 'GET' ? ['GET', 'HEAD'] : [method])]);
    app.on(method, path, (context) => {
      const exchange = exchangeOf(context.env.incoming);
      exchange.route = route;
      return handle(context, { service, exchange, openapi: OPENAPI });
    });
  }
  // This comes after all methods of a path have been registered, so it refuses every other method.
  for (const [path, methods] of allowed) {
    const allow = methods.join(', ');
    app.all(path, ({ req }) => {
      throw new HttpError(405, `found ${req.method}, expected ${allow}`, { allow });
    });
  }
  app.notFound(() => {
    throw new HttpError(404, 'no such path; GET /openapi.json lists those there are');
  });
  app.onError((error, context) => {
    const exchange = exchangeOf(context.env.incoming);
    exchange.note(error);
    const { status, message, headers } = asHttpError(error);
    return new Response(errorBody(message), {
      status,
      headers: { 'content-type': 'application/json', 'x-request-id': exchange.id, ...headers },
    });
  });
  return app;
}
