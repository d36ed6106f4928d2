/** The certifier on onnxruntime-node. */

import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-node';
import { Certifier, type OnnxRuntime } from './certifier.ts';
import { InputError } from './core/errors.ts';
import type { SignatureOptions } from './core/signature.ts';
import type { ModelAnswer } from './core/vectors.ts';

const runtime = ort as unknown as OnnxRuntime;

/**
 * Loads a sealed model from a file or its bytes. Where a public key is given and the source is a file, the signature is
 * that of `options`, or the one in `SOURCE.sig`.
 *
 * @throws InputError where the file cannot be read; what Certifier.fromBytes throws otherwise
 */
export async function loadCertifier(source: string | Uint8Array, options: SignatureOptions = {}): Promise<Certifier> {
  if (typeof source !== 'string') return Certifier.fromBytes(runtime, source, ['cpu'], options);
  const bytes = await readModelFile(source);
  const given =
    options.signature ?? (options.publicKey === undefined ? undefined : await readSignatureFile(`${source}.sig`));
  return Certifier.fromBytes(runtime, bytes, ['cpu'], given === undefined ? options : { ...options, signature: given });
}

/** The text of a `.sig` file; undefined where there is none. */
export async function readSignatureFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw new InputError(`${path}: cannot be read (${code}); expected a signature`, { path, code });
  }
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
