/**
 * The HTTP server of one worker: time limits, connection limits, malformed requests, and who answers what.
 *
 * Inference is dispatched here and written with node:http; everything else goes through hono. On the machine this was
 * measured on, a request and an answer of hono's cost 3–4 µs of a request's 20 µs.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Service } from '../worker/service.ts';
import { createApp } from './app.ts';
import { Cors } from './cors.ts';
import { Exchange } from './exchange.ts';
import { errorBody, HttpError, overloaded } from './http-error.ts';
import { infer, inferTarget } from './infer.ts';

/** Longer than a load balancer keeps a connection (60 s as a rule), so that it is the balancer who closes. */
const KEEP_ALIVE = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const CHECK_INTERVAL = 1000;

/** What probes ask, and probes have no keys. Whole paths: a longer one may be read as another further on. */
const KEYLESS: ReadonlySet<string> = new Set(['/v2/health/live', '/v2/health/ready']);
/** Whoever resolves these finds another path than was looked at here, so nobody gets to. */
const DOT_SEGMENT = /[/\\](?:\.|%2e){1,2}(?:[/\\]|$)/i;

/** Connections above the limit on which probes are answered: a service with many clients is no reason to restart it. */
const FOR_PROBES = 16;
const TOO_MANY = 'too many connections; try again later';

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
};

/** Milliseconds that a connection which is new when the service ends has for its request. */
const FIRST_REQUEST = 1000;
/** Milliseconds that a connection is read on after its end: closing on unread bytes would take the last answer away. */
const LINGER = 500;

export interface HttpServer {
  /** Answers on a connection. */
  take(socket: Socket): void;
  /**
   * Answers what was accepted, then closes; resolves when no connection is left.
   *
   * @param grace milliseconds after which the rest is cut off
   */
  close(grace: number): Promise<void>;
}

export function createHttpServer(service: Service): HttpServer {
  const { settings, logger, metrics } = service;
  /** Who is being answered on a connection. */
  const current = new WeakMap<Socket, Exchange>();
  const sockets = new Set<Socket>();
  /** Beyond those that are allowed: for probes only. */
  const surplus = new WeakSet<Socket>();
  const exchanges = new WeakMap<IncomingMessage, Exchange>();
  const cors = settings.cors.length === 0 ? undefined : new Cors(settings.cors);
  const app = createApp(service, (request) => exchanges.get(request)!);
  const others = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    errorHandler: (error) => {
      logger.info({ why: error instanceof Error ? error.message : String(error) }, 'malformed request');
      return new Response(errorBody('the request cannot be read'), {
        status: 400,
        headers: { 'content-type': 'application/json' },
      });
    },
  });

  const handle = (request: IncomingMessage, response: ServerResponse, expectsContinue = false): void => {
    // It came after we had ended the connection: nothing can be answered.
    if (request.socket.writableEnded) return;
    const exchange = new Exchange(request, response, logger, metrics);
    exchange.expectsContinue = expectsContinue;
    current.set(request.socket, exchange);
    if (service.draining) response.shouldKeepAlive = false;
    try {
      cors?.mark(exchange);
      const path = pathOf(request);
      if (cors?.preflight(exchange)) return;
      if (surplus.has(request.socket) && !KEYLESS.has(path)) {
        response.shouldKeepAlive = false;
        throw overloaded(TOO_MANY);
      }
      if (service.keys !== undefined && !KEYLESS.has(path)) authorize(service, request);
      const target = inferTarget(path);
      if (target !== undefined) {
        void infer(service, exchange, target);
        return;
      }
    } catch (error) {
      exchange.fail(error);
      return;
    }
    exchanges.set(request, exchange);
    void others(request, response).finally(() => exchange.discardRest());
  };

  const server = createServer(
    {
      headersTimeout: settings.headersTimeout,
      requestTimeout: settings.requestTimeout,
      connectionsCheckingInterval: CHECK_INTERVAL,
      keepAliveTimeout: KEEP_ALIVE,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Checked by pathOf, so that the answer is JSON as any other.
      requireHostHeader: false,
      noDelay: true,
    },
    (request, response) => handle(request, response),
  );
  server.timeout = settings.idleTimeout;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => handle(request, response, true));
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    response.shouldKeepAlive = false;
    new Exchange(request, response, logger, metrics).fail(
      new HttpError(417, 'found an Expect that is not 100-continue'),
    );
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) => refuseRaw(socket, 405, 'this is no proxy'));
  server.on('upgrade', (_request: IncomingMessage, socket: Socket) =>
    refuseRaw(socket, 400, 'found Upgrade, expected none'),
  );
  server.on('timeout', (socket: Socket) => {
    // A client that waits for its answer is not slow: we are.
    if (current.get(socket)?.answering === true) socket.setTimeout(settings.idleTimeout);
    else socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { status, message } = clientError(error);
    metrics.request('other', status, 0);
    logger.info({ status, why: message, code: error.code }, 'malformed request');
    refuseRaw(socket, status, message);
  });
  server.on('connection', (socket: Socket) => {
    if (service.connections >= settings.maxConnections + FOR_PROBES) {
      metrics.request('other', 503, 0);
      refuseRaw(socket, 503, TOO_MANY);
      return;
    }
    if (service.connections >= settings.maxConnections) surplus.add(socket);
    service.connections++;
    sockets.add(socket);
    socket.once('close', () => {
      service.connections--;
      sockets.delete(socket);
    });
  });
  // Node checks the times of requests from when a server listens; ours is handed its connections.
  server.emit('listening');
  return {
    take: (socket) => {
      socket.setNoDelay(true);
      server.emit('connection', socket);
    },
    close: async (grace) => {
      const cut = setTimeout(() => {
        logger.warn({ connections: sockets.size }, 'cut off what was not answered in time');
        for (const socket of sockets) socket.destroy();
      }, grace);
      for (const socket of sockets) {
        const exchange = current.get(socket);
        if (exchange === undefined) {
          setTimeout(() => {
            if (!current.has(socket)) end(socket);
          }, FIRST_REQUEST);
        } else endAfter(exchange);
      }
      while (sockets.size > 0) await new Promise((resolve) => sockets.values().next().value!.once('close', resolve));
      clearTimeout(cut);
      server.close();
    },
  };
}

