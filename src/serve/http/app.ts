/** Every route but inference, in hono: health, metadata, metrics, pictures, the description of it all. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Context, Hono } from 'hono';
import { modelMetadata, serverMetadata } from '../protocol/metadata.ts';
import { repositoryIndex } from '../protocol/repository-index.ts';
import type { Service } from '../worker/service.ts';
import { readBody, Share } from './body.ts';
import type { Exchange, Route } from './exchange.ts';
import { homePage } from './home.ts';
import { asHttpError, errorBody, HttpError } from './http-error.ts';
import { OPENAPI } from './openapi.ts';
import { predictPicture } from './predict.ts';

interface Env {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse };
}

type Handler = (context: Context<Env>, exchange: Exchange) => Response | Promise<Response>;

/** Bytes of a question for the index; a whole one has fifteen. */
const MAX_QUESTION_BYTES = 64 * 1024;

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export function createApp(service: Service, exchangeOf: (request: IncomingMessage) => Exchange): Hono<Env> {
  // Not strict: /v2/ is /v2.
  const app = new Hono<Env>({ strict: false });

  /** A route, and 405 for every other method on its path. */
  const on = (method: 'GET' | 'POST', path: string, route: Route, handler: Handler): void => {
    app.on(method, path, (context) => {
      const exchange = exchangeOf(context.env.incoming);
      exchange.route = route;
      return handler(context, exchange);
    });
    app.all(path, ({ req }) => {
      const allow = method === 'GET' ? 'GET, HEAD' : method;
      throw new HttpError(405, `found ${req.method}, expected ${allow}`, { allow });
    });
  };

  app.use(async (context, next) => {
    await next();
    context.header('x-request-id', exchangeOf(context.env.incoming).id);
  });
  on('GET', '/', 'page', (context) => context.html(homePage(service.models.all()), 200, SECURITY_HEADERS));
  on('GET', '/openapi.json', 'page', (context) => context.json(OPENAPI));
  on('GET', '/metrics', 'metrics', async (context) =>
    context.body(await service.scrape(), 200, { 'content-type': service.metrics.registry.contentType }),
  );
  on('GET', '/v2', 'metadata', (context) => context.json(serverMetadata()));
  on('GET', '/v2/health/live', 'health', (context) => context.json({ live: true }));
  on('GET', '/v2/health/ready', 'health', (context) => {
    if (!service.ready)
      throw new HttpError(503, service.draining ? 'stopping' : 'no model is loaded', { 'retry-after': '1' });
    return context.json({ ready: true });
  });
  on('GET', '/v2/models', 'metadata', (context) =>
    context.json({ models: Array.from(service.models.all(), ({ id }) => id) }),
  );
  for (const version of ['', '/versions/:version'] as const) {
    const find = (context: Context<Env>, exchange: Exchange) => {
      const model = service.models.find(context.req.param('model')!, context.req.param('version'));
      exchange.model = model.id;
      return model;
    };
    on('GET', `/v2/models/:model${version}`, 'metadata', (context, exchange) =>
      context.json(modelMetadata(find(context, exchange))),
    );
    on('GET', `/v2/models/:model${version}/ready`, 'health', (context, exchange) => {
      const { id } = find(context, exchange);
      if (service.draining) throw new HttpError(503, 'stopping', { 'retry-after': '1' });
      return context.json({ name: id, ready: true });
    });
  }
  on('POST', '/v2/repository/index', 'metadata', async (context, exchange) => {
    const share = new Share(service.buffered);
    try {
      const body = await readBody(exchange.request, MAX_QUESTION_BYTES, share, exchange.wantBody);
      exchange.answering = true;
      return context.json(repositoryIndex(body, service));
    } finally {
      share.release();
    }
  });
  on('POST', '/v2/repository/models/:model/:action{load|unload}', 'metadata', () => {
    throw new HttpError(
      400,
      'models come and go with the files in the models folder, which is looked at again and again; expected no request to load or unload one',
    );
  });
  on('POST', '/predict', 'predict', async (context, exchange) =>
    context.json(await predictPicture(service, exchange, new URL(context.req.url).searchParams)),
  );

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
