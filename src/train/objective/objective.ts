/** What a training objective is: a loss of one batch, given the network at this step's weights. */
import type { tf } from '../tfjs.ts';

/** The images of one step; those of one environment are next to each other. */
export interface Batch {
  /** [N, H, W, C] on [0, 1]. */
  readonly images: tf.Tensor4D;
  /** [N, K], one-hot. */
  readonly targets: tf.Tensor2D;
  readonly environments: readonly { readonly name: string; readonly begin: number; readonly size: number }[];
}

/** The network at this step's weights, differentiable in the weights and in its inputs. */
export interface Model {
  /** z = Ψ(x): [N, H, W, C] → [N, d]. */
  encode(images: tf.Tensor4D): tf.Tensor2D;
  /** y = β(z): [N, d] → [N, K]. */
  classify(latent: tf.Tensor2D): tf.Tensor2D;
}

export interface StepContext {
  /** Steps done before this one, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** N(0, 1) numbers that depend only on seed, step and `stream` (0 … 31), whatever else was drawn. */
  normal(shape: readonly number[], stream: number): tf.Tensor;
}

export interface Loss {
  /** What the step minimises. */
  readonly loss: tf.Scalar;
  /** The penalty's weight at this step; 0 if there is none. */
  readonly lambda: number;
  /** The risk of each environment. */
  readonly risks: readonly tf.Scalar[];
  /** Summed over the environments, without its weight. */
  readonly penalty?: tf.Scalar;
}

export interface Objective {
  /** Images to train on in place of the batch's, found outside the gradient tape (SmoothAdv's attack). */
  perturb?(model: Model, batch: Batch, context: StepContext): tf.Tensor4D;
  loss(model: Model, batch: Batch, context: StepContext): Loss;
}
