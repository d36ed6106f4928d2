/**
 * What a sealed file claims: one part in 10⁹ more than what is proven, so that a later version of the proof that rounds
 * differently in the last digits still accepts today's files.
 */

import { scale } from '../../certify-runtime/trusted/bounds/affine.ts';
import type { LayerBound } from '../../certify-runtime/trusted/bounds/bound.ts';
import { mulUp } from '../../certify-runtime/trusted/bounds/rounding.ts';
import { type MarginConstants, slope } from '../../certify-runtime/trusted/margin.ts';

const ROOM = 1 + 2 ** -30;

/** The claims for an image of `inputs` pixels. */
export function claimedConstants(proven: MarginConstants, inputs: number): MarginConstants {
  const latentError = proven.latentError.map((bound) => scale(ROOM, bound));
  const logitError = scale(ROOM, proven.logitError);
  return {
    lipschitz: mulUp(ROOM, proven.lipschitz),
    latentError,
    logitError,
    latentErrorSlope: Math.max(...latentError.map((bound) => slope(bound, inputs))),
    logitErrorSlope: slope(logitError, inputs),
    maxImageNorm: proven.maxImageNorm / ROOM,
  };
}

export function claimedLayers(proven: readonly LayerBound[]): readonly LayerBound[] {
  return proven.map((layer) => ({ ...layer, upper: mulUp(ROOM, layer.upper) }));
}
