/** The declaration of a route: its handler, its name in logs and metrics, and its OpenAPI description. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';
import type { Service } from '../../worker/service.ts';
import type { Exchange, Route } from '../exchange.ts';
import type { Json } from './description.ts';

export interface Env {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse };
}

/** What a handler is given to answer with. */
export interface Asked {
  readonly service: Service;
  readonly exchange: Exchange;
  /** The OpenAPI document of all routes. */
  readonly openapi: Json;
}

export interface RouteDeclaration {
  readonly method: 'GET' | 'POST';
  /** The path as hono writes it: `/v2/models/:model`. */
  readonly path: string;
  /** The name of the route in logs and metrics. */
  readonly route: Route;
  /**
   * The OpenAPI operation, without the parameters of the path. A route without a description is left out of the
   * document.
   */
  readonly description?: Json;
  /** Undefined if server.ts answers before hono is asked, because inference must be fast. */
  readonly handle?: (context: Context<Env>, asked: Asked) => Response | Promise<Response>;
}
