/** One request and its answer: its id, its entry in the log and the metrics, and how the answer is written. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { traceContext } from '../observe/trace-context.ts';
import { asHttpError, errorBody } from './http-error.ts';

/**
 * The ids that a client may give its request. Any other id is replaced, so that nobody can inject text into the log.
 */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Milliseconds for which we read and discard the rest of a refused body, so that the client gets to read why. */
const LINGER = 2000;

export type Route = 'infer' | 'predict' | 'health' | 'metadata' | 'metrics' | 'page' | 'other';

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  route: Route = 'other';
  /** The requested model, once we know that it exists. */
  model: string | undefined;
  /** Whether the client is still waiting for 100 Continue. */
  expectsContinue = false;
  /**
   * Whether the client is waiting for us, not we for the client: either its turn has not come, or we have the whole
   * request.
   */
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

  /** Whether nobody is waiting for the answer any more. */
  readonly gone = (): boolean => this.response.destroyed || this.request.socket.destroyed;

  /** Sends 100 Continue if the client asked for it. */
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

  /** Keeps the reason for a refusal for the log. */
  note(error: unknown): void {
    this.#error = error;
  }

  /**
   * Closes the connection if the client was never told to continue. It may or may not send its body, so we could not
   * tell the body from the next request.
   */
  beforeAnswer(): void {
    if (this.expectsContinue) this.response.shouldKeepAlive = false;
  }

  /** Reads the rest of an unwanted body for a while. If we closed at once, the client would lose the answer too. */
  discardRest(): void {
    const { request } = this;
    if (request.complete) return;
    request.resume();
    const timer = setTimeout(() => request.socket.destroy(), LINGER).unref();
    for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
  }

  #end(logger: Logger, metrics: Metrics): void {
    const ms = performance.now() - this.#begin;
    // As in nginx, 499 means that the client went away before its answer was written.
    const status = this.response.writableFinished ? this.response.statusCode : 499;
    const predicting = this.route === 'infer' || this.route === 'predict';
    metrics.request(this.route, status, ms / 1000, predicting ? this.model : undefined);
    const { method, headers } = this.request;
    const trace = traceContext(headers['traceparent'], headers['tracestate']);
    const line = {
      id: this.id,
      // These are OpenTelemetry's names for the fields in logs.
      trace_id: trace?.traceId,
      span_id: trace?.spanId,
      trace_flags: trace && (trace.sampled ? '01' : '00'),
      trace_state: trace?.state,
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
