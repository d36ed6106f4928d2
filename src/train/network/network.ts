/** The network to train: an encoder Ψ of Cayley-orthogonal layers with MaxMin, and a linear head β, behind one interface. */
import type { TrainConfig } from '../config.ts';
import type { tf } from '../tfjs.ts';
import { denseNetwork } from './dense.ts';

/** Named parameters, in a fixed order. */
export type Parameters = ReadonlyMap<string, tf.Tensor>;

/** Height, width and channels of an image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** A dense layer with plain weights: x ↦ x·weights + bias, then MaxMin where `maxMin` is set. */
export interface PlainLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, outputs], row-major. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly maxMin: boolean;
}

/** The network with plain weights in place of the Cayley parameters: what leaves training. */
export interface PlainNetwork {
  readonly encoder: readonly PlainLayer[];
  readonly head: PlainLayer;
}

/** What one step computes with: Cayley maps are evaluated once, however many batches are run through them. */
export interface Weights {
  /** x [N, H, W, C] → z [N, d]. */
  readonly encoder: (images: tf.Tensor4D) => tf.Tensor2D;
  /** z [N, d] → y [N, K]. */
  readonly head: (latent: tf.Tensor2D) => tf.Tensor2D;
}

export interface Network {
  readonly shape: ImageShape;
  /** d, the size of z. */
  readonly latent: number;
  /** K. */
  readonly classes: number;
  /** New parameters, decided by the seed. */
  initialParameters(seed: number): Map<string, tf.Tensor>;
  /** Evaluates the Cayley maps, for one step. */
  weights(parameters: Parameters): Weights;
  /** z = Ψ(x): [N, H, W, C] → [N, d]. */
  encode(weights: Weights, images: tf.Tensor4D): tf.Tensor2D;
  /** y = β(z): [N, d] → [N, K]. */
  classify(weights: Weights, latent: tf.Tensor2D): tf.Tensor2D;
  /** Cayley parameters replaced by the float32 matrices they stand for, the temperature folded into the head. */
  condense(parameters: Parameters): PlainNetwork;
}

/** The network that a configuration describes, for images of `shape`. */
export function createNetwork(config: TrainConfig['network'], shape: ImageShape, classes: number): Network {
  return denseNetwork(config.hidden, shape, classes);
}
