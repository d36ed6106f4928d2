/** What a layer of a network in training is. */
import type { PlainLayer } from '../../network/plain-network.ts';
import type { tf } from '../tfjs.ts';

/** Normal numbers N(0, deviation²), decided by the network's seed and the layer's place. */
type Draw = (shape: readonly number[], deviation: number) => tf.Tensor;

export interface Layer<P extends PlainLayer = PlainLayer> {
  /** New parameters, by names of the layer's own, in a fixed order. */
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
