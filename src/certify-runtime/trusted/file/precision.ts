/** What a file's network computes in. */

import type { Precision } from '../bounds/precision.ts';
import { ElementType, type Graph } from '../onnx/model.ts';

/** Float64 if any of it does: nothing becomes float64 without a Cast. */
export function precisionOf({ nodes }: Graph): Precision {
  const widens = nodes.some(
    ({ op, attributes }) => op === 'Cast' && attributes.get('to')?.value === BigInt(ElementType.float64),
  );
  return widens ? 'float64' : 'float32';
}
