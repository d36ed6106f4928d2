/**
 * The HTTP server of one worker: time limits, connection limits, malformed requests, and dispatch.
 *
 * Inference is dispatched here and written with node:http; everything else goes through hono. On the machine where we
 * measured, hono took 3–4 µs of a request's 20 µs.
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

/**
 * This is longer than a load balancer keeps a connection (usually 60 s), so the load balancer is the one that closes
 * it.
 */
const KEEP_ALIVE = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const CHECK_INTERVAL = 1000;

/**
 * The paths that probes ask for, because probes have no keys. Whole paths are compared, because a proxy or handler
 * might interpret a longer one differently.
 */
const KEYLESS: ReadonlySet<string> = new Set(['/v2/health/live', '/v2/health/ready']);
/** Dot segments are refused, because code that resolves them would see a path other than the one checked here. */
const DOT_SEGMENT = /[/\\](?:\.|%2e){1,2}(?:[/\\]|$)/i;

/** Connections above the limit that are kept for probes: a busy service is no reason for a restart. */
const FOR_PROBES = 16;
const TOO_MANY = 'too many connections; try again later';

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
};

/** Milliseconds within which a connection that has just been opened must send its request when the service stops. */
const FIRST_REQUEST = 1000;
/**
 * Milliseconds for which we go on reading after we have ended a connection. If we closed it with unread bytes, the
 * client would lose the last answer.
 */
const LINGER = 500;

export interface HttpServer {
  /** Answers requests on a connection. */
  take(socket: Socket): void;
  /**
   * Answers every accepted request, then closes. Resolves when no connection is left.
   *
   * @param grace milliseconds after which the remaining connections are cut off
   */
  close(grace: number): Promise<void>;
}

export function createHttpServer(service: Service): HttpServer {
  const { settings, logger, metrics } = service;
  /** The latest exchange on each connection. */
  const current = new WeakMap<Socket, Exchange>();
  const sockets = new Set<Socket>();
  /** Connections above the limit, which are for probes only. */
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
    // The request came after we ended the connection, so we cannot answer it.
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
      // pathOf checks this, so that the answer is JSON like any other.
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
    // A client that is waiting for its answer is not slow: we are.
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
  // Node starts to check request timeouts when a server listens, but ours does not listen: its connections are handed
  // to it.
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

/** Ends a connection after the answer in progress. */
function endAfter({ request, response }: Exchange): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
  if (response.destroyed || response.writableFinished) end(request.socket);
  else response.once('close', () => end(request.socket));
}

/** Ends a connection without losing what its client has not yet read. */
function end(socket: Socket): void {
  socket.end();
  setTimeout(() => socket.destroy(), LINGER);
}

/** The path of a request line, without its query and without a trailing slash. */
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

/** Answers directly on a socket, if there is no response object, and closes it. */
function refuseRaw(socket: Socket, status: number, message: string): void {
  // If another answer has begun, the client would take this one for a part of it.
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
  // We go on reading for a moment: if we closed with unread bytes, the client would lose the answer.
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER).unref();
}
