/** Runs a graph with ONNX Runtime on the CPU: what it computes is what the program would have computed. */
import * as ort from '../../../certify-runtime/run/onnx-runtime.ts';
import { isElement } from '../onnx/elements.ts';
import type { RawTensor } from '../onnx/tensor.ts';

type Feeds = ReadonlyMap<string, RawTensor>;

/**
 * What a model file gives for each of `feeds`, for the outputs named. `plain` switches the optimizations of the graph off.
 * A program without onnxruntime-node hands in a runner of its own.
 */
export type RunGraph = (
  model: Uint8Array,
  feeds: readonly Feeds[],
  outputs: readonly string[],
  options?: { readonly plain?: boolean },
) => Promise<readonly Feeds[]>;

function tensorOf({ type, dims, bytes }: RawTensor): ort.Tensor {
  const aligned = new Uint8Array(bytes).buffer;
  return new ort.Tensor(type as 'float32', new ARRAYS[type](aligned) as Float32Array, dims);
}

/** The arrays that onnxruntime-node takes. */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

function rawOf(name: string, { type, dims, data }: ort.Tensor): RawTensor {
  if (!isElement(type) || Array.isArray(data)) throw new TypeError(`'${name}' is a tensor of ${type}`);
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return { type, dims: [...dims], bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

export const runWithOnnxRuntime: RunGraph = async (model, feeds, outputs, { plain = false } = {}) => {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    logSeverityLevel: 4,
    graphOptimizationLevel: plain ? 'disabled' : 'all',
  });
  try {
    const results: Feeds[] = [];
    for (const feed of feeds) {
      const given = Object.fromEntries([...feed].map(([name, tensor]) => [name, tensorOf(tensor)]));
      const found = await session.run(given, outputs);
      results.push(new Map(outputs.map((name) => [name, rawOf(name, found[name]!)])));
    }
    return results;
  } finally {
    await session.release();
  }
};
