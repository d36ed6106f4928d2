/** Runs a file as it is and as the foreign reader reads it, both in ONNX Runtime. */
import { encodeOnnx } from '../../../src/certify-runtime/trusted/onnx/codec.ts';
import type { OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { readRaw } from '../../../src/export/foreign/onnx/raw.ts';
import type { RawTensor } from '../../../src/export/foreign/onnx/tensor.ts';
import { type OriginalModel, type ReadOptions, readOriginal } from '../../../src/export/foreign/read-original.ts';
import { runWithOnnxRuntime } from '../../../src/export/onnx-runtime/node.ts';
import { type FileNode, type FileTensor, fileOf } from '../../support/networks/foreign-file.ts';

export async function read(bytes: Uint8Array, options: Partial<ReadOptions> = {}): Promise<OriginalModel> {
  return readOriginal(readRaw(bytes), { runGraph: runWithOnnxRuntime, ...options });
}

export function image(dims: readonly number[], value: (i: number) => number = (i) => Math.sin(7 * i + 1)): RawTensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return {
    type: 'float32',
    dims,
    bytes: new Uint8Array(Float32Array.from({ length: size }, (_, i) => value(i)).buffer),
  };
}

/** What a file gives, without the optimizations that may change the last digit. */
export async function answer(bytes: Uint8Array, input: RawTensor, output = 'y', name = 'x'): Promise<RawTensor> {
  const [found] = await runWithOnnxRuntime(bytes, [new Map([[name, input]])], [output], { plain: true });
  return found!.get(output)!;
}

/** The file of a model that was read. */
export function written(model: OnnxModel): Uint8Array {
  return encodeOnnx({ ...model, irVersion: 8, metadata: new Map() });
}

/** The first form of the file that runs. */
export async function original({ source }: OriginalModel, input: RawTensor): Promise<RawTensor> {
  for (const { bytes } of source!.forms) {
    try {
      return await answer(bytes(), input, source!.output, source!.input);
    } catch {}
  }
  throw new Error('no form of the file runs');
}

export const numbers = ({ bytes }: RawTensor) => [...new Float32Array(new Uint8Array(bytes).buffer)];

/** A file of these nodes from x [N, …dims] to y. */
export function plain(nodes: readonly FileNode[], tensors: Record<string, FileTensor>, dims: readonly number[] = [2]) {
  return fileOf({
    opset: 17,
    nodes,
    tensors,
    inputs: [{ name: 'x', dims: ['N', ...dims] }],
    outputs: [{ name: 'y', dims: [] }],
  });
}
