/** The schemas of requests and answers, under the names by which descriptions refer to them. */
import { CERTIFIED, INPUT_TYPES, OUTPUTS } from '../../protocol/tensors.ts';
import { FLAG, INTEGER, type Json, list, NUMBER, object, orNull, ref, TEXT } from './description.ts';

const MIN_RADIUS = { ...NUMBER, exclusiveMinimum: 0 } as const;
const OUTPUT_NAMES = [...OUTPUTS, CERTIFIED];
const TENSOR = object({ name: TEXT, datatype: TEXT, shape: list(INTEGER) });

const DURATION = object({ count: INTEGER, ns: INTEGER });
/** A tensor of ModelConfig; its dimensions are those of one image. */
const CONFIG_TENSOR = object({ name: TEXT, data_type: TEXT, format: TEXT, dims: list(INTEGER) }, [
  'name',
  'data_type',
  'dims',
]);

export const SCHEMAS: Json = {
  Error: object({ error: TEXT }),
  Parameters: object(
    {
      norm: { const: 'l2' },
      lipschitz: { ...NUMBER, description: 'L, the proven bound that the radius was computed with' },
      precision: { enum: ['float32', 'float64'] },
      provider: TEXT,
      sha256: { ...TEXT, description: "of the model's file" },
      min_radius: { ...MIN_RADIUS, description: 'What `certified` was held against; there if there is one' },
    },
    ['norm', 'lipschitz', 'precision', 'provider', 'sha256'],
  ),
  Model: object({
    name: TEXT,
    versions: list(TEXT),
    platform: TEXT,
    inputs: list(TENSOR),
    outputs: list(TENSOR),
    parameters: ref('Parameters'),
  }),
  ModelConfig: object({
    name: TEXT,
    platform: TEXT,
    backend: TEXT,
    version_policy: { type: 'object' },
    max_batch_size: { ...INTEGER, description: 'The most images that one request may have' },
    input: list(CONFIG_TENSOR),
    output: list(CONFIG_TENSOR),
    instance_group: list(object({ name: TEXT, kind: TEXT, count: INTEGER })),
    default_model_filename: TEXT,
    dynamic_batching: { type: 'object' },
    parameters: { type: 'object', additionalProperties: object({ string_value: TEXT }) },
  }),
  Statistics: object({
    model_stats: list(
      object({
        name: TEXT,
        version: TEXT,
        last_inference: { ...INTEGER, description: 'Milliseconds since 1970; 0 if there was none' },
        inference_count: { ...INTEGER, description: 'Images' },
        execution_count: { ...INTEGER, description: 'Runs, each of one batch' },
        inference_stats: object({
          success: DURATION,
          fail: DURATION,
          queue: DURATION,
          compute_infer: DURATION,
          compute_input: DURATION,
          compute_output: DURATION,
          cache_hit: DURATION,
          cache_miss: DURATION,
        }),
        batch_stats: list({}),
        memory_usage: list({}),
      }),
    ),
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
      parameters: orNull(object({ binary_data_output: orNull(FLAG), min_radius: orNull(MIN_RADIUS) }, [])),
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
          object({ name: { enum: OUTPUT_NAMES }, parameters: orNull(object({ binary_data: orNull(FLAG) }, [])) }, [
            'name',
          ]),
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
            name: { enum: OUTPUT_NAMES },
            datatype: { enum: ['INT64', 'FP32', 'BOOL'] },
            shape: list(INTEGER),
            parameters: object({ binary_data_size: INTEGER }, []),
            data: list({ type: ['number', 'boolean'] }),
          },
          ['name', 'datatype', 'shape'],
        ),
      ),
    },
    ['model_name', 'model_version', 'parameters', 'outputs'],
  ),
  Prediction: object(
    {
      model: TEXT,
      version: TEXT,
      label: INTEGER,
      class: TEXT,
      radius: { ...NUMBER, description: 'No image within this l2 distance, pixels on [0, 1], gets another label' },
      logits: list(NUMBER),
      certified: {
        ...FLAG,
        description: 'Whether the radius is at least parameters.min_radius; there if there is one',
      },
      parameters: ref('Parameters'),
    },
    ['model', 'version', 'label', 'class', 'radius', 'logits', 'parameters'],
  ),
};
