/** Triton's model configuration extension: how a model is served, in the form of its message ModelConfig. */
import type { ServeSettings } from '../settings.ts';
import type { ServedModel } from '../worker/served-model.ts';
import { PLATFORM, tensorsOf } from './metadata.ts';

/** The message's name of a datatype of the protocol. */
const typeName = (datatype: string): string => `TYPE_${datatype}`;

/** Shapes are those of one image: with `max_batch_size` above 0, Triton leaves the first dimension out. */
export function modelConfig(
  model: ServedModel,
  { queue, workers }: Pick<ServeSettings, 'queue' | 'workers'>,
): Record<string, unknown> {
  const { inputs, outputs } = tensorsOf(model);
  return {
    name: model.id,
    platform: PLATFORM,
    backend: 'onnxruntime',
    version_policy: { latest: { num_versions: 1 } },
    // The most images that one request may have.
    max_batch_size: queue,
    input: inputs.map(({ name, datatype, shape }) => ({
      name,
      data_type: typeName(datatype),
      format: 'FORMAT_NHWC',
      dims: shape.slice(1),
    })),
    output: outputs.map(({ name, datatype, shape }) => ({ name, data_type: typeName(datatype), dims: shape.slice(1) })),
    instance_group: [{ name: 'workers', kind: 'KIND_CPU', count: workers }],
    default_model_filename: 'model.onnx',
    dynamic_batching: {},
    parameters: Object.fromEntries(
      Object.entries(model.parameters).map(([name, value]) => [name, { string_value: String(value) }]),
    ),
  };
}
