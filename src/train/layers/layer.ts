/** What a layer of a network in training is. */
import type { PlainLayer } from '../../network/plain-network.ts';
import type { tf } from '../tfjs.ts';

/** Draws from N(0, deviation²), decided by the network's seed and the layer's place. */
type Draw = (shape: readonly number[], deviation: number) => tf.Tensor;

export interface Layer<P extends PlainLayer = PlainLayer> {
  /** New parameters by name, in a fixed order; the names are the layer's own. */
  initialParameters(draw: Draw): ReadonlyMap<string, tf.Tensor>;
  /** The layer at these parameters: Cayley maps are evaluated here, once for all batches of a step. */
  evaluate(parameter: (name: string) => tf.Tensor): EvaluatedLayer<P>;
}

export interface EvaluatedLayer<P extends PlainLayer = PlainLayer> {
  /** Images are [N, H, W, C], vectors [N, n]. */
  apply(x: tf.Tensor): tf.Tensor;
  /** The plain weights that the parameters stand for, in float32. */
  condense(): P;
}

/**
 * A parametrisation of orthogonal matrices: Q [inputs, outputs] with ‖x·Q‖₂ ≤ ‖x‖₂, its columns orthonormal, or its
 * rows if inputs < outputs. The free parameters are [n, m], the larger of the two sizes and the smaller one, drawn from
 * N(0, 1/n).
 */
export type OrthogonalMatrix = (parameters: tf.Tensor2D, inputs: number, outputs: number) => tf.Tensor2D;
