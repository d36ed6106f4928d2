/** The certifier on onnxruntime-node. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CertifierBase } from './run/certifier.ts';
import type { DecodeOptions } from './run/decode/encoded-image.ts';
import type { PixelImage } from './run/images.ts';
import { checkAnswers, type ModelAnswer } from './run/known-vectors.ts';
import { type LoadOptions, loadModel } from './run/load.ts';
import type { OpinionOf, SecondOpinion } from './run/loaded-model.ts';
import { networkBytes } from './run/network-bytes.ts';
import * as ort from './run/onnx-runtime.ts';
import { FUNCTIONS, type OnnxRuntime, type ProviderTable, providersNamed, type Session } from './run/providers.ts';
import { InputError, ProviderError } from './trusted/errors.ts';
import type { VerifiedModel } from './trusted/verify.ts';

export * from './index.ts';
export type { CertificateSummary, Prediction, SmoothedPrediction, SmoothOptions } from './run/certifier.ts';
export type { LoadOptions } from './run/load.ts';
export type { SecondOpinion } from './run/loaded-model.ts';

const runtime = ort as unknown as OnnxRuntime;

/** A picture as it is stored: PNG, JPEG or WebP. It needs the package sharp. */
export interface EncodedImage extends DecodeOptions {
  readonly encoded: Uint8Array;
}

/** Pixels, the path or URL of an image file, or its bytes. */
export type NodeImage = PixelImage | string | URL | EncodedImage;

/** The providers that onnxruntime-node is asked for; any other name needs `uncertified`. */
export type NodeProvider = keyof typeof PROVIDERS | (string & {});

export interface NodeLoadOptions extends LoadOptions<NodeProvider> {
  /** false leaves out the second opinion: a proven model is then not compared with what can be measured of it. */
  readonly secondOpinion?: boolean;
}

/** It is loaded on demand, because a model that is not proven here needs none of it. */
const opinionOf: OpinionOf = async (...asked) =>
  (await import('./second-opinion/second-opinion.ts')).opinionOf(...asked);

const TF32_SWITCH = 'NVIDIA_TF32_OVERRIDE';

const PROVIDERS = {
  cpu: { certified: true, float64: true },
  cuda: {
    certified: true,
    // cuDNN chooses an algorithm by itself, and onnxruntime-node passes no option on to it. The functions of assumption
    // A7 have only been measured on CPUs and in WebAssembly.
    refusedOperators: ['Conv', 'ConvTranspose', ...FUNCTIONS],
    prepare: () => {
      const value = process.env[TF32_SWITCH];
      if (value !== undefined && value !== '0') {
        throw new ProviderError(`${TF32_SWITCH}=${value} is set; a radius on CUDA needs ${TF32_SWITCH}=0`, { value });
      }
      // This is read when CUDA starts; if CUDA has already started, checkArithmetic tells whether TF32 is on.
      process.env[TF32_SWITCH] = '0';
    },
  },
} satisfies ProviderTable;

/**
 * Predicts label and certified radius with a sealed model.
 *
 * @example
 * ```ts
 * import { Certifier } from 'glean-certify/node';
 *
 * const certifier = await Certifier.load('models/cmnist/model.onnx');
 * const { className, radius } = await certifier.predict('docs/images/digit-red.png');
 * console.log(`${className}: holds within an l2 distance of ${radius.toFixed(2)}`);
 * await certifier.dispose();
 * ```
 */
export class Certifier<R extends number | null = number> extends CertifierBase<R, Exclude<NodeImage, PixelImage>> {
  /**
   * Loads a sealed model from a file or its bytes: it proves what the model claims, checks the provider's arithmetic,
   * runs the known vectors, and compares what was proven with a second opinion. If `publicKey` is given and the source
   * is a file, the signature is that of `options`, or the one in `SOURCE.sig`.
   *
   * @throws InputError if the file cannot be read; SignatureError, OnnxFormatError, UnprovableError, CertificateError,
   *   ContradictionError or ProviderError if it is refused
   */
  static load(
    source: string | URL | Uint8Array,
    options: NodeLoadOptions & { readonly uncertified: true },
  ): Promise<Certifier<null>>;
  static load(source: string | URL | Uint8Array, options?: NodeLoadOptions): Promise<Certifier>;
  static async load(
    source: string | URL | Uint8Array,
    options: NodeLoadOptions = {},
  ): Promise<Certifier<number | null>> {
    const path = source instanceof Uint8Array ? null : source instanceof URL ? fileURLToPath(source) : source;
    const bytes = source instanceof Uint8Array ? source : await readModelFile(path!);
    const signature =
      options.signature ??
      (options.publicKey === undefined || path === null ? undefined : await readSignatureFile(`${path}.sig`));
    const model = await loadModel(
      runtime,
      bytes,
      providersNamed(PROVIDERS, options.providers ?? 'cpu'),
      signature === undefined ? options : { ...options, signature },
      options.secondOpinion === false ? undefined : opinionOf,
    );
    return new Certifier(model);
  }

  protected override async decode(image: Exclude<NodeImage, PixelImage>): Promise<PixelImage> {
    const shape = this.certificate.input.shape as [number, number, number];
    if (typeof image === 'string' || image instanceof URL) {
      const { readImageFile } = await decoder();
      return readImageFile(image instanceof URL ? fileURLToPath(image) : image, shape);
    }
    if (image?.encoded instanceof Uint8Array) {
      const { decodeImage } = await decoder();
      return decodeImage(image.encoded, shape, image);
    }
    return super.decode(image) as PixelImage;
  }
}

async function decoder(): Promise<typeof import('./run/decode/encoded-image.ts')> {
  try {
    return await import('./run/decode/encoded-image.ts');
  } catch (cause) {
    throw new InputError(
      `image files are decoded by the package sharp, which cannot be loaded: ${cause}`,
      {},
      { cause },
    );
  }
}

/**
 * The text of a `.sig` file; undefined if there is none.
 *
 * @internal
 */
export async function readSignatureFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw new InputError(`${path}: cannot be read (${code}); expected a signature`, { path, code }, { cause });
  }
}

/**
 * The bytes of a model file.
 *
 * @internal
 */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new InputError(`${path}: cannot be read (${code}); expected a sealed ONNX model`, { path, code }, { cause });
  }
}

/**
 * Runs the known vectors through the whole file, including its own certificate head, as any other program would.
 *
 * @throws ProviderError if an answer is not what follows from the proof
 * @internal
 */
export async function checkGraph(bytes: Uint8Array, model: VerifiedModel): Promise<void> {
  const images = Float32Array.from(model.images.flatMap((image) => Array.from(image)));
  checkAnswers(await runUnverified(bytes, images, model.certificate.input.shape), model);
}

/**
 * The second opinion of a file that is being sealed.
 *
 * @throws ContradictionError if what is measured is above what was proven
 * @internal
 */
export async function measureSealed(bytes: Uint8Array, model: VerifiedModel): Promise<SecondOpinion> {
  const network = networkBytes(bytes);
  const session = await ort.InferenceSession.create(network, { executionProviders: ['cpu'], logSeverityLevel: 3 });
  try {
    return await opinionOf(model, network, { runtime, session: session as unknown as Session, provider: 'cpu' });
  } finally {
    await session.release();
  }
}

/**
 * Runs a model that is being sealed; nothing about it has been verified yet.
 *
 * @internal
 */
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
