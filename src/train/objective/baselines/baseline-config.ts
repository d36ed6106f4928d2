/** The configuration of a baseline: defences by randomized smoothing in input space, on the pooled domains. */
import * as v from 'valibot';
import { nonNegative, nonNegativeInteger, positive, positiveInteger } from '../../data/numbers.ts';

/** σ of the Gaussian noise on the image, the same in training and in certification. */
const sigma = positive;
/** Noisy copies of each image in a step: m, or MACER's k. */
const copies = positiveInteger;

export const baselineSchema = v.variant('baseline', [
  /** Cohen, Rosenfeld & Kolter 2019. */
  v.strictObject({ baseline: v.literal('gaussian'), sigma }),
  /** Zhai et al. 2020. */
  v.strictObject({
    baseline: v.literal('macer'),
    sigma,
    copies,
    /** λ of the robustness loss; 0 before step `from`. */
    weight: nonNegative,
    from: nonNegativeInteger,
    /** Inverse temperature of the robustness loss. */
    beta: positive,
    /** γ: margins (in units of σ/2) beyond this are not pushed further. */
    gamma: positive,
  }),
  /** Salman et al. 2019. */
  v.strictObject({
    baseline: v.literal('smoothadv'),
    sigma,
    copies,
    /** ε: the ℓ2 radius of the attack, reached linearly over the first `warmup` steps. */
    epsilon: positive,
    warmup: nonNegativeInteger,
    /** T: gradient steps of the attack. */
    attackSteps: positiveInteger,
  }),
  /** Jeong & Shin 2020. */
  v.strictObject({
    baseline: v.literal('consistency'),
    sigma,
    copies: v.pipe(copies, v.minValue(2, 'consistency is between copies: at least two are needed')),
    /** λ of the divergence between copies. */
    weight: nonNegative,
    /** η of the entropy of their mean. */
    entropy: nonNegative,
  }),
]);

export type BaselineConfig = v.InferOutput<typeof baselineSchema>;

/** The part of a configuration that belongs to the baseline of this name. */
export type BaselineOf<Name extends BaselineConfig['baseline']> = Readonly<Extract<BaselineConfig, { baseline: Name }>>;
