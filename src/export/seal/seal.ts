/** Sealing with onnxruntime-node; seal-with.ts does the work. */
import { measureSealed } from '../../certify-runtime/node.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { type SealWithOptions, sealWith } from './seal-with.ts';

export interface SealOptions extends Omit<SealWithOptions, 'measure'> {
  /** false leaves it out: what was proven is then not compared with what can be measured. */
  readonly secondOpinion?: boolean;
}

/** @see sealWith */
export function seal(model: OnnxModel, { secondOpinion = true, ...options }: SealOptions): ReturnType<typeof sealWith> {
  return sealWith(model, secondOpinion ? { ...options, measure: measureSealed } : options);
}
