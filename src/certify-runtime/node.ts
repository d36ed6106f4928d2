/** The certifier on onnxruntime-node. */

import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-node';
import { Certifier, type OnnxRuntime } from './certifier.ts';
import { InputError } from './core/errors.ts';
import type { ModelAnswer } from './core/vectors.ts';

const runtime = ort as unknown as OnnxRuntime;

/**
 * Loads a sealed model from a file or its bytes.
 *
 * @throws InputError where the file cannot be read; what Certifier.fromBytes throws otherwise
 */
export async function loadCertifier(source: string | Uint8Array): Promise<Certifier> {
  return Certifier.fromBytes(runtime, typeof source === 'string' ? await readModelFile(source) : source, ['cpu']);
}

/** The bytes of a model file. */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new InputError(`${path}: cannot be read (${code}); expected a sealed ONNX model`, { path, code });
  }
}

/** Runs a model that is being sealed; nothing about it is verified yet. */
export async function runUnverified(
  bytes: Uint8Array,
  images: Float32Array,
  shape: readonly number[],
): Promise<readonly ModelAnswer[]> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['cpu'] });
  try {
    const size = shape.reduce((product, length) => product * length, 1);
    const answers: ModelAnswer[] = [];
    for (let begin = 0; begin < images.length; begin += size) {
      const image = new ort.Tensor('float32', images.slice(begin, begin + size), [1, ...shape]);
      const outputs = await session.run({ image });
      answers.push({
        label: Number((outputs['label']!.data as BigInt64Array)[0]),
        radius: (outputs['radius']!.data as Float32Array)[0]!,
        logits: outputs['logits']!.data as Float32Array,
      });
    }
    return answers;
  } finally {
    await session.release();
  }
}
