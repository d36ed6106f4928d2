/** onnxruntime-node on the CPU, for what takes a library as an argument. */
import * as ort from '../../certify-runtime/run/onnx-runtime.ts';
import type { OnnxRuntime } from '../../certify-runtime/run/providers.ts';
import type { Library } from './library.ts';
import { runGraphOn } from './run-graph.ts';

export const NODE: Library = { runtime: ort as unknown as OnnxRuntime, provider: 'cpu' };

export const runWithOnnxRuntime = runGraphOn(NODE);
