/** Loading: from a sealed file's bytes to a model that is proven or signed, on a provider that has been checked. */

import type { SignatureOptions } from '../signature/signature.ts';
import { readSigned } from '../signature/signed.ts';
import type { EncoderBound } from '../trusted/bounds/bound.ts';
import { InputError, ProviderError } from '../trusted/errors.ts';
import type { CertifiedModel } from '../trusted/file/certified-model.ts';
import { sha256 } from '../trusted/file/digest.ts';
import { CertifierBase, type Prediction } from './certifier.ts';
import { checkAnswers } from './known-vectors.ts';
import type { LoadedModel, OpinionOf } from './loaded-model.ts';
import { networkBytes } from './network-bytes.ts';
import { type OnnxRuntime, openProvider, type Provider } from './providers.ts';

export interface LoadOptions<P extends string = string> extends SignatureOptions {
  /** The execution provider, or a list of which the first one that works is taken. */
  readonly providers?: P | readonly P[];
  /**
   * 'always' proves every claim from the bytes. 'unless-signed' skips the proof if a valid signature by `publicKey`
   * vouches for the file; it needs `publicKey`.
   */
  readonly proof?: 'always' | 'unless-signed';
  /**
   * Threads of one run; ONNX Runtime's own choice by default. In a browser, onnxruntime-web's `env.wasm.numThreads`
   * decides, which is set to 1 if nobody has set it.
   */
  readonly threads?: number;
  /**
   * Accepts a provider that nothing is proven about (such as WebGPU); predictions then have no radius, and neither its
   * arithmetic nor the known vectors are checked.
   */
  readonly uncertified?: boolean;
}

/**
 * Checks the signature if one is given or required, reads and proves the file, loads its network, and runs its known
 * vectors on the first provider that works. What was proven is then compared with what `opinionOf` measures.
 *
 * @throws SignatureError if the signature is absent or wrong, OnnxFormatError, UnprovableError or CertificateError if
 *   the file does not hold what it claims, ContradictionError if a proven claim is measured to be false, ProviderError
 *   if no provider can load it or one does not compute what was certified
 */
export async function loadModel(
  runtime: OnnxRuntime,
  bytes: Uint8Array,
  providers: readonly Provider[],
  options: LoadOptions,
  opinionOf?: OpinionOf,
): Promise<LoadedModel> {
  // A copy, so that what is signed, what is proven and what is run are the same bytes, whatever the caller does with
  // its own.
  const own = new Uint8Array(bytes);
  const { publicKey, signature, requireSignature, proof = 'always', uncertified = false, threads } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new InputError(`threads must be an integer of at least 1, got ${threads}`, { threads });
  }
  if (proof === 'unless-signed' && publicKey === undefined) {
    throw new InputError("proof 'unless-signed' needs the publicKey that must have signed the file");
  }
  if (publicKey !== undefined || signature !== undefined || requireSignature === true) {
    const { checkSignature } = await import('../signature/signature.ts');
    await checkSignature(own, options);
  }
  const signed = publicKey !== undefined && signature !== undefined;
  const read: CertifiedModel & { readonly proven: EncoderBound | null } =
    proof === 'unless-signed' && signed
      ? { ...readSigned(own), proven: null }
      : await (await import('../trusted/verify.ts')).verifyModel(own);
  const network = networkBytes(own);
  const digest = await sha256(own);
  const refused: ProviderError[] = [];
  for (const provider of providers) {
    try {
      const session = await openProvider(runtime, network, provider, {
        uncertified,
        operators: read.operators,
        precision: read.precision,
        threads,
      });
      const model = {
        ...read,
        sha256: digest,
        session,
        runtime,
        provider: provider.name,
        certified: !uncertified,
      };
      try {
        if (!uncertified) await runVectors({ ...model, opinion: null });
        const { proven } = model;
        const measured = !uncertified && proven !== null && opinionOf !== undefined;
        const program = { runtime, session, provider: provider.name };
        return { ...model, opinion: measured ? await opinionOf({ ...model, proven }, network, program) : null };
      } catch (error) {
        await session.release();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      refused.push(error);
    }
  }
  if (refused.length === 1) throw refused[0]!;
  throw new ProviderError(`no provider of the list works: ${refused.map(({ message }) => message).join('; ')}`, {
    providers: providers.map(({ name }) => name),
  });
}

/** How many known vectors are run together as well, the first ones: a file may have many, and large tensors. */
const TOGETHER = 8;

async function runVectors(model: LoadedModel): Promise<void> {
  const { images } = model;
  const certifier = new CertifierBase(model);
  try {
    const answers: Prediction[] = [];
    // One by one, as most callers do, and together: providers choose their kernels by the size of the batch.
    for (const image of images) answers.push(await certifier.predict(image));
    checkAnswers(answers, model);
    answers.splice(0, TOGETHER, ...(await certifier.predictBatch(images.slice(0, TOGETHER))));
    checkAnswers(answers, model);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError(
      `the provider cannot run the model: ${error instanceof Error ? error.message : error}`,
      {},
      { cause: error },
    );
  }
}
