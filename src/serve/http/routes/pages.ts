/** The routes for people and monitors: the page at /, the OpenAPI document, and the metrics. */
import { expositionOf } from '../../observe/metrics.ts';
import { homePage } from '../home.ts';
import { answer, get } from './description.ts';
import type { RouteDeclaration } from './route.ts';

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export const PAGE_ROUTES: readonly RouteDeclaration[] = [
  {
    method: 'GET',
    path: '/',
    route: 'page',
    description: { summary: 'What is served, for people', responses: { 200: answer('A page', { 'text/html': {} }) } },
    handle: (context, { service }) => context.html(homePage(service.models.all()), 200, SECURITY_HEADERS),
  },
  {
    method: 'GET',
    path: '/openapi.json',
    route: 'page',
    description: get('This document', { type: 'object' }),
    handle: (context, { openapi }) => context.json(openapi),
  },
  {
    method: 'GET',
    path: '/metrics',
    route: 'metrics',
    description: {
      summary: 'Counts of all workers, for Prometheus',
      responses: { 200: answer('Metrics', { 'text/plain': {} }) },
    },
    handle: async (context, { service }) =>
      context.body(await expositionOf(await service.scrape()), 200, {
        'content-type': service.metrics.registry.contentType,
      }),
  },
];
