/** What a configuration says of GLEAN: risks over environments and an invariance penalty, noise on z. */
import * as v from 'valibot';
import { nonNegative, nonNegativeInteger, positive, positiveInteger } from '../data/numbers.ts';

const riskSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('cross-entropy') }),
  /** Ghosh et al. 2017; for a head of fixed temperature (`network.temperature`). */
  v.strictObject({ kind: v.literal('absolute') }),
]);

/** When the penalty's weight is what: `before` until step `warmup`, `weight` from there on (ERM: 0 and 0). */
const schedule = { weight: nonNegative, before: nonNegative, warmup: nonNegativeInteger };

const penaltySchema = v.variant('kind', [
  /** Arjovsky et al. 2019. */
  v.strictObject({ kind: v.literal('irm'), ...schedule }),
  /** Krueger et al. 2021. */
  v.strictObject({ kind: v.literal('vrex'), ...schedule }),
  /** Ahuja et al. 2021; `bottleneck`: weight of the variance of z, beside the IRM penalty's 1. */
  v.strictObject({ kind: v.literal('ib-irm'), bottleneck: nonNegative, ...schedule }),
  /** Rame et al. 2022. */
  v.strictObject({ kind: v.literal('fishr'), ...schedule }),
  /** Chen et al. 2023; `preference`: r of risk, IRM and V-REx, which end where r·objective is the same; risk alone before `warmup`. */
  v.strictObject({
    kind: v.literal('pair'),
    preference: v.strictTuple([positive, positive, positive]),
    warmup: nonNegativeInteger,
  }),
]);

const environmentsSchema = v.variant('kind', [
  /** The training domains as the data set gives them. */
  v.strictObject({ kind: v.literal('given') }),
  /** What a short-trained reference gets right, and what it gets wrong (EIIL; Creager et al. 2021). */
  v.strictObject({ kind: v.literal('inferred'), referenceSteps: positiveInteger }),
]);

const richFeaturesSchema = v.strictObject({
  /** Steps of the two networks that discover features: few for the first, so that it finds the easiest alone. */
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
  /** Training begins with features found before (Zhang et al. 2022), not with random ones. */
  richFeatures: v.exactOptional(richFeaturesSchema),
});

export type RiskConfig = Readonly<v.InferOutput<typeof riskSchema>>;
export type PenaltyConfig = Readonly<v.InferOutput<typeof penaltySchema>>;
