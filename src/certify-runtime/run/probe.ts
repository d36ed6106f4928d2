/** Checks that a provider's matrix product is computed in float32, not in TF32, bfloat16 or float16. */

import { ProviderError } from '../trusted/errors.ts';
import { encodeOnnx } from '../trusted/onnx/codec.ts';
import type { ValueInfo } from '../trusted/onnx/model.ts';

const info = (name: string, ...dims: string[]): ValueInfo => ({ name, type: 'float32', dims });

/**
 * y = a·b, where both inputs have free dimensions. Known vectors alone would not be enough: TF32's error on a small
 * network can hide within the proven slack.
 */
export const probeModel = () =>
  encodeOnnx({
    irVersion: 8,
    opset: 18,
    producerName: 'glean',
    producerVersion: '0',
    metadata: new Map(),
    graph: {
      name: 'probe',
      nodes: [{ op: 'MatMul', name: 'product', inputs: ['a', 'b'], outputs: ['y'], attributes: new Map() }],
      initializers: new Map(),
      inputs: [info('a', 'M', 'K'), info('b', 'K', 'N')],
      outputs: [info('y', 'M', 'N')],
    },
  });

/** The shapes of one image and of a batch, because providers have kernels for each. */
const SHAPES = [
  [1, 256, 128],
  [64, 256, 128],
] as const;

/**
 * Factors a [m, k] and b [k, n] of a product that float32 computes exactly: a has odd integers below 2¹² and b has −1, 0
 * and 1, so every partial sum is an integer below 2²⁰ for the shapes above (below 2²⁴ for k ≤ 4096), in any order, with or
 * without fused multiply-add. TF32 and float16 keep 11 bits of a factor and bfloat16 keeps 8: an odd integer of 12 bits is
 * rounded, and most sums come out wrong.
 */
export function integerFactors([m, k, n]: readonly [number, number, number]): readonly [Float32Array, Float32Array] {
  return [
    Float32Array.from({ length: m * k }, (_, i) => 2049 + 2 * ((i * 7919) % 1023)),
    Float32Array.from({ length: k * n }, (_, i) => ((i * 31 + Math.floor(i / n)) % 3) - 1),
  ];
}

/**
 * Multiplies `integerFactors` and compares every entry.
 *
 * @param multiply the provider's product of a [m, k] and b [k, n]
 * @throws ProviderError if an entry is wrong
 */
export async function checkArithmetic(
  multiply: (a: Float32Array, b: Float32Array, size: readonly [number, number, number]) => Promise<Float32Array>,
): Promise<void> {
  for (const [m, k, n] of SHAPES) {
    const [a, b] = integerFactors([m, k, n]);
    const y = await multiply(a, b, [m, k, n]);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let t = 0; t < k; t++) sum += a[i * k + t]! * b[t * n + j]!;
        if (y[i * n + j] === sum) continue;
        throw new ProviderError(
          `the provider does not compute in float32: a sum of integers is ${y[i * n + j]}, expected ${sum} (TF32, bfloat16, float16, or a fault)`,
          { found: y[i * n + j], expected: sum },
        );
      }
    }
  }
}
