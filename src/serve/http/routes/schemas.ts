/** The schemas of requests and answers, under the names by which descriptions refer to them. */
import { INPUT_TYPES, OUTPUTS } from '../../protocol/tensors.ts';
import { FLAG, INTEGER, type Json, list, NUMBER, object, orNull, ref, TEXT } from './description.ts';

const TENSOR = object({ name: TEXT, datatype: TEXT, shape: list(INTEGER) });

export const SCHEMAS: Json = {
  Error: object({ error: TEXT }),
  Parameters: object({
    norm: { const: 'l2' },
    lipschitz: { ...NUMBER, description: 'L, the proven bound that the radius was computed with' },
    precision: { enum: ['float32', 'float64'] },
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
