/**
 * Checks that a provider's matrix product is computed in the precision of its type: not in TF32, bfloat16 or float16
 * instead of float32, and not in float32 instead of float64.
 */

import type { Floats, Precision } from '../trusted/bounds/precision.ts';
import { ProviderError } from '../trusted/errors.ts';
import { encodeOnnx } from '../trusted/onnx/codec.ts';
import type { Graph, ValueInfo } from '../trusted/onnx/model.ts';

/** A graph of our own as a file, to see how a provider computes it. */
export const probeFile = (graph: Graph) =>
  encodeOnnx({ irVersion: 8, opset: 18, producerName: 'glean', producerVersion: '0', metadata: new Map(), graph });

/**
 * y = a·b, where both inputs have free dimensions. Known vectors alone would not be enough: TF32's error on a small
 * network can hide within the proven slack.
 */
export const probeModel = (precision: Precision = 'float32') => {
  const info = (name: string, ...dims: string[]): ValueInfo => ({ name, type: precision, dims });
  return probeFile({
    name: 'probe',
    nodes: [{ op: 'MatMul', name: 'product', inputs: ['a', 'b'], outputs: ['y'], attributes: new Map() }],
    initializers: new Map(),
    inputs: [info('a', 'M', 'K'), info('b', 'K', 'N')],
    outputs: [info('y', 'M', 'N')],
  });
};

/** The shapes of one image and of a batch, because providers have kernels for each. */
const SHAPES = [
  [1, 256, 128],
  [64, 256, 128],
] as const;

/**
 * Factors a [m, k] and b [k, n] of a product that float32 computes exactly: a has odd integers below 2¹² and b has −1, 0
 * and 1, so every partial sum is an integer below 2²⁰ for the shapes above (below 2²⁴ for k ≤ 4096), in any order, with or
 * without fused multiply-add. TF32 and float16 keep 11 bits of a factor and bfloat16 keeps 8: an odd integer of 12 bits is
 * rounded, and most sums come out wrong. For float64, a's integers are of 51 bits, of which float32 keeps 24 and a pair of
 * float32 keeps 48, and b has one entry in 64 that is not 0: every partial sum is below 2⁵³.
 */
export function integerFactors(
  [m, k, n]: readonly [number, number, number],
  precision: Precision = 'float32',
): readonly [Floats, Floats] {
  const wide = precision === 'float64';
  const least = wide ? 2 ** 50 + 1 : 2 ** 11 + 1;
  const a = wide ? new Float64Array(m * k) : new Float32Array(m * k);
  const b = wide ? new Float64Array(k * n) : new Float32Array(k * n);
  for (let i = 0; i < a.length; i++) a[i] = least + 2 * ((i * 7919) % 1023);
  for (let i = 0; i < b.length; i++) {
    const row = Math.floor(i / n);
    b[i] = wide && (row + i) % 64 !== 0 ? 0 : ((i * 31 + row) % 3) - 1;
  }
  return [a, b];
}

type Multiply = (a: Floats, b: Floats, size: readonly [number, number, number]) => Promise<Floats>;

/**
 * Multiplies `integerFactors` and compares every entry.
 *
 * @param multiply the provider's product of a [m, k] and b [k, n]
 * @throws ProviderError if an entry is wrong
 */
export async function checkArithmetic(multiply: Multiply, precision: Precision = 'float32'): Promise<void> {
  for (const [m, k, n] of SHAPES) {
    const [a, b] = integerFactors([m, k, n], precision);
    const y = await multiply(a, b, [m, k, n]);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let t = 0; t < k; t++) sum += a[i * k + t]! * b[t * n + j]!;
        if (y[i * n + j] === sum) continue;
        throw new ProviderError(
          `the provider does not compute in ${precision}: a sum of integers is ${y[i * n + j]}, expected ${sum} (a narrower type such as TF32, or a fault); use another provider`,
          { found: y[i * n + j], expected: sum, precision },
        );
      }
    }
  }
}
