/** The building blocks of the routes' OpenAPI descriptions. */

export type Json = Readonly<Record<string, unknown>>;

export const TEXT = { type: 'string' } as const;
export const NUMBER = { type: 'number' } as const;
export const INTEGER = { type: 'integer' } as const;
export const FLAG = { type: 'boolean' } as const;

/** Refers to a schema of schemas.ts by its name. */
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
export const object = (properties: Json, required: readonly string[] = Object.keys(properties)): Json => ({
  type: 'object',
  properties,
  required,
});
/** The schema of an optional field, which may also be null. */
export const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] });
export const list = (items: Json): Json => ({ type: 'array', items });
export const json = (schema: Json): Json => ({ 'application/json': { schema } });
export const answer = (description: string, content: Json): Json => ({ description, content });
const error = (description: string): Json => answer(description, json(ref('Error')));

/** The refusals of a route that takes a body. */
export const REFUSED = {
  400: error('The request is not what it must be; the error says what was found and what was expected'),
  401: error('A key is needed (--key-file)'),
  404: error('No such model or version'),
  413: error('The body, or the number of images, is over the limit'),
  415: error('A Content-Encoding that is not known, or a form where a picture is expected'),
  503: {
    ...error('Too much to do; at once, without waiting'),
    headers: { 'Retry-After': { description: 'Seconds', schema: INTEGER } },
  },
} as const;

/** The operation of a GET that answers in JSON. */
export const get = (summary: string, schema: Json, refused: Json = {}): Json => ({
  summary,
  responses: { 200: answer('Yes', json(schema)), ...refused },
});

/** The refusal of a route whose path names a model. */
export const NO_MODEL = { 404: REFUSED[404] };
export const NOT_YET = { 503: error('Not now') };
