/** The invariance penalties by the names configurations use. */
import * as v from 'valibot';
import type { tf } from '../tfjs.ts';
import { fishrPenalty } from './fishr.ts';
import { ibIrmPenalty } from './ib-irm.ts';
import { irmPenalty } from './irm.ts';
import { vrexPenalty } from './vrex.ts';

const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const nonNegativeInteger = v.pipe(v.number(), v.integer(), v.minValue(0));

/** When the penalty's weight is what: `before` until step `warmup`, `weight` from there on (ERM: 0 and 0). */
const schedule = { weight: nonNegative, before: nonNegative, warmup: nonNegativeInteger };

export const penaltySchema = v.variant('kind', [
  /** Arjovsky et al. 2019. */
  v.strictObject({ kind: v.literal('irm'), ...schedule }),
  /** Krueger et al. 2021. */
  v.strictObject({ kind: v.literal('vrex'), ...schedule }),
  /** Ahuja et al. 2021; `bottleneck`: weight of the variance of z, beside the IRM penalty's 1. */
  v.strictObject({ kind: v.literal('ib-irm'), bottleneck: nonNegative, ...schedule }),
  /** Rame et al. 2022. */
  v.strictObject({ kind: v.literal('fishr'), ...schedule }),
]);

export type PenaltyConfig = Readonly<v.InferOutput<typeof penaltySchema>>;

/** What the network answers in one environment. */
export interface EnvironmentAnswers {
  /** z with its noise, [n, d]. */
  readonly latent: tf.Tensor2D;
  /** y, [n, K]. */
  readonly logits: tf.Tensor2D;
  /** ∂ℓ/∂y, [n, K]. */
  readonly gradients: tf.Tensor2D;
  /** R_e, the mean of ℓ. */
  readonly risk: tf.Scalar;
}

/** A differentiable penalty over the environments. */
export type Penalty = (environments: readonly EnvironmentAnswers[]) => tf.Scalar;

/** The penalty of a configuration. */
export function createPenalty(config: PenaltyConfig): Penalty {
  switch (config.kind) {
    case 'irm':
      return irmPenalty;
    case 'vrex':
      return vrexPenalty;
    case 'ib-irm':
      return (environments) => ibIrmPenalty(environments, config.bottleneck);
    case 'fishr':
      return fishrPenalty;
  }
}
