/** Turns another program's ONNX file into a sealed one with onnxruntime-node; seal-original-with.ts does the work. */
import { measureSealed } from '../../certify-runtime/node.ts';
import { runWithOnnxRuntime } from '../onnx-runtime/node.ts';
import type { SealOptions } from './seal.ts';
import { type SealedOriginal, type SealOriginalWithOptions, sealOriginalWith } from './seal-original-with.ts';

export type { SealedOriginal };

export interface SealOriginalOptions
  extends Omit<SealOriginalWithOptions, 'runGraph' | 'measure'>,
    Partial<Pick<SealOriginalWithOptions, 'runGraph'>>,
    Pick<SealOptions, 'secondOpinion'> {}

/** @see sealOriginalWith */
export function sealOriginal(
  bytes: Uint8Array,
  { secondOpinion = true, ...options }: SealOriginalOptions,
): Promise<SealedOriginal> {
  const measured = secondOpinion ? { measure: measureSealed } : {};
  return sealOriginalWith(bytes, { runGraph: runWithOnnxRuntime, ...options, ...measured });
}
