/** Classifiers as other programs write them, for the tests of sealing; and what they answer by themselves. */

import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import type { OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import { type SealedOriginal, type SealOriginalOptions, sealOriginal } from '../../../src/export/seal/seal-original.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { QUIET, run } from './sealed.ts';

/** The file of what a builder holds, `output` being its output. */
export function fileOf(builder: GraphBuilder, outputs: string | readonly string[], opset = 18): Uint8Array {
  const names = [outputs].flat();
  const graph = builder.graph(names[0]!);
  const model: OnnxModel = {
    irVersion: 8,
    opset,
    producerName: 'test',
    producerVersion: '0',
    graph: { ...graph, outputs: names.map((name) => ({ name, type: 'float32', dims: ['n', 'k'] })) },
    metadata: new Map(),
  };
  return writeOnnx(model);
}

export function sealBytes(bytes: Uint8Array, options: Partial<SealOriginalOptions> = {}): Promise<SealedOriginal> {
  return sealOriginal(bytes, { source: 'test.onnx', producerVersion: '0', run, ...options });
}

/** The first output of a file for values in the file's own order. */
export async function runFile(bytes: Uint8Array, values: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes, QUIET);
  try {
    const results = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', values, dims) });
    return results[session.outputNames[0]!]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** One image [H, W, C] as [C, H, W]. */
export function channelsFirst(pixels: Float32Array, [height, width, channels]: readonly number[]): Float32Array {
  const places = height! * width!;
  return Float32Array.from(pixels, (_, i) => pixels[(i % places) * channels! + Math.floor(i / places)]!);
}
