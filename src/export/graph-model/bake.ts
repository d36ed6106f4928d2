/** Baking: a trained network's orthogonal weights made so to float32's precision. */
import { orthogonalize } from '../../network/orthogonalize.ts';
import type { PlainLayer, PlainNetwork } from '../../network/plain-network.ts';

/** Orthogonal in float64, then rounded: each of the matrices [rows, columns] one after the other in `weights`. */
function rounded(weights: Float32Array, rows: number, columns: number): Float32Array {
  const size = rows * columns;
  const result = new Float32Array(weights.length);
  for (let begin = 0; begin < weights.length; begin += size) {
    result.set(orthogonalize(weights.subarray(begin, begin + size), rows, columns), begin);
  }
  return result;
}

function bakeLayer(layer: PlainLayer): PlainLayer {
  const { inputs, outputs } = layer;
  if (layer.kind === 'fourier') return { ...layer, blocks: rounded(layer.blocks, 2 * inputs, 2 * outputs) };
  return layer.orthogonal ? { ...layer, weights: rounded(layer.weights, inputs, outputs) } : layer;
}

/** The head, which is scaled, and layers that are not meant to be orthogonal stay as they are. */
export function bake(network: PlainNetwork): PlainNetwork {
  return { encoder: network.encoder.map(bakeLayer), head: network.head };
}
