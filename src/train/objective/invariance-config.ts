/** The configuration of GLEAN's objective: risks over environments, an invariance penalty, and noise on z. */
import * as v from 'valibot';
import { nonNegative, nonNegativeInteger, positive, positiveInteger } from '../data/numbers.ts';

const riskSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('cross-entropy') }),
  /** Ghosh et al. 2017; for a head of fixed temperature (`network.temperature`). */
  v.strictObject({ kind: v.literal('absolute') }),
]);

/** The penalty's weight over time: `before` until step `warmup`, then `weight` (for ERM both are 0). */
const schedule = { weight: nonNegative, before: nonNegative, warmup: nonNegativeInteger };

const penaltySchema = v.variant('kind', [
  /** Arjovsky et al. 2019. */
  v.strictObject({ kind: v.literal('irm'), ...schedule }),
  /** Krueger et al. 2021. */
  v.strictObject({ kind: v.literal('vrex'), ...schedule }),
  /** Ahuja et al. 2021; `bottleneck` is the weight of the variance of z, relative to the IRM penalty's 1. */
  v.strictObject({ kind: v.literal('ib-irm'), bottleneck: nonNegative, ...schedule }),
  /** Rame et al. 2022. */
  v.strictObject({ kind: v.literal('fishr'), ...schedule }),
  /**
   * Chen et al. 2023; `preference` holds r for risk, IRM and V-REx, which are driven to where r·objective is the same
   * for all; before `warmup` only the risk counts.
   */
  v.strictObject({
    kind: v.literal('pair'),
    preference: v.strictTuple([positive, positive, positive]),
    warmup: nonNegativeInteger,
  }),
]);

const environmentsSchema = v.variant('kind', [
  /** The training domains as the data set gives them. */
  v.strictObject({ kind: v.literal('given') }),
  /** What a briefly trained reference gets right, and what it gets wrong (EIIL; Creager et al. 2021). */
  v.strictObject({ kind: v.literal('inferred'), referenceSteps: positiveInteger }),
]);

const richFeaturesSchema = v.strictObject({
  /** Steps of the two networks that discover features: few for the first, so that it finds only the easiest. */
  discover: v.strictTuple([positiveInteger, positiveInteger]),
  /** Steps of the network that answers for both. */
  synthesise: positiveInteger,
});

export const invarianceSchema = v.strictObject({
  /** σ of the Gaussian noise added to z. */
  noise: nonNegative,
  risk: v.optional(riskSchema, { kind: 'cross-entropy' }),
  penalty: penaltySchema,
  environments: environmentsSchema,
  /** Training starts from features found beforehand (Zhang et al. 2022) instead of random ones. */
  richFeatures: v.exactOptional(richFeaturesSchema),
});

export type RiskConfig = Readonly<v.InferOutput<typeof riskSchema>>;
export type PenaltyConfig = Readonly<v.InferOutput<typeof penaltySchema>>;
