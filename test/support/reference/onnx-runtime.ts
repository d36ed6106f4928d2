/** A graph as ONNX Runtime runs it, with any of its tensors given out: what the reference interpreter is checked against. */

import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import { encodeOnnx } from '../../../src/certify-runtime/trusted/onnx/codec.ts';
import type { ElementTypeName, Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';

export interface Asked {
  readonly name: string;
  readonly type: ElementTypeName;
  readonly rank: number;
}

export interface Answered {
  readonly dims: readonly number[];
  readonly data: readonly (number | bigint)[];
}

export interface RunOptions {
  readonly batch: number;
  /** Per sample. */
  readonly imageDims: readonly number[];
  /** With all of ONNX Runtime's rewritings, or operator by operator. */
  readonly optimised: boolean;
}

/** The tensors asked for, in their order. @throws whatever ONNX Runtime throws */
export async function runOnnxRuntime(
  graph: Graph,
  asked: readonly Asked[],
  image: Float32Array,
  { batch, imageDims, optimised }: RunOptions,
): Promise<Answered[]> {
  // Every dimension has a name of its own: none is checked.
  const outputs = asked.map(({ name, type, rank }, i) => {
    return { name, type, dims: Array.from({ length: rank }, (_, axis) => `d${i}_${axis}`) };
  });
  const bytes = encodeOnnx({
    irVersion: 8,
    opset: 18,
    producerName: 'test',
    producerVersion: '0',
    graph: { ...graph, outputs },
    metadata: new Map(),
  });
  const session = await ort.InferenceSession.create(bytes, {
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimised ? 'all' : 'disabled',
  });
  try {
    const results = await session.run({ image: new ort.Tensor('float32', image, [batch, ...imageDims]) });
    return asked.map(({ name }) => {
      const { dims, data } = results[name]!;
      return { dims, data: Array.from(data as ArrayLike<number | bigint>) };
    });
  } finally {
    await session.release();
  }
}
