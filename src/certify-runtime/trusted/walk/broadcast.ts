/** Constants that are spread over a tensor, in the same way for every sample of the batch. */

import { SPREAD_WORK } from '../bounds/budget.ts';
import { largestMagnitude, vectorNormUpper, vectorSumUpper } from '../bounds/matrix-norm.ts';
import type { Floats } from '../bounds/precision.ts';
import { mulUp, sqrtUp } from '../bounds/rounding.ts';
import type { Site } from './site.ts';
import { type Data, sizeOf } from './state.ts';

export interface SpreadConstant {
  readonly dims: readonly number[];
  readonly values: Floats;
  /** max|c|. */
  readonly magnitude: number;
  /** ‖c‖₂ and ‖c‖₁ after c is spread over a sample of the tensor. */
  readonly norm: number;
  readonly l1Norm: number;
}

/** Input i of the node, spread over `data` by ONNX's (NumPy's) rules from the right; it must not enlarge the tensor. */
export function spreadConstant(site: Site, i: number, data: Data): SpreadConstant {
  const { dims, values } = site.floats(i);
  checkSpread(site, dims, data);
  site.spend(SPREAD_WORK * values.length);
  const copies = sizeOf(data.shape) / sizeOf(dims);
  return {
    dims,
    values,
    magnitude: largestMagnitude(values),
    norm: mulUp(sqrtUp(copies), vectorNormUpper(values)),
    l1Norm: mulUp(copies, vectorSumUpper(values)),
  };
}

function checkSpread(site: Site, dims: readonly number[], { shape }: Data): void {
  const missing = shape.length - dims.length;
  if (missing < 0) site.refuse(`the constant [${dims}] has more dimensions than [N·${shape}]`);
  dims.forEach((dim, axis) => {
    const position = axis + missing;
    if (dim === 1) return;
    if (position === 0) site.refuse(`the constant [${dims}] varies with the batch`);
    if (dim !== shape[position]) site.refuse(`the constant [${dims}] does not fit [N·${shape}]`);
  });
}
