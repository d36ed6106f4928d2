/**
 * The margin certificate: from logits and image norms to a radius that float32 execution cannot break. See
 * docs/soundness.md, section "The radius"; head-graph.ts computes the same numbers as a graph.
 */

import { scale, sum } from './bounds/affine.ts';
import type { AffineBound, EncoderBound, LinearHead } from './bounds/bound.ts';
import { addUp, down, mulUp, sqrtUp, up } from './bounds/rounding.ts';
import { InputError, UnprovableError } from './errors.ts';
import { headError, logitRoundings, maxHeadImageNorm, pairwiseDistances } from './head.ts';

/** All that the radius needs to know about a network: upper bounds, except `maxImageNorm`, which is a lower bound. */
export interface MarginConstants {
  /** L, the Lipschitz constant of image ↦ latent. */
  readonly lipschitz: number;
  /** δ(x) ≥ ‖ẑ(x) − z(x)‖₂, the smallest of these. */
  readonly latentError: readonly AffineBound[];
  /** ρ(x) ≥ |ŷ_j − (Wẑ + b)_j| for every j. */
  readonly logitError: AffineBound;
  /** δ′: δ(x′) ≤ δ(x) + δ′·‖x′ − x‖₂. */
  readonly latentErrorSlope: number;
  /** ρ′, likewise. */
  readonly logitErrorSlope: number;
  /** Up to this ‖x‖₂, nothing overflows and the bounds hold. */
  readonly maxImageNorm: number;
}

/** The constants and what follows from them for each pair of classes. */
export interface MarginTerms {
  readonly constants: MarginConstants;
  readonly classes: number;
  readonly latentSize: number;
  /** 1/(s_cj(L + δ′) + 2ρ′), rounded down, K×K; 0 on the diagonal. */
  readonly inverse: Float64Array;
  /** 2δ(x)·max s_cj·inverse_cj, with one bound for each of δ's; the smallest is subtracted from every radius. */
  readonly latentSlack: readonly AffineBound[];
  /** 4ρ(x), which is subtracted from every difference of logits. */
  readonly logitSlack: AffineBound;
  /** ρ(x) is at least γ_n of this n, in float32, times what a logit may be. */
  readonly logitRoundings: number;
  /** No radius is above this, and no image with a larger norm is certified: together they stay under maxImageNorm. */
  readonly cap: number;
}

/** The growth of a bound per unit of ℓ2 distance: |‖x′‖₁ − ‖x‖₁| ≤ √n·‖x′ − x‖₂. */
export function slope(bound: AffineBound, inputs: number): number {
  return addUp(bound.l2, mulUp(sqrtUp(inputs), bound.l1));
}

export function marginConstants(encoder: EncoderBound, head: LinearHead): MarginConstants {
  const inputs = encoder.inputShape.reduce((product, size) => product * size, 1);
  const logitError = headError(head, encoder);
  return {
    lipschitz: encoder.lipschitz,
    latentError: encoder.latentError,
    logitError,
    latentErrorSlope: Math.max(...encoder.latentError.map((bound) => slope(bound, inputs))),
    logitErrorSlope: slope(logitError, inputs),
    maxImageNorm: maxHeadImageNorm(head, encoder, encoder.maxImageNorm),
  };
}

// Keeps the slack above 0 whatever the constants are, so that the radius is strictly inside; it is harmless in use.
const TINY = 2 ** -100;

/** Limits of K and of the K²·d/2 multiply-adds for the distances: they stop a hostile file before K×K numbers exist. */
export const MAX_CLASSES = 2048;
const MAX_DISTANCE_WORK = 2 ** 32;

/** @throws UnprovableError if there are more classes than the limits allow */
export function marginTerms(constants: MarginConstants, head: LinearHead): MarginTerms {
  const { classes, latentSize } = head;
  if (classes > MAX_CLASSES || classes * classes * latentSize > 2 * MAX_DISTANCE_WORK) {
    throw new UnprovableError(
      `a head of ${classes} classes on ${latentSize} latents is more than the certifier takes`,
      {
        classes,
        latentSize,
      },
    );
  }
  const distances = pairwiseDistances(head);
  const growth = addUp(constants.lipschitz, constants.latentErrorSlope);
  const inverse = distances.map((distance, index) => {
    if (index % (classes + 1) === 0) return 0;
    return down(1 / addUp(mulUp(distance, growth), addUp(TINY, mulUp(2, constants.logitErrorSlope))));
  });
  // It is at most 2/(L + δ′), since δ′ is part of the growth of every pair, and it is finite if L + δ′ is 0.
  const latentFactor = mulUp(
    2,
    distances.reduce((a, s, index) => Math.max(a, mulUp(s, inverse[index]!)), 0),
  );
  const latentSlack = constants.latentError.map((error) =>
    sum({ constant: TINY, l2: 0, l1: 0 }, scale(latentFactor, error)),
  );
  const logitSlack = scale(4, constants.logitError);
  return {
    ...{ constants, classes, latentSize, inverse, latentSlack, logitSlack },
    logitRoundings: logitRoundings(head),
    cap: constants.maxImageNorm / 4,
  };
}

