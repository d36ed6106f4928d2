/** The OpenAPI 3.1 document, built from the declarations of the routes. */
import { SERVER } from '../protocol/metadata.ts';
import { type Json, TEXT } from './routes/description.ts';
import { SCHEMAS } from './routes/schemas.ts';
import { ROUTES } from './routes/table.ts';

/** The documented paths. What hono writes as `:model` is `{model}` in OpenAPI. */
function documentedPaths(): Readonly<Record<string, Json>> {
  const paths: Record<string, Json> = {};
  for (const { method, path, description } of ROUTES) {
    if (description === undefined) continue;
    const names = Array.from(path.matchAll(/:(\w+)/g), ([, name]) => name!);
    const parameters = names.map((name) => ({ name, in: 'path', required: true, schema: TEXT }));
    const documented = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[documented] = {
      ...(parameters.length > 0 ? { parameters } : {}),
      ...paths[documented],
      [method.toLowerCase()]: description,
    };
  }
  return paths;
}

export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'glean',
    version: SERVER.version,
    description: 'Certified prediction: a label, and the l2 radius within which it cannot change.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  security: [{}, { key: [] }],
  paths: documentedPaths(),
  components: { schemas: SCHEMAS, securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
} as const;
