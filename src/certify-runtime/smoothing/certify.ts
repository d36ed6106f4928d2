/** CERTIFY (Cohen et al. 2019) on the latent: a radius for the smoothed head g(z) = argmax_k P(β(z+η) = k). */

import type { LinearHead } from '../trusted/bounds/bound.ts';
import { InputError } from '../trusted/errors.ts';
import { checkInteger } from './binomial-tail.ts';
import { checkAlpha, clopperPearsonLower } from './clopper-pearson.ts';
import { SMOOTHING_DEFAULTS } from './defaults.ts';
import { checkHead, rowNorms } from './head.ts';
import { normalQuantileLower } from './normal.ts';
import type { Random } from './random.ts';
import { type Sampler, sampleCounts } from './sampler.ts';

export { SMOOTHING_DEFAULTS };

/** What a product or quotient of a few terms may lose to rounding when it must be rounded down: 8 u. */
const DOWN = 1 - 2 ** -50;

export interface SmoothingOptions {
  /** y = Wz + b, of length K; for example from headLogits. */
  readonly logits: ArrayLike<number>;
  /** |logits_j − (Wz + b)_j| ≤ logitError for every j; 0 by default. Float32 logits need it. */
  readonly logitError?: number;
  readonly head: LinearHead;
  readonly random: Random;
  readonly sigma?: number;
  /** Draws that bound pA. */
  readonly n?: number;
  /** Draws that select the class. */
  readonly n0?: number;
  /** The probability that the answer is wrong is at most this. */
  readonly alpha?: number;
  readonly sampler?: Sampler;
}

export interface SmoothedCertificate {
  /** Index of the class; −1 if it abstained. */
  readonly label: number;
  /** σΦ⁻¹(p̲A), in units of the latent, rounded down; 0 if it abstained. */
  readonly radius: number;
  /** p̲A, the Clopper–Pearson lower bound of P(β(z+η) = selected class). */
  readonly pA: number;
  /** How many of the n draws gave the selected class. */
  readonly count: number;
}

/**
 * g(z′) = label for all ‖z′ − z‖₂ < σΦ⁻¹(p̲A), with probability ≥ 1 − α over the draws.
 *
 * n0 draws select the class, n fresh draws count it, p̲A is the Clopper–Pearson bound of that count, and p̲A ≤ ½
 * abstains. For the count, the selected logit is lowered and the others are raised by logitError and by what the
 * sampler may lose to rounding; that can only make the count smaller.
 *
 * Source: Cohen, Rosenfeld & Kolter, Certified adversarial robustness via randomized smoothing, ICML 2019, algorithm 1.
 *
 * @throws InputError if an option is out of range, or a logit or weight is not finite
 */
export function certifySmoothed(options: SmoothingOptions): SmoothedCertificate {
  const { logits, head, random, sampler = 'auto', logitError = 0 } = options;
  const {
    sigma = SMOOTHING_DEFAULTS.sigma,
    n = SMOOTHING_DEFAULTS.n,
    n0 = SMOOTHING_DEFAULTS.n0,
    alpha = SMOOTHING_DEFAULTS.alpha,
  } = options;
  checkSettings({ sigma, n, n0, alpha });
  if (!(logitError >= 0 && logitError < Number.POSITIVE_INFINITY)) {
    throw new InputError(`logitError must be finite and ≥ 0, got ${logitError}`, { logitError });
  }
  checkHead(head, logits);
  const y = Float64Array.from(logits);
  if (!y.every(Number.isFinite)) throw new InputError('a logit is not finite', { logits: Array.from(y) });

  const shift = logitError + roundingOf(y, head, sigma);
  const first = sampleCounts({ logits: y, head, sigma, random, sampler }, n0);
  const c = first.indexOf(Math.max(...first));
  const lowered = y.map((value, j) => (j === c ? value - shift : value + shift));
  const count = sampleCounts({ logits: lowered, head, sigma, random, sampler }, n)[c]!;
  return certificateOfCount(c, count, { sigma, n, alpha });
}

