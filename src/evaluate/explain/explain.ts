/** Where a sealed network's bound comes from, with onnxruntime-node; explanation.ts does the work. */
import type { CertifiedModel } from '../../certify-runtime/trusted/file/certified-model.ts';
import { NODE } from '../../export/onnx-runtime/node.ts';
import { type ExplainedLayer, type Explanation, explanationOf } from './explanation.ts';

export type { ExplainedLayer, Explanation };

/** @see explanationOf */
export function explain(
  bytes: Uint8Array,
  model: Pick<CertifiedModel, 'certificate' | 'images'>,
): Promise<Explanation> {
  return explanationOf(bytes, model, { library: NODE });
}
