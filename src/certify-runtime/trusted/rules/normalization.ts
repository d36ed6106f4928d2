/** BatchNormalization in its inference form: a scale and a shift for each channel. Lemma 11. */

import { constantBound, scale, sum } from '../bounds/affine.ts';
import { largestMagnitude, vectorNormUpper, vectorSumUpper } from '../bounds/matrix-norm.ts';
import type { Floats } from '../bounds/precision.ts';
import { addUp, divUp, mulUp, OVERFLOW_32, sqrtUp } from '../bounds/rounding.ts';
import { isMovedProduct } from '../walk/products.ts';
import { rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { type Data, measureOf, sizeOf } from '../walk/state.ts';
import { recorded } from '../walk/steps.ts';
import { shifted } from './elementwise.ts';
import { scaled } from './scale.ts';

/** Below this, flushing a subnormal variance to zero could change var + ε by more than a rounding. */
const SMALLEST_VARIANCE = 2 ** -100;

/** y = (v − mean)·γ/√(var + ε) + β. */
function batchNormalization(site: Site): RuleResult {
  const data = site.data(0);
  if (site.int('training_mode', 0) !== 0) site.refuse('training_mode mixes the samples of the batch');
  if (site.node.outputs.slice(1).some((name) => name !== '')) site.refuse('its training outputs have no rule');
  if (isMovedProduct(data)) {
    site.refuse(
      'ONNX Runtime folds it into the MatMul before it, as if nothing had been reshaped or transposed between them (MatmulBNFusion); write it as Mul and Add',
    );
  }
  const channels = data.shape[1] ?? 0;
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => {
    const { dims, values } = site.floats(i);
    if (dims.length !== 1 || values.length !== channels)
      site.refuse(`input ${i} [${dims}] does not fit ${channels} channels`);
    return values;
  }) as [Floats, Floats, Floats, Floats];
  const epsilon = site.number('epsilon', 1e-5);

  const shift = new Float64Array(channels);
  const factors = new Float64Array(channels);
  let factor = 0;
  // A provider may apply either γ or 1/√(var + ε) first, to v, to the mean, or to the layer before (Lemma 11).
  let growth = 1;
  for (let c = 0; c < channels; c++) {
    const spread = variance[c]! + epsilon;
    if (!(spread >= SMALLEST_VARIANCE && spread < OVERFLOW_32 && variance[c]! >= 0 && epsilon >= 0))
      site.refuse(`variance ${variance[c]} + ${epsilon}`);
    // var + ε and √ are each below the exact value by at most 2⁻⁵³ of it.
    const root = Math.sqrt(spread) * (1 - 2 ** -51);
    const ratio = divUp(Math.abs(gamma[c]!), root);
    factor = Math.max(factor, ratio);
    growth = Math.max(growth, ratio, Math.abs(gamma[c]!), divUp(1, root));
    factors[c] = gamma[c]! / Math.sqrt(spread);
    shift[c] = addUp(Math.abs(beta[c]!), mulUp(ratio, Math.abs(mean[c]!)));
  }
  const places = sizeOf(data.shape) / channels;
  const { reach, peak } = measureOf(data).chain;
  const centre = constantBound(mulUp(sqrtUp(places), vectorNormUpper(mean)));
  site.limitMagnitude(scale(mulUp(2, growth), sum(peak, reach, centre)));
  const [stretched] = scaled(site, data, factor, growth).outputs as [Data];
  const t = {
    norm: mulUp(sqrtUp(places), vectorNormUpper(shift)),
    l1Norm: mulUp(places, vectorSumUpper(shift)),
    // If a factor is flushed, or is too small for its bits, both the mean and v lack it.
    growth: mulUp(growth, addUp(1, largestMagnitude(mean))),
  };
  const [output] = shifted(site, stretched, t).outputs as [Data];
  const dims = [channels, ...data.shape.slice(2).map(() => 1)];
  const step = { kind: 'scale', factors, dims, shape: data.shape, absolute: factor } as const;
  return { outputs: [recorded(output, step, [rebased(site, data)])], upper: factor };
}

export const normalizationRules: Rules = {
  BatchNormalization: { attributes: ['epsilon', 'momentum', 'training_mode'], apply: batchNormalization },
};
