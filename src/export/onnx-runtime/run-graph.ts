/** Runs a graph with ONNX Runtime: what it computes is what the program would have computed. */
import type { OnnxRuntime } from '../../certify-runtime/run/providers.ts';
import { isElement } from '../foreign/onnx/elements.ts';
import type { RawTensor } from '../foreign/onnx/tensor.ts';
import { type Library, withSession } from './library.ts';

type Feeds = ReadonlyMap<string, RawTensor>;

/**
 * What a model file gives for each of `feeds`, for the outputs named. `plain` switches the optimizations of the graph
 * off.
 */
export type RunGraph = (
  model: Uint8Array,
  feeds: readonly Feeds[],
  outputs: readonly string[],
  options?: { readonly plain?: boolean },
) => Promise<readonly Feeds[]>;

/** A tensor as ONNX Runtime gives it. */
interface Found {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** The arrays that ONNX Runtime takes. */
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

function tensorOf({ Tensor }: OnnxRuntime, { type, dims, bytes }: RawTensor): unknown {
  const aligned = new Uint8Array(bytes).buffer;
  return new Tensor(type as 'float32', new ARRAYS[type](aligned) as Float32Array, dims);
}

function rawOf(name: string, { type, dims, data }: Found): RawTensor {
  if (!isElement(type) || Array.isArray(data)) throw new TypeError(`'${name}' is a tensor of ${type}`);
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return { type, dims: [...dims], bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

export function runGraphOn(library: Library): RunGraph {
  return (model, feeds, outputs, { plain = false } = {}) => {
    const options = { logSeverityLevel: 4, graphOptimizationLevel: plain ? 'disabled' : 'all' };
    return withSession(library, model, options, async (session) => {
      const results: Feeds[] = [];
      for (const feed of feeds) {
        const given = Object.fromEntries([...feed].map(([name, tensor]) => [name, tensorOf(library.runtime, tensor)]));
        const found = (await session.run(given, outputs)) as Record<string, Found>;
        results.push(new Map(outputs.map((name) => [name, rawOf(name, found[name]!)])));
      }
      return results;
    });
  };
}
