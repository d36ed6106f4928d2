/** The certifier: gives a loaded model's answers with their radius. Node and browser share this file. */

import type { SmoothedCertificate } from '../smoothing/certify.ts';
import type { EncoderBound } from '../trusted/bounds/bound.ts';
import { InputError, ProviderError } from '../trusted/errors.ts';
import type { CertifiedModel } from '../trusted/file/certified-model.ts';
import type { Certificate } from '../trusted/file/claims.ts';
import { TENSORS } from '../trusted/file/names.ts';
import { largestLogit, marginRadius, smallestBound } from '../trusted/margin.ts';
import { isPixelImage, isPixels, type PixelImage, type Pixels, pixelsOf } from './images.ts';
import type { LoadedModel, SecondOpinion } from './loaded-model.ts';
import { type Workspace, WorkspacePool } from './workspace.ts';

/** What a margin certificate is based on. */
export interface CertificateSummary {
  readonly method: 'margin';
  readonly norm: 'l2';
  /** L, the upper bound that the radius was computed with. */
  readonly lipschitz: number;
  /** The execution provider that ran. */
  readonly provider: string;
}

/** R is null if the caller asked for a provider that nothing is proven about. */
export interface Prediction<R extends number | null = number> {
  /** Index into the certificate's classes. */
  readonly label: number;
  readonly className: string;
  /** No float32 image within this ℓ2 distance, in pixels on [0, 1], gets another label. */
  readonly radius: R;
  /** y, one for each class. */
  readonly logits: Float32Array;
  readonly certificate: CertificateSummary;
}

/** CERTIFY's answer for the smoothed head, the radius in pixels. */
export interface SmoothedPrediction extends SmoothedCertificate {
  /** In pixels on [0, 1], float32 error subtracted, rounded down; 0 if CERTIFY abstained. */
  readonly radius: number;
  /** undefined if CERTIFY abstained. */
  readonly className: string | undefined;
}

export interface SmoothOptions {
  /** σ of the noise on z; the model's own by default, 0.12 if the file names none. */
  readonly sigma?: number;
  /** Draws that bound pA (100 000). */
  readonly n?: number;
  /** Draws that select the class (100). */
  readonly n0?: number;
  /** The probability that the answer is wrong is at most this (0.001). */
  readonly alpha?: number;
  /** Seed of the draws; by default one that nobody can foresee. */
  readonly seed?: number;
  /** Which of a seed's independent streams is drawn from (0 by default): for example, one for each image. */
  readonly stream?: number;
}

/** `Other` is what an environment accepts as an image besides pixels. */
export class CertifierBase<R extends number | null = number, Other = never> {
  readonly #model: LoadedModel;
  readonly #summary: CertificateSummary;
  readonly #size: number;
  readonly #pool: WorkspacePool;
  #calls = 0;
  #disposed: Promise<void> | null = null;
  #idle: (() => void) | null = null;

