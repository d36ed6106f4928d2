/** One request and its answer: its id, its place in log and metrics, and how the answer is written. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { traceContext } from '../observe/trace-context.ts';
import { asHttpError, errorBody } from './http-error.ts';

/** What a client may call its request; anything else is replaced, so that nobody writes into the log. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Milliseconds that the rest of a refused body is read and thrown away, so that the client gets to read why. */
const LINGER = 2000;

export type Route = 'infer' | 'predict' | 'health' | 'metadata' | 'metrics' | 'page' | 'other';

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  route: Route = 'other';
  /** The model that was asked for, once it is known to be one. */
  model: string | undefined;
  /** Set while the client still waits for 100 Continue. */
  expectsContinue = false;
  /** The client waits for us, and not we for the client: its turn has not come, or the whole request is here. */
  answering = false;
  #error: unknown;
  readonly #begin = performance.now();

  constructor(request: IncomingMessage, response: ServerResponse, logger: Logger, metrics: Metrics) {
    this.request = request;
    this.response = response;
    const given = request.headers['x-request-id'];
    this.id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    response.once('close', () => this.#end(logger, metrics));
  }

  /** Whether nobody waits for the answer any more. */
  readonly gone = (): boolean => this.response.destroyed || this.request.socket.destroyed;

  /** Tells a client that asked to be told that its body is wanted. */
  readonly wantBody = (): void => {
    if (!this.expectsContinue) return;
    this.expectsContinue = false;
    this.response.writeContinue();
  };

  send(
    status: number,
    contentType: string,
    body: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const { response } = this;
    if (response.headersSent || response.destroyed) return;
    this.beforeAnswer();
    const lines = ['content-type', contentType, 'content-length', String(Buffer.byteLength(body))];
    lines.push('x-request-id', this.id);
    for (const name in headers) lines.push(name, headers[name]!);
    response.writeHead(status, lines);
    response.end(this.request.method === 'HEAD' ? undefined : body);
    this.discardRest();
  }

  fail(error: unknown): void {
    const { status, message, headers } = asHttpError(error);
    this.note(error);
    this.send(status, 'application/json', errorBody(message), headers);
  }

  /** Keeps for the log why this request was refused. */
  note(error: unknown): void {
    this.#error = error;
  }

  /** A client that was not told to go on may or may not send its body; what would follow could not be told apart. */
  beforeAnswer(): void {
    if (this.expectsContinue) this.response.shouldKeepAlive = false;
  }

  /** What is left of a body that is not wanted is read for a while: to close on it would take the answer away too. */
  discardRest(): void {
    const { request } = this;
    if (request.complete) return;
    request.resume();
    const timer = setTimeout(() => request.socket.destroy(), LINGER).unref();
    for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
  }

  #end(logger: Logger, metrics: Metrics): void {
    const ms = performance.now() - this.#begin;
    // 499 as in nginx: the client went away before its answer was written.
    const status = this.response.writableFinished ? this.response.statusCode : 499;
    metrics.request(this.route, status, ms / 1000);
    const { method, headers } = this.request;
    const trace = traceContext(headers['traceparent']);
    const line = {
      id: this.id,
      // As OpenTelemetry names them in logs.
      trace_id: trace?.traceId,
      span_id: trace?.spanId,
      method,
      route: this.route,
      model: this.model,
      status,
      ms: Math.round(ms * 1e3) / 1e3,
    };
    if (status === 500) logger.error({ ...line, err: this.#error }, 'request');
    else if (this.#error instanceof Error) logger.info({ ...line, why: this.#error.message }, 'request');
    else logger.info(line, 'request');
  }
}