/** The certificate that follows if `count` of n draws gave `label`, which other draws had selected. */
export function certificateOfCount(
  label: number,
  count: number,
  { sigma, n, alpha }: { readonly sigma: number; readonly n: number; readonly alpha: number },
): SmoothedCertificate {
  const pA = clopperPearsonLower(count, n, alpha);
  return pA > 0.5 ? { label, radius: radiusOf(sigma, pA), pA, count } : { label: -1, radius: 0, pA, count };
}

/** σΦ⁻¹(α^(1/n)): the radius when every draw gives the class, which no radius exceeds. 0 if even that abstains. */
export function smoothingCap(sigma: number, n: number, alpha: number): number {
  checkSettings({ sigma, n, alpha });
  return certificateOfCount(0, n, { sigma, n, alpha }).radius;
}

/**
 * max(0, (ρ − 2δ(x)) / (L + δ′)), rounded down: g∘Ψ̂ keeps its label for ‖x′ − x‖₂ up to this, with ρ = σΦ⁻¹(p̲A).
 *
 * This is because ‖ẑ(x′) − ẑ(x)‖ ≤ L r + δ(x) + δ(x′) ≤ L r + δ(x) + δ(x) + δ′ r < ρ.
 *
 * @param latentRadius ρ ≥ 0
 * @param L upper bound of the encoder's Lipschitz constant, > 0
 * @param latentErrorHere δ(x), a bound of ‖ẑ(x) − z(x)‖₂ as the encoder is executed; 0 for exact arithmetic
 * @param latentErrorSlope δ′, with ‖ẑ(x′) − z(x′)‖₂ ≤ δ(x) + δ′‖x′ − x‖₂
 * @throws InputError if one of them is negative, infinite or NaN, or L is 0
 */
export function smoothedRadius(
  latentRadius: number,
  L: number,
  latentErrorHere: number,
  latentErrorSlope: number,
): number {
  const details = { latentRadius, L, latentErrorHere, latentErrorSlope };
  for (const [name, value] of Object.entries(details)) {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY) || (name === 'L' && value === 0)) {
      throw new InputError(`${name} must be finite and ${name === 'L' ? '>' : '≥'} 0, got ${value}`, details);
    }
  }
  const radius = ((latentRadius - 2 * latentErrorHere) / (L + latentErrorSlope)) * DOWN;
  // Below this, DOWN itself could round away.
  return radius > 1e-290 ? radius : 0;
}

function radiusOf(sigma: number, pA: number): number {
  return sigma * normalQuantileLower(pA) * DOWN;
}

/**
 * More than rounding can move (y + Wη)_j, given the draws: 64 K (d + K)^1.5 u (max|y_j| + σ max‖w_j‖₂). It covers dot
 * products of length d or K with ‖η‖ < 9σ√(d + K), and the triangular factor; it is loose on purpose, 1e-10 of a logit.
 */
function roundingOf(y: Float64Array, head: LinearHead, sigma: number): number {
  const { classes: K, latentSize: d } = head;
  const norms = rowNorms(Float64Array.from(head.weights), K, d);
  if (!norms.every(Number.isFinite)) throw new InputError('a weight of the head is not finite');
  const size = Math.max(...y.map(Math.abs)) + sigma * Math.max(...norms);
  return 64 * K * (d + K) ** 1.5 * 2 ** -53 * size;
}

/** @throws InputError if σ, n, n0 or α is out of range */
export function checkSettings(settings: {
  readonly sigma: number;
  readonly n: number;
  readonly n0?: number;
  readonly alpha: number;
}): void {
  const { sigma, n, n0 = 1, alpha } = settings;
  if (!(sigma > 0 && sigma < Number.POSITIVE_INFINITY)) {
    throw new InputError(`sigma must be finite and > 0, got ${sigma}`, { sigma });
  }
  checkInteger('n', n, 1);
  checkInteger('n0', n0, 1);
  checkAlpha(alpha);
}