  /** @internal */
  constructor(model: LoadedModel) {
    this.#model = model;
    this.#size = model.certificate.input.shape.reduce((product, size) => product * size, 1);
    this.#pool = new WorkspacePool(this.#size);
    this.#summary = Object.freeze({
      method: 'margin',
      norm: 'l2',
      lipschitz: model.certificate.lipschitz.upper,
      provider: model.provider,
    });
  }

  /** What the file claims; see docs/soundness.md. */
  get certificate(): Certificate {
    return this.#model.certificate;
  }

  /** The execution provider that runs. */
  get provider(): string {
    return this.#model.provider;
  }

  /** SHA-256 of the file, hexadecimal. */
  get sha256(): string {
    return this.#model.sha256;
  }

  /** Pixels of one image: H·W·C. */
  get imageSize(): number {
    return this.#size;
  }

  /**
   * What the file claims, the head's weights, what the proof found (null if a signature stood for it), and what the
   * second opinion measured (null if there was none).
   */
  get model(): CertifiedModel & { readonly proven: EncoderBound | null; readonly opinion: SecondOpinion | null } {
    return this.#model;
  }

  /**
   * Label, radius and logits of one image. Calls may overlap.
   *
   * @throws InputError if the image is not of the model's shape, or a pixel is not on [0, 1]
   */
  async predict(image: PixelImage | Other): Promise<Prediction<R>> {
    const pixels = isPixelImage(image) ? image : await this.decode(image);
    return this.#with(1, async (workspace) => {
      workspace.put(0, pixelsOf(pixels, this.certificate.input.shape, this.#size));
      const logits = await this.#run(workspace, 1, TENSORS.logits);
      return this.#prediction(workspace, 0, logits);
    });
  }

  /**
   * Label, radius and logits of many images: a list of them, or one array with their pixels one after the other.
   *
   * @throws InputError as predict does; then nothing is predicted
   */
  async predictBatch(images: Pixels | readonly (PixelImage | Other)[]): Promise<readonly Prediction<R>[]> {
    const { shape } = this.certificate.input;
    const joined = isPixels(images);
    const n = joined ? images.length / this.#size : images.length;
    if (!Number.isInteger(n) || n === 0) {
      throw new InputError(
        `expected one or more images of ${shape.join('×')} = ${this.#size} pixels, got ${images.length}${joined ? ' pixels' : ''}`,
        { found: images.length, expected: this.#size },
      );
    }
    let list: readonly PixelImage[] = [];
    if (!joined) {
      const ready = images.every((image): image is PixelImage => isPixelImage(image));
      list = ready
        ? images
        : await Promise.all(images.map((image) => (isPixelImage(image) ? image : this.decode(image))));
    }
    return this.#with(n, async (workspace) => {
      if (joined) workspace.put(0, images);
      for (const [i, image] of list.entries()) workspace.put(i, pixelsOf(image, shape, this.#size));
      const logits = await this.#run(workspace, n, TENSORS.logits);
      const predictions = new Array<Prediction<R>>(n);
      for (let i = 0; i < n; i++) predictions[i] = this.#prediction(workspace, i, logits);
      return predictions;
    });
  }

  /**
   * The paper's protocol for one image: CERTIFY on its latent. Its answer is about the smoothed head, not about
   * predict's label, and holds with probability 1 − alpha over the draws; see docs/smoothing.md.
   *
   * @throws InputError if the image or an option is out of range
   */
  async smooth(image: PixelImage | Other, options: SmoothOptions = {}): Promise<SmoothedPrediction> {
    const { head, terms, certificate, certified } = this.#model;
    if (!certified) throw new InputError('an uncertified provider gives no radius, smoothed or not');
    const pixels = isPixelImage(image) ? image : await this.decode(image);
    const { latent, l2, l1 } = await this.#with(1, async (workspace) => {
      workspace.put(0, pixelsOf(pixels, certificate.input.shape, this.#size));
      const latent = await this.#run(workspace, 1, TENSORS.latent);
      return { latent, l2: workspace.l2(0), l1: workspace.l1(0) };
    });
    const { smoothLatent } = await import('../smoothing/smooth-latent.ts');
    const answer = smoothLatent(latent, head, {
      ...options,
      sigma: options.sigma ?? certificate.sigma ?? undefined,
      lipschitz: terms.constants.lipschitz,
      latentError: smallestBound(terms.constants.latentError, l2, l1),
      latentErrorSlope: terms.constants.latentErrorSlope,
    });
    // As for the margin certificate, the bounds of the float32 error do not hold beyond the cap.
    const radius = l2 <= terms.cap ? Math.min(answer.radius, terms.cap) : 0;
    return { ...answer, radius, className: certificate.classes[answer.label] };
  }

  /** Waits for the calls under way, then frees the session. Later calls throw an InputError. */
  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      if (this.#calls > 0) {
        await new Promise<void>((resolve) => {
          this.#idle = resolve;
        });
      }
      await this.#model.session.release();
    })();
    return this.#disposed;
  }

  /** The pixels of an image that is none of PixelImage's forms. */
  protected decode(image: Other): PixelImage | Promise<PixelImage> {
    throw new InputError(
      `expected an image as pixels (Uint8Array, Float32Array, or { data, shape }), got ${Object.prototype.toString.call(image)}`,
    );
  }

  /** Runs `use` with a workspace of n images and counts the call as under way until it ends. */
  async #with<T>(n: number, use: (workspace: Workspace) => Promise<T>): Promise<T> {
    if (this.#disposed !== null) throw new InputError('the certifier has been disposed of');
    this.#calls++;
    let workspace: Workspace | null = null;
    try {
      workspace = this.#pool.take(n);
      while (workspace === null) {
        await this.#pool.wait();
        workspace = this.#pool.take(n);
      }
      return await use(workspace);
    } finally {
      this.#pool.give(workspace);
      this.#calls--;
      if (this.#calls === 0) this.#idle?.();
    }
  }

  async #run(workspace: Workspace, n: number, output: string): Promise<Float32Array> {
    const { runtime, session, certificate } = this.#model;
    workspace.measure(n);
    const image = new runtime.Tensor('float32', workspace.pixels(n), [n, ...certificate.input.shape]);
    try {
      const outputs = await session.run({ [TENSORS.image]: image }, [output]);
      return outputs[output]!.data as Float32Array;
    } catch (error) {
      throw new ProviderError(
        `the provider failed on ${n} images: ${error instanceof Error ? error.message : error}`,
        { images: n },
        { cause: error },
      );
    }
  }

  #prediction(workspace: Workspace, i: number, logits: Float32Array): Prediction<R> {
    const { terms, certificate, certified } = this.#model;
    const { classes } = terms;
    const label = largestLogit(logits, i * classes, classes);
    const radius = certified ? marginRadius(logits, i * classes, label, workspace.l2(i), workspace.l1(i), terms) : null;
    return {
      label,
      className: certificate.classes[label]!,
      radius: radius as R,
      logits: logits.subarray(i * classes, (i + 1) * classes),
      certificate: this.#summary,
    };
  }
}
