/** The protocol's metadata of the server and of a model. */
import { VERSION } from '../../files/version.ts';
import type { ServedModel } from '../worker/served-model.ts';
import { CERTIFIED, INPUT, OUTPUT_TYPES } from './tensors.ts';

export const SERVER = { name: 'glean', version: VERSION } as const;
const EXTENSIONS = ['binary_tensor_data', 'model_repository', 'model_configuration', 'statistics'] as const;
export const PLATFORM = 'onnxruntime_onnx';

interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** The first dimension, −1, stands for the number of images. */
  readonly shape: readonly number[];
}

interface ModelTensors {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export function serverMetadata(): Record<string, unknown> {
  return { ...SERVER, extensions: EXTENSIONS };
}

export function tensorsOf(model: ServedModel): ModelTensors {
  const { classes } = model.certifier.certificate;
  return {
    inputs: [{ name: INPUT, datatype: 'FP32', shape: [-1, ...model.input.shape] }],
    outputs: [
      { name: 'label', datatype: OUTPUT_TYPES.label, shape: [-1] },
      { name: 'radius', datatype: OUTPUT_TYPES.radius, shape: [-1] },
      { name: 'logits', datatype: OUTPUT_TYPES.logits, shape: [-1, classes.length] },
      ...('min_radius' in model.parameters ? [{ name: CERTIFIED, datatype: OUTPUT_TYPES.certified, shape: [-1] }] : []),
    ],
  };
}

export function modelMetadata(model: ServedModel): Record<string, unknown> {
  const { classes } = model.certifier.certificate;
  return {
    name: model.id,
    versions: [model.version],
    platform: PLATFORM,
    ...tensorsOf(model),
    // The protocol's parameters are scalars, so the list of classes is JSON in a string.
    parameters: { ...model.parameters, classes: JSON.stringify(classes) },
  };
}
