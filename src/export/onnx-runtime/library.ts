/** A build of ONNX Runtime and the provider that is asked of it: Node's or a browser's. Sealing takes it as an argument. */

import type { ModelAnswer } from '../../certify-runtime/run/known-vectors.ts';
import type { SecondOpinion } from '../../certify-runtime/run/loaded-model.ts';
import { networkBytes } from '../../certify-runtime/run/network-bytes.ts';
import type { OnnxRuntime, Session } from '../../certify-runtime/run/providers.ts';
import { opinionOf } from '../../certify-runtime/second-opinion/second-opinion.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import type { VerifiedModel } from '../../certify-runtime/trusted/verify.ts';

export interface Library {
  readonly runtime: OnnxRuntime;
  readonly provider: string;
}

/** Opens a file for `use`, and frees it whatever happens. */
export async function withSession<T>(
  { runtime, provider }: Library,
  bytes: Uint8Array,
  options: Readonly<Record<string, unknown>>,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: [provider], ...options });
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

/** Runs a whole file, head included, on images [n, H, W, C] one by one; nothing about it has been verified yet. */
export function answersOn(library: Library) {
  return (bytes: Uint8Array, images: Float32Array, shape: readonly number[]): Promise<readonly ModelAnswer[]> =>
    withSession(library, bytes, {}, async (session) => {
      const size = shape.reduce((product, length) => product * length, 1);
      const answers: ModelAnswer[] = [];
      for (let begin = 0; begin < images.length; begin += size) {
        const image = new library.runtime.Tensor('float32', images.slice(begin, begin + size), [1, ...shape]);
        const found = await session.run({ [TENSORS.image]: image }, ['label', 'radius', TENSORS.logits]);
        answers.push({
          label: Number((found['label']!.data as BigInt64Array)[0]),
          radius: (found['radius']!.data as Float32Array)[0]!,
          logits: (found[TENSORS.logits]!.data as Float32Array).slice(),
        });
      }
      return answers;
    });
}

/**
 * The second opinion of a sealed file.
 *
 * @throws ContradictionError if what is measured is above what was proven
 */
export function measureOn(library: Library) {
  return (bytes: Uint8Array, model: VerifiedModel): Promise<SecondOpinion> => {
    const network = networkBytes(bytes);
    return withSession(library, network, { logSeverityLevel: 3 }, (session) =>
      opinionOf(model, network, { ...library, session }),
    );
  };
}
