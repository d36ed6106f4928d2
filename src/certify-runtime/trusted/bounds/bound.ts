/** What the proof says about a network from `image` to `latent`. All numbers are upper bounds, rounding included. */

import type { Floats, Precision } from './precision.ts';

/**
 * A bound that grows with the image x: constant + l2·‖x‖₂ + l1·‖x‖₁, with all coefficients finite and ≥ 0. The pixels
 * are those that the file takes (before the preprocessing that is in the graph).
 */
export interface AffineBound {
  readonly constant: number;
  readonly l2: number;
  readonly l1: number;
}

export interface LayerBound {
  readonly op: string;
  readonly name: string;
  /** Upper bound of this operator's own ℓ2 Lipschitz constant. */
  readonly upper: number;
}

export interface EncoderBound {
  /** Upper bound of the ℓ2 Lipschitz constant of image ↦ latent (exact arithmetic, the file's float32 weights). */
  readonly lipschitz: number;
  readonly layers: readonly LayerBound[];
  /** ‖ẑ(x) − z(x)‖₂ is at most the smallest of these, for the ẑ of any allowed float32 execution. */
  readonly latentError: readonly AffineBound[];
  /** ‖ẑ(x)‖₂ is at most this. Its l1 is 0. */
  readonly latentNorm: AffineBound;
  /**
   * What a provider may do to the latent's own scales when the head takes it (Lemma 11): the roundings of the scales
   * since the last layer, the factor that magnifies a flush, and ‖ẑ‖₂ with any of the scales left out. Its l1 is 0.
   */
  readonly latentChain: { readonly scales: number; readonly growth: number; readonly reach: AffineBound };
  /** For ‖x‖₂ up to this, no intermediate value of any allowed execution overflows, is infinite or is NaN. */
  readonly maxImageNorm: number;
  /** The sizes of the image and of the latent, per sample. */
  readonly inputShape: readonly number[];
  readonly latentSize: number;
  /** What the proof takes for the shapes of the tensors that depend on the image; entry 0 is the rows of one sample. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * The linear head y = Wz + b, with W as K rows of d, row-major. A float64 one takes the float32 latent, computes in
 * float64, and rounds each logit to float32 once.
 */
export interface LinearHead {
  readonly classes: number;
  readonly latentSize: number;
  /** What it computes in; float32 if it is left out. */
  readonly precision?: Precision;
  readonly weights: Floats;
  readonly bias: Floats;
}
