/** Baking: a trained network with every Cayley layer replaced by a plain matrix, orthogonal to float32's precision. */
import { orthogonalize } from './orthogonalize.ts';

/** x ↦ x·weights + bias, then MaxMin where `maxMin` is set. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, outputs], row-major. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly maxMin: boolean;
}

export interface DenseNetwork {
  readonly encoder: readonly DenseLayer[];
  readonly head: DenseLayer;
}

/** Encoder weights made orthogonal in float64, then rounded; the head, which is scaled, stays as it is. */
export function bake(network: DenseNetwork): DenseNetwork {
  const encoder = network.encoder.map((layer) => ({
    ...layer,
    weights: Float32Array.from(orthogonalize(layer.weights, layer.inputs, layer.outputs)),
  }));
  return { encoder, head: network.head };
}
