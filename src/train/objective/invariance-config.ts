/** The configuration of GLEAN's objective: risks over environments, an invariance penalty, and noise on z. */
import * as v from 'valibot';
import { PHASES } from '../../certify-runtime/smoothing/streams.ts';
import { nonNegative, nonNegativeInteger, positive, positiveInteger } from '../data/numbers.ts';

const riskSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('cross-entropy') }),
  /** Ghosh et al. 2017; for a head of fixed temperature (`network.temperature`). */
  v.strictObject({ kind: v.literal('absolute') }),
  /** Between the two: nearly cross-entropy for a small q, the absolute risk for q = 1; Zhang & Sabuncu 2018. */
  v.strictObject({ kind: v.literal('generalized-cross-entropy'), q: v.pipe(positive, v.maxValue(1)) }),
  /** Cross-entropy with a margin: `offset` is a radius, for a head of fixed temperature; Prach & Lampert 2022. */
  v.strictObject({ kind: v.literal('offset'), offset: positive }),
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

const atLeastTwo = v.pipe(positiveInteger, v.minValue(2));

/** The networks before the main one, 1 … 15, have random numbers of their own. */
const MOST_MEMBERS = PHASES - 1;

const committeeSchema = v.pipe(
  v.strictObject({
    /** Round 0: parts that the images are cut into, how often anew, and the steps of each member. */
    folds: v.optional(atLeastTwo, 4),
    seeds: v.optional(positiveInteger, 2),
    steps: v.optional(positiveInteger, 180),
    /** Rounds on the answers of round 0, and their parts and steps. */
    rounds: v.optional(nonNegativeInteger, 2),
    roundFolds: v.optional(atLeastTwo, 3),
    roundSteps: v.optional(positiveInteger, 300),
    /** Whether an image on which the sittings do not all agree is left out of training. */
    unanimous: v.optional(v.boolean(), false),
  }),
  v.check(
    ({ folds, seeds, rounds, roundFolds }) => folds * seeds + rounds * roundFolds <= MOST_MEMBERS,
    `folds·seeds + rounds·roundFolds is the number of members, at most ${MOST_MEMBERS}`,
  ),
);

const environmentsSchema = v.variant('kind', [
  /** The training domains as the data set gives them. */
  v.strictObject({ kind: v.literal('given') }),
  /**
   * What a committee that has not seen an image answers right, and what it answers wrong (committee.ts); or, with
   * `referenceSteps`, what one briefly trained reference does (EIIL; Creager et al. 2021).
   */
  v.pipe(
    v.strictObject({
      kind: v.literal('inferred'),
      committee: v.exactOptional(committeeSchema),
      referenceSteps: v.exactOptional(positiveInteger),
    }),
    v.check(
      ({ committee, referenceSteps }) => committee === undefined || referenceSteps === undefined,
      'either a committee or referenceSteps, not both',
    ),
  ),
]);

const richFeaturesSchema = v.strictObject({
  /** Steps of the two networks that discover features: few for the first, so that it finds only the easiest. */
  discover: v.strictTuple([positiveInteger, positiveInteger]),
  /** Steps of the network that answers for both. */
  synthesise: positiveInteger,
});

export const invarianceSchema = v.strictObject({
  /** σ of the Gaussian noise added to z, in training and by CERTIFY. */
  noise: positive,
  risk: v.optional(riskSchema, { kind: 'cross-entropy' }),
  penalty: penaltySchema,
  environments: environmentsSchema,
  /** Training starts from features found beforehand (Zhang et al. 2022) instead of random ones. */
  richFeatures: v.exactOptional(richFeaturesSchema),
});

export type RiskConfig = Readonly<v.InferOutput<typeof riskSchema>>;
export type PenaltyConfig = Readonly<v.InferOutput<typeof penaltySchema>>;
type EnvironmentsConfig = Readonly<v.InferOutput<typeof environmentsSchema>>;
export type CommitteeConfig = Readonly<v.InferOutput<typeof committeeSchema>>;

/** The settings of the committee that infers the environments; null if none does. */
export function committeeOf({ environments }: { readonly environments: EnvironmentsConfig }): CommitteeConfig | null {
  if (environments.kind !== 'inferred' || environments.referenceSteps !== undefined) return null;
  return environments.committee ?? v.parse(committeeSchema, {});
}
