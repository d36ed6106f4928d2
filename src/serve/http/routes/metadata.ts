/**
 * The Open Inference Protocol's routes for metadata and readiness of the server and its models, and those of Triton's
 * extensions for a model's configuration and statistics.
 */
import type { Context } from 'hono';
import { modelMetadata, serverMetadata } from '../../protocol/metadata.ts';
import { modelConfig } from '../../protocol/model-config.ts';
import { statistics } from '../../protocol/statistics.ts';
import type { ServedModel } from '../../worker/served-model.ts';
import { HttpError } from '../http-error.ts';
import { FLAG, get, list, NO_MODEL, NOT_YET, object, ref, TEXT } from './description.ts';
import type { Asked, Env, RouteDeclaration } from './route.ts';

const stopping = () => new HttpError(503, 'stopping', { 'retry-after': '1' });

/** @throws HttpError 404 if the path names no model that is served */
function find(context: Context<Env>, { service, exchange }: Asked): ServedModel {
  const model = service.models.find(context.req.param('model')!, context.req.param('version'));
  exchange.model = model.id;
  return model;
}

const ofModel = (prefix: string): readonly RouteDeclaration[] => [
  {
    method: 'GET',
    path: prefix,
    route: 'metadata',
    description: get('What a model takes, gives, and promises', ref('Model'), NO_MODEL),
    handle: (context, asked) => context.json(modelMetadata(find(context, asked))),
  },
  {
    method: 'GET',
    path: `${prefix}/config`,
    route: 'metadata',
    description: get("How a model is served: Triton's ModelConfig", ref('ModelConfig'), NO_MODEL),
    handle: (context, asked) => context.json(modelConfig(find(context, asked), asked.service.settings)),
  },
  {
    method: 'GET',
    path: `${prefix}/stats`,
    route: 'metadata',
    description: get('Counts and durations of the requests for a model', ref('Statistics'), NO_MODEL),
    handle: async (context, asked) => {
      const model = find(context, asked);
      return context.json(statistics([model], await asked.service.scrape()));
    },
  },
  {
    method: 'GET',
    path: `${prefix}/ready`,
    route: 'health',
    description: get('Whether the model answers', object({ name: TEXT, ready: FLAG }), { ...NO_MODEL, ...NOT_YET }),
    handle: (context, asked) => {
      const { id } = find(context, asked);
      if (asked.service.draining) throw stopping();
      return context.json({ name: id, ready: true });
    },
  },
];

export const METADATA_ROUTES: readonly RouteDeclaration[] = [
  {
    method: 'GET',
    path: '/v2',
    route: 'metadata',
    description: get('Name, version, extensions', object({ name: TEXT, version: TEXT, extensions: list(TEXT) })),
    handle: (context) => context.json(serverMetadata()),
  },
  {
    method: 'GET',
    path: '/v2/health/live',
    route: 'health',
    description: get('Whether the service runs; needs no key', object({ live: FLAG })),
    handle: (context) => context.json({ live: true }),
  },
  {
    method: 'GET',
    path: '/v2/health/ready',
    route: 'health',
    description: get('Whether it takes requests; needs no key', object({ ready: FLAG }), NOT_YET),
    handle: (context, { service }) => {
      if (service.ready) return context.json({ ready: true });
      throw service.draining ? stopping() : new HttpError(503, 'no model is loaded', { 'retry-after': '1' });
    },
  },
  {
    method: 'GET',
    path: '/v2/models',
    route: 'metadata',
    description: get('Names of the models', object({ models: list(TEXT) })),
    handle: (context, { service }) => context.json({ models: Array.from(service.models.all(), ({ id }) => id) }),
  },
  {
    method: 'GET',
    path: '/v2/models/stats',
    route: 'metadata',
    description: get('The same of all models', ref('Statistics')),
    handle: async (context, { service }) => context.json(statistics(service.models.all(), await service.scrape())),
  },
  ...['/v2/models/:model', '/v2/models/:model/versions/:version'].flatMap(ofModel),
];
