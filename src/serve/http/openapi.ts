/** The description of every route, in OpenAPI 3.1. */
import { SERVER } from '../protocol/metadata.ts';
import { INPUT_TYPES, OUTPUTS } from '../protocol/tensors.ts';

type Json = Readonly<Record<string, unknown>>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: Json, required: readonly string[] = Object.keys(properties)): Json => ({
  type: 'object',
  properties,
  required,
});
/** A field that may be left out may be null as well. */
const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] });
const list = (items: Json): Json => ({ type: 'array', items });
const json = (schema: Json): Json => ({ 'application/json': { schema } });
const answer = (description: string, content: Json): Json => ({ description, content });
const error = (description: string): Json => answer(description, json(ref('Error')));

const TEXT = { type: 'string' } as const;
const NUMBER = { type: 'number' } as const;
const INTEGER = { type: 'integer' } as const;
const FLAG = { type: 'boolean' } as const;

const REFUSED = {
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

const MODEL = { name: 'model', in: 'path', required: true, schema: TEXT } as const;
const VERSION = { name: 'version', in: 'path', required: true, schema: TEXT } as const;

const inference: Json = {
  summary: 'Label, radius and logits of images',
  description:
    'The Open Inference Protocol, version 2, with its binary tensor extension: where Inference-Header-Content-Length is given, so many bytes are JSON, and raw little-endian tensors follow.',
  requestBody: {
    required: true,
    content: {
      ...json(ref('InferRequest')),
      'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    },
  },
  responses: {
    200: answer('The outputs that were asked for', {
      ...json(ref('InferResponse')),
      'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    }),
    ...REFUSED,
  },
};

const get = (summary: string, schema: Json, refused: Json = {}): Json => ({
  get: { summary, responses: { 200: answer('Yes', json(schema)), ...refused } },
});

const NONE = { 404: REFUSED[404] };
const INDEX_REFUSED = { 400: REFUSED[400], 401: REFUSED[401], 413: REFUSED[413], 415: REFUSED[415], 503: REFUSED[503] };
const NOT_YET = { 503: error('Not now') };

function modelPaths(prefix: string, parameters: readonly Json[]): Json {
  return {
    [prefix]: { parameters, ...get('What a model takes, gives, and promises', ref('Model'), NONE) },
    [`${prefix}/ready`]: {
      parameters,
      ...get('Whether the model answers', object({ name: TEXT, ready: FLAG }), { ...NONE, ...NOT_YET }),
    },
    [`${prefix}/infer`]: { parameters, post: inference },
  };
}

const PATHS: Json = {
  '/': { get: { summary: 'What is served, for people', responses: { 200: answer('A page', { 'text/html': {} }) } } },
  '/openapi.json': get('This document', { type: 'object' }),
  '/metrics': {
    get: {
      summary: 'Counts of all workers, for Prometheus',
      responses: { 200: answer('Metrics', { 'text/plain': {} }) },
    },
  },
  '/predict': {
    post: {
      summary: 'Label and radius of a picture',
      parameters: [
        { name: 'model', in: 'query', schema: TEXT, description: 'May be left out where only one is served' },
        { name: 'resize', in: 'query', schema: FLAG, description: 'Fit a picture of another size, on black' },
      ],
      requestBody: {
        required: true,
        content: Object.fromEntries(['image/png', 'image/jpeg', 'image/webp'].map((type) => [type, {}])),
      },
      responses: { 200: answer('The prediction', json(ref('Prediction'))), ...REFUSED },
    },
  },
  '/v2': get('Name, version, extensions', object({ name: TEXT, version: TEXT, extensions: list(TEXT) })),
  '/v2/health/live': get('Whether the service runs; needs no key', object({ live: FLAG })),
  '/v2/health/ready': get('Whether it takes requests; needs no key', object({ ready: FLAG }), NOT_YET),
  '/v2/repository/index': {
    post: {
      summary: 'Models of the folder, served or refused; the body may be empty',
      requestBody: { content: json(object({ ready: orNull(FLAG) }, [])) },
      responses: { 200: answer('The index', json(list(ref('IndexEntry')))), ...INDEX_REFUSED },
    },
  },
  '/v2/models': get('Names of the models', object({ models: list(TEXT) })),
  ...modelPaths('/v2/models/{model}', [MODEL]),
  ...modelPaths('/v2/models/{model}/versions/{version}', [MODEL, VERSION]),
};

const TENSOR = object({ name: TEXT, datatype: TEXT, shape: list(INTEGER) });

const SCHEMAS: Json = {
  Error: object({ error: TEXT }),
  Parameters: object({
    norm: { const: 'l2' },
    lipschitz: { ...NUMBER, description: 'L, the proven bound that the radius was computed with' },
    precision: { const: 'float32' },
    provider: TEXT,
    sha256: { ...TEXT, description: "of the model's file" },
  }),
  Model: object({
    name: TEXT,
    versions: list(TEXT),
    platform: TEXT,
    inputs: list(TENSOR),
    outputs: list(TENSOR),
    parameters: ref('Parameters'),
  }),
  IndexEntry: object(
    {
      name: TEXT,
      version: { ...TEXT, description: 'Left out where a file without a version of its own was refused' },
      state: { enum: ['READY', 'UNAVAILABLE'] },
      reason: TEXT,
    },
    ['name', 'state', 'reason'],
  ),
  InferRequest: object(
    {
      id: orNull({ ...TEXT, maxLength: 256 }),
      parameters: orNull(object({ binary_data_output: orNull(FLAG) }, [])),
      inputs: {
        ...list(
          object(
            {
              name: { const: 'image' },
              datatype: { enum: INPUT_TYPES },
              shape: { ...list(INTEGER), description: '[N, H, W, C]' },
              parameters: orNull(object({ binary_data_size: orNull(INTEGER) }, [])),
              data: orNull({
                type: 'array',
                description: 'Pixels, flat or nested: FP32 on [0, 1], or UINT8, seen as byte/255',
              }),
            },
            ['name', 'datatype', 'shape'],
          ),
        ),
        minItems: 1,
        maxItems: 1,
      },
      outputs: orNull(
        list(
          object({ name: { enum: OUTPUTS }, parameters: orNull(object({ binary_data: orNull(FLAG) }, [])) }, ['name']),
        ),
      ),
    },
    ['inputs'],
  ),
  InferResponse: object(
    {
      model_name: TEXT,
      model_version: TEXT,
      id: TEXT,
      parameters: ref('Parameters'),
      outputs: list(
        object(
          {
            name: { enum: OUTPUTS },
            datatype: { enum: ['INT64', 'FP32'] },
            shape: list(INTEGER),
            parameters: object({ binary_data_size: INTEGER }, []),
            data: list(NUMBER),
          },
          ['name', 'datatype', 'shape'],
        ),
      ),
    },
    ['model_name', 'model_version', 'parameters', 'outputs'],
  ),
  Prediction: object({
    model: TEXT,
    version: TEXT,
    label: INTEGER,
    class: TEXT,
    radius: { ...NUMBER, description: 'No image within this l2 distance, pixels on [0, 1], gets another label' },
    logits: list(NUMBER),
    parameters: ref('Parameters'),
  }),
};

export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'glean',
    version: SERVER.version,
    description: 'Certified prediction: a label, and the l2 radius within which it cannot change.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  security: [{}, { key: [] }],
  paths: PATHS,
  components: { schemas: SCHEMAS, securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
} as const;
