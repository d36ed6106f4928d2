/** The certifier: a sealed model, verified and loaded into an ONNX Runtime session. Node and browser share this file. */

import type { Certificate } from './core/certificate.ts';
import { GleanError, InputError, ProviderError } from './core/errors.ts';
import { TENSORS } from './core/head-graph.ts';
import { imageNorms } from './core/margin.ts';
import type { AffineBound } from './core/proof/bound.ts';
import { checkSignature, type SignatureOptions } from './core/signature.ts';
import {
  certifySmoothed,
  type SmoothedCertificate,
  type SmoothingOptions,
  smoothedRadius,
} from './core/smoothing/certify.ts';
import { headLogits } from './core/smoothing/head.ts';
import { checkAnswers, vectorPixels } from './core/vectors.ts';
import { type VerifiedModel, verifyModel } from './core/verify.ts';

/** The part of ONNX Runtime's JavaScript API used here; onnxruntime-node and onnxruntime-web both have it. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options?: { readonly executionProviders?: readonly string[] }): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
}

interface OnnxSession {
  run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: unknown }>>;
  release(): Promise<void>;
}

export interface Prediction {
  /** Index into the certificate's classes. */
  readonly label: number;
  readonly className: string;
  /** No float32 image within this ℓ2 distance, in pixels on [0, 1], gets another label. */
  readonly radius: number;
  readonly logits: Float32Array;
  readonly latent: Float32Array;
}

/** CERTIFY's answer for the smoothed head, the radius in pixels. */
export interface SmoothedPrediction extends SmoothedCertificate {
  readonly className: string | undefined;
}

export type SmoothOptions = Omit<SmoothingOptions, 'logits' | 'head' | 'logitError'>;

function evaluate(bounds: readonly AffineBound[], norms: { readonly l2: number; readonly l1: number }): number {
  // One part in 2⁵⁰ covers the roundings of this sum.
  return Math.min(...bounds.map(({ constant, l2, l1 }) => constant + l2 * norms.l2 + l1 * norms.l1)) * (1 + 2 ** -50);
}

async function createSession(
  runtime: OnnxRuntime,
  bytes: Uint8Array,
  providers: readonly string[],
): Promise<OnnxSession> {
  try {
    return await runtime.InferenceSession.create(bytes, { executionProviders: providers });
  } catch (cause) {
    throw new ProviderError(`the provider cannot load the model: ${cause instanceof Error ? cause.message : cause}`, {
      providers,
    });
  }
}

export class Certifier {
  readonly #runtime: OnnxRuntime;
  readonly #session: OnnxSession;
  readonly model: VerifiedModel;

  private constructor(runtime: OnnxRuntime, session: OnnxSession, model: VerifiedModel) {
    this.#runtime = runtime;
    this.#session = session;
    this.model = model;
  }

  /**
   * Checks the signature where one is given or demanded, verifies the file, loads it, and runs its known vectors.
   *
   * @throws SignatureError where the signature is absent or wrong,
   *   OnnxFormatError, UnprovableError or CertificateError where the file does not hold what it claims,
   *   ProviderError where the provider cannot load it or does not compute what was certified
   */
  static async fromBytes(
    runtime: OnnxRuntime,
    bytes: Uint8Array,
    providers: readonly string[],
    options: SignatureOptions = {},
  ): Promise<Certifier> {
    // A copy, so that what is signed, what is proven and what is run are the same bytes, whatever the caller does next.
    const own = new Uint8Array(bytes);
    await checkSignature(own, options);
    const model = await verifyModel(own);
    const session = await createSession(runtime, own, providers);
    const certifier = new Certifier(runtime, session, model);
    try {
      const { certificate, terms, head } = model;
      const answers: Prediction[] = [];
      for (const vector of certificate.vectors) {
        answers.push(...(await certifier.predictBatch(vectorPixels(vector, certificate.input.shape))));
      }
      checkAnswers(answers, certificate, terms, head);
      return certifier;
    } catch (error) {
      await session.release();
      throw error instanceof GleanError ? error : new ProviderError(`the provider cannot run the model: ${error}`);
    }
  }

  get certificate(): Certificate {
    return this.model.certificate;
  }

  /** Pixels of one image: H·W·C. */
  get imageSize(): number {
    return this.certificate.input.shape.reduce((product, size) => product * size, 1);
  }

  /**
   * Label, radius, logits and latent of n images, their pixels on [0, 1] one after the other.
   *
   * @throws InputError where the number of pixels is not a multiple of H·W·C, or a pixel is not on [0, 1]
   */
  async predictBatch(pixels: Float32Array): Promise<readonly Prediction[]> {
    const { shape } = this.certificate.input;
    const size = this.imageSize;
    const n = pixels.length / size;
    if (!Number.isInteger(n) || n === 0) {
      throw new InputError(`expected a multiple of ${shape.join('×')} = ${size} pixels, got ${pixels.length}`, {
        found: pixels.length,
        expected: size,
      });
    }
    const bad = pixels.findIndex((value) => !(value >= 0 && value <= 1));
    if (bad >= 0) {
      throw new InputError(
        `pixel ${bad % size} of image ${Math.floor(bad / size)} is ${pixels[bad]}, expected a number on [0, 1]`,
        {
          index: bad,
          value: pixels[bad],
        },
      );
    }
    const outputs = await this.#session.run({
      [TENSORS.image]: new this.#runtime.Tensor('float32', pixels, [n, ...shape]),
    });
    const labels = outputs[TENSORS.label]?.data as BigInt64Array;
    const radii = outputs[TENSORS.radius]?.data as Float32Array;
    const logits = outputs[TENSORS.logits]?.data as Float32Array;
    const latents = outputs[TENSORS.latent]?.data as Float32Array;
    const { classes, latentSize } = this.model.head;
    return Array.from({ length: n }, (_, i) => ({
      label: Number(labels[i]),
      className: this.certificate.classes[Number(labels[i])]!,
      radius: radii[i]!,
      logits: logits.slice(i * classes, (i + 1) * classes),
      latent: latents.slice(i * latentSize, (i + 1) * latentSize),
    }));
  }

  /**
   * The paper's protocol for one predicted image: CERTIFY on its latent. It speaks of the smoothed head, not of the
   * label above, and holds with probability 1 − alpha over the draws.
   */
  smooth(pixels: Float32Array, prediction: Pick<Prediction, 'latent'>, options: SmoothOptions): SmoothedPrediction {
    const { head, terms, certificate } = this.model;
    const { logits, error } = headLogits(head, prediction.latent);
    const sigma = options.sigma ?? certificate.sigma;
    const answer = certifySmoothed({
      ...options,
      ...(sigma === null ? {} : { sigma }),
      logits,
      logitError: error,
      head,
    });
    const norms = imageNorms(pixels);
    const { lipschitz, latentError, latentErrorSlope } = terms.constants;
    const latentErrorHere = evaluate(latentError, norms);
    // As for the margin certificate: beyond the cap, the bounds of the float32 error do not hold.
    const radius =
      norms.l2 <= terms.cap ? smoothedRadius(answer.radius, lipschitz, latentErrorHere, latentErrorSlope) : 0;
    return { ...answer, radius: Math.min(radius, terms.cap), className: certificate.classes[answer.label] };
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}