/** Ends a connection after the answer that is being made on it. */
function endAfter({ request, response }: Exchange): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
  if (response.destroyed || response.writableFinished) end(request.socket);
  else response.once('close', () => end(request.socket));
}

/** Ends a connection without taking away what its client has not yet read. */
function end(socket: Socket): void {
  socket.end();
  setTimeout(() => socket.destroy(), LINGER);
}

/** The path of a request line, without its query and without a slash at its end. */
function pathOf(request: IncomingMessage): string {
  const url = request.url!;
  if (!url.startsWith('/')) throw new HttpError(400, 'the request target is no path');
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new HttpError(400, 'found no Host header, expected one');
  }
  const query = url.indexOf('?');
  const end = query < 0 ? url.length : query;
  const path = url.slice(0, end > 1 && url[end - 1] === '/' ? end - 1 : end);
  if (DOT_SEGMENT.test(path)) throw new HttpError(400, 'found a path with the segment . or .., expected none');
  return path;
}

function authorize(service: Service, request: IncomingMessage): void {
  if (service.keys!.allow(request.headers.authorization)) return;
  throw new HttpError(401, 'expected Authorization: Bearer and a key that is known here', {
    'www-authenticate': 'Bearer',
  });
}

function clientError(error: NodeJS.ErrnoException): { readonly status: number; readonly message: string } {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return { status: 431, message: `the headers are too large, expected at most ${MAX_HEADER_BYTES} bytes` };
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, message: 'the request did not come in time' };
  return { status: 400, message: 'this is no HTTP request' };
}

/** Answers where there is no response to answer with, and closes. */
function refuseRaw(socket: Socket, status: number, message: string): void {
  // After the beginning of another answer this one would be taken for a part of it.
  const begun = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (!socket.writable || begun) {
    socket.destroy();
    return;
  }
  const body = errorBody(message);
  const retry = status === 503 ? 'Retry-After: 1\r\n' : '';
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\nContent-Type: application/json\r\n${retry}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  // Read on for a moment: closing on unread bytes would take the answer away.
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER).unref();
}
