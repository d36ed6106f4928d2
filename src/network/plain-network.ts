/**
 * A network with plain weights, as it leaves training: every Cayley parameter is replaced by the weights it stands for.
 */

export type Activation = 'maxMin' | 'relu' | 'none';

/**
 * The grid of a convolution: before it, each group of down × down pixels of an image [N, H, W, C] becomes channels of
 * one pixel (space-to-depth).
 */
export interface Grid {
  /** Height and width of the layer's output. */
  readonly height: number;
  readonly width: number;
  readonly down: number;
}

interface Affine {
  /** Channels that enter the product, after space-to-depth. */
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs]. */
  readonly bias: Float32Array;
  /** Applied after the bias; MaxMin pairs the first half of the outputs with the second. */
  readonly activation: Activation;
}

/** x [N, inputs] ↦ x·weights + bias; an image is flattened first. */
export interface DenseLayer extends Affine {
  readonly kind: 'dense';
  /** [inputs, outputs], row-major. */
  readonly weights: Float32Array;
  /** Whether the rows or the columns, whichever are fewer, are meant to be orthonormal; baking makes them so. */
  readonly orthogonal: boolean;
}

/** A convolution, zero-padded to keep its size: x ↦ x ⋆ weights + bias. */
export interface ConvLayer extends Affine, Grid {
  readonly kind: 'conv';
  readonly kernel: number;
  /** [kernel, kernel, inputs, outputs], row-major. */
  readonly weights: Float32Array;
  /** As in a dense layer; true only if kernel = 1. */
  readonly orthogonal: boolean;
}

/**
 * A circular convolution, given by its blocks in the Fourier frame of H × W (fourier-frame.ts), each of which is
 * orthogonal.
 */
export interface FourierLayer extends Affine, Grid {
  readonly kind: 'fourier';
  /** [slots, 2·inputs, 2·outputs]: each block maps a row vector (re, im) of inputs to one of outputs. */
  readonly blocks: Float32Array;
}

export type PlainLayer = DenseLayer | ConvLayer | FourierLayer;

export interface PlainNetwork {
  readonly encoder: readonly PlainLayer[];
  readonly head: DenseLayer;
}
