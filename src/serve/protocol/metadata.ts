/** The protocol's metadata of the server and of a model. */
import { VERSION } from '../../files/version.ts';
import type { ServedModel } from '../worker/served-model.ts';
import { INPUT, OUTPUT_TYPES } from './tensors.ts';

export const SERVER = { name: 'glean', version: VERSION } as const;

export function serverMetadata(): Record<string, unknown> {
  return { ...SERVER, extensions: ['binary_tensor_data', 'model_repository'] };
}

/** A model's metadata; the dimension −1 stands for the number of images. */
export function modelMetadata(model: ServedModel): Record<string, unknown> {
  const { classes } = model.certifier.certificate;
  return {
    name: model.id,
    versions: [model.version],
    platform: 'onnxruntime_onnx',
    inputs: [{ name: INPUT, datatype: 'FP32', shape: [-1, ...model.input.shape] }],
    outputs: [
      { name: 'label', datatype: OUTPUT_TYPES.label, shape: [-1] },
      { name: 'radius', datatype: OUTPUT_TYPES.radius, shape: [-1] },
      { name: 'logits', datatype: OUTPUT_TYPES.logits, shape: [-1, classes.length] },
    ],
    // The protocol's parameters are scalars, so the list of classes is JSON in a string.
    parameters: { ...model.parameters, classes: JSON.stringify(classes) },
  };
}