/** The smallest of the bounds for an image with these norms, rounded up. */
export function smallestBound(bounds: readonly AffineBound[], l2: number, l1: number): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const bound of bounds) smallest = Math.min(smallest, boundAt(bound, l2, l1));
  return smallest;
}

function boundAt(bound: AffineBound, l2: number, l1: number): number {
  return addUp(bound.constant, addUp(mulUp(bound.l2, l2), mulUp(bound.l1, l1)));
}

/** Upper bounds of ‖x‖₂ and ‖x‖₁ of float32 pixels: float64 sums plus their rounding (γ_n, n < 2³⁰ terms). */
export function imageNorms(pixels: Float32Array): { readonly l2: number; readonly l1: number } {
  let squares = 0;
  let absolute = 0;
  for (let i = 0; i < pixels.length; i++) {
    const x = pixels[i]!;
    squares += x * x;
    absolute += Math.abs(x);
  }
  const inflation = 1 + (pixels.length + 4) * 2 ** -52;
  return { l2: sqrtUp(squares * inflation), l1: up(absolute * inflation) };
}

export interface MarginCertificate {
  /** The argmax, which is the first one in a tie. */
  readonly label: number;
  /** No float32 image within this ℓ2 distance gets another label; 0 if nothing is promised. Rounded down to float32. */
  readonly radius: number;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The float32 next to `value` ≥ 0, above or (not for 0) below: floats of one sign have the order of their bits. */
function step(value: number, steps: 1 | -1): number {
  float[0] = value;
  bits[0]! += steps;
  return float[0]!;
}

/** The largest float32 ≤ x, x ≥ 0. */
export function floorToFloat32(x: number): number {
  const nearest = Math.fround(x);
  return nearest > x ? step(nearest, -1) : nearest;
}

/** The smallest float32 ≥ x, x ≥ 0; Infinity if there is none. */
export function ceilToFloat32(x: number): number {
  const nearest = Math.fround(x);
  return nearest < x ? step(nearest, 1) : nearest;
}

/**
 * r = min_j (ŷ_c − ŷ_j − 4ρ(x))/(s_cj(L + δ′) + 2ρ′) − 2δ(x)·max s/(s(L + δ′) + 2ρ′), at least 0, rounded down, for
 * logits ŷ that float32 execution gave for the image with these norms.
 *
 * @throws InputError if a logit or norm is not finite, or their number is not K
 */
export function marginCertificate(
  logits: ArrayLike<number>,
  norms: { readonly l2: number; readonly l1: number },
  terms: MarginTerms,
): MarginCertificate {
  const { classes } = terms;
  if (logits.length !== classes) {
    throw new InputError(`expected ${classes} logits, got ${logits.length}`, {
      found: logits.length,
      expected: classes,
    });
  }
  const label = largestLogit(logits, 0, classes);
  return { label, radius: marginRadius(logits, 0, label, norms.l2, norms.l1, terms) };
}

/**
 * The argmax of `classes` logits from `begin` on, which is the first one in a tie.
 *
 * @throws InputError if one is not finite
 */
export function largestLogit(logits: ArrayLike<number>, begin: number, classes: number): number {
  let label = 0;
  for (let j = 0; j < classes; j++) {
    const logit = logits[begin + j]!;
    if (!Number.isFinite(logit)) throw new InputError(`logit ${j} is ${logit}`, { index: j });
    if (logit > logits[begin + label]!) label = j;
  }
  return label;
}

/** The radius of marginCertificate for the logits from `begin` on. It allocates nothing, as batches call it often. */
export function marginRadius(
  logits: ArrayLike<number>,
  begin: number,
  label: number,
  l2: number,
  l1: number,
  { classes, inverse, latentSlack, logitSlack, cap }: MarginTerms,
): number {
  if (!Number.isFinite(l2) || !Number.isFinite(l1)) {
    throw new InputError('the image holds a NaN or an infinity', { norms: { l2, l1 } });
  }
  if (l2 > cap) return 0;
  const top = logits[begin + label]!;
  const doubt = boundAt(logitSlack, l2, l1);
  let radius = Number.POSITIVE_INFINITY;
  for (let j = 0; j < classes; j++) {
    // The difference of two float32 is exact in float64 or off by one rounding, which the outer `down` and TINY cover.
    if (j === label) continue;
    const margin = down(down(top - logits[begin + j]!) - doubt);
    radius = Math.min(radius, down(margin * inverse[label * classes + j]!));
  }
  const certified = down(radius - smallestBound(latentSlack, l2, l1));
  return certified > 0 ? floorToFloat32(Math.min(certified, cap)) : 0;
}
