/**
 * Where an attack gets its gradients: exactly, from the exported weights, or as estimates from the program's answers.
 */

import type { DifferentiableNetwork } from '../../certify-runtime/gradient/network.ts';
import type { Random } from '../../certify-runtime/smoothing/random.ts';
import type { Judge } from './judge.ts';

/** Which difference of logits a point climbs: y_to − y_from. */
interface Climb {
  readonly from: number;
  readonly to: number;
  /** The length scale at which an estimate probes. */
  readonly scale: number;
}

/** y_to − y_from and its gradient in the image, for points one after the other. */
export type Ascent = (
  points: Float64Array,
  climbs: readonly Climb[],
) => Promise<{ readonly values: Float64Array; readonly gradients: Float64Array }>;

export function exactAscent(network: DifferentiableNetwork): Ascent {
  return async (points, climbs) => {
    const { logits, gradient } = network.gradient(points, climbs.length, (row, k) => {
      const seed = new Float64Array(row.length);
      seed[climbs[k]!.to]! += 1;
      seed[climbs[k]!.from]! -= 1;
      return seed;
    });
    const { classes } = network;
    const values = Float64Array.from(
      climbs,
      ({ from, to }, k) => logits[k * classes + to]! - logits[k * classes + from]!,
    );
    return { values, gradients: gradient };
  };
}

/** How many antithetic pairs make one estimate. */
const PAIRS = 24;

/** ∇f(x) ≈ Σ (f(x + hu) − f(x − hu))·u over random directions u (natural evolution strategies; Ilyas et al. 2018). */
export function estimatedAscent(judge: Judge, random: Random): Ascent {
  const size = judge.shape.reduce((product, length) => product * length, 1);
  return async (points, climbs) => {
    const values = new Float64Array(climbs.length);
    const gradients = new Float64Array(points.length);
    for (let k = 0; k < climbs.length; k++) {
      const { from, to, scale } = climbs[k]!;
      const point = points.subarray(k * size, (k + 1) * size);
      const directions = Float64Array.from({ length: PAIRS * size }, () => random.normal());
      const h = (0.5 * scale) / Math.sqrt(size);
      const batch = new Float32Array((2 * PAIRS + 1) * size);
      batch.set(point, 2 * PAIRS * size);
      for (let e = 0; e < PAIRS * size; e++) {
        batch[e] = point[e % size]! + h * directions[e]!;
        batch[PAIRS * size + e] = point[e % size]! - h * directions[e]!;
      }
      const { logits } = await judge.evaluate(batch);
      const value = (row: number): number => logits[row * judge.classes + to]! - logits[row * judge.classes + from]!;
      values[k] = value(2 * PAIRS);
      for (let pair = 0; pair < PAIRS; pair++) {
        const slope = (value(pair) - value(PAIRS + pair)) / (2 * h * PAIRS);
        for (let i = 0; i < size; i++) gradients[k * size + i]! += slope * directions[pair * size + i]!;
      }
    }
    return { values, gradients };
  };
}
