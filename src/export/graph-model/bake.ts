/** Baking: makes a trained network's orthogonal weights orthogonal to float32's precision. */
import { orthogonalize } from '../../network/orthogonalize.ts';
import type { PlainLayer, PlainNetwork } from '../../network/plain-network.ts';

/**
 * Orthogonalizes each of the matrices [rows, columns] in `weights`, which lie one after the other, in float64, and then
 * rounds.
 */
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

/** Bakes the orthogonal layers; the head, which is scaled, and the other layers stay as they are. */
export function bake(network: PlainNetwork): PlainNetwork {
  return { encoder: network.encoder.map(bakeLayer), head: network.head };
}
