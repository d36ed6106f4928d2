/** The names of a sealed file: its tensors, and the prefix of its certificate head. */

import type { ValueInfo } from '../onnx/model.ts';

/** Every node and initializer of the head is named with this prefix, and nothing else is. */
export const HEAD_PREFIX = 'glean/';

export const TENSORS = {
  image: 'image',
  latent: 'latent',
  logits: 'logits',
  label: 'label',
  radius: 'radius',
} as const;

/** The graph's outputs, in the order of the file. */
export function outputInfos(classes: number, latentSize: number): readonly ValueInfo[] {
  return [
    { name: TENSORS.label, type: 'int64', dims: ['N'] },
    { name: TENSORS.radius, type: 'float32', dims: ['N'] },
    { name: TENSORS.logits, type: 'float32', dims: ['N', classes] },
    { name: TENSORS.latent, type: 'float32', dims: ['N', latentSize] },
  ];
}
