/** GLEAN's general form: a sealed encoder Ψ and any head on its latent, sampled through ONNX Runtime. */

import { Certifier } from '../../certify-runtime/node.ts';
import * as ort from '../../certify-runtime/run/onnx-runtime.ts';
import { type SmoothedCertificate, smoothedRadius } from '../../certify-runtime/smoothing/certify.ts';
import type { AffineBound } from '../../certify-runtime/trusted/bounds/bound.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { imageNorms } from '../../certify-runtime/trusted/margin.ts';
import { type CertifyInputsOptions, certifyInputs } from './certify-inputs.ts';
import type { NoisyNetwork } from './noisy-network.ts';

const BATCH = 256;

/** The smallest of the bounds at an image; the factor 1 + 2⁻⁵⁰ covers the rounding of this sum. */
function evaluate(bounds: readonly AffineBound[], l2: number, l1: number): number {
  return Math.min(...bounds.map((bound) => bound.constant + bound.l2 * l2 + bound.l1 * l1)) * (1 + 2 ** -50);
}

export class EncoderWithHead {
  readonly #certifier: Certifier;
  readonly #encoder: ort.InferenceSession;
  readonly #head: NoisyNetwork;

  private constructor(certifier: Certifier, encoder: ort.InferenceSession, head: NoisyNetwork) {
    this.#certifier = certifier;
    this.#encoder = encoder;
    this.#head = head;
  }

  /**
   * @param sealed bytes of a sealed file, which is proven; its own head is not used
   * @param head float32 [N, d] ↦ logits; the caller keeps and disposes of it
   * @throws InputError if the head does not take the encoder's latent; what Certifier.load throws
   */
  static async load(sealed: Uint8Array, head: NoisyNetwork): Promise<EncoderWithHead> {
    const certifier = await Certifier.load(sealed);
    const d = certifier.model.head.latentSize;
    if (head.shape.length !== 1 || head.size !== d) {
      await certifier.dispose();
      throw new InputError(`the head takes [N, ${head.shape.join(', ')}], the model's latent is [N, ${d}]`, {
        found: head.shape,
        expected: [d],
      });
    }
    const encoder = await ort.InferenceSession.create(sealed, { executionProviders: ['cpu'], logSeverityLevel: 3 });
    return new EncoderWithHead(certifier, encoder, head);
  }

  /** H, W, C of an image. */
  get shape(): readonly number[] {
    return this.#certifier.certificate.input.shape;
  }

  /** σ of the noise on z in the encoder's training; null if none was used. */
  get sigma(): number | null {
    return this.#certifier.certificate.sigma;
  }

  /** z = Ψ(x) as the deployed encoder computes it: [n, d]. */
  async #latents(images: Float32Array): Promise<Float32Array> {
    const size = this.#certifier.imageSize;
    const d = this.#head.size;
    const n = images.length / size;
    const latents = new Float32Array(n * d);
    for (let begin = 0; begin < n; begin += BATCH) {
      const end = Math.min(n, begin + BATCH);
      const image = new ort.Tensor('float32', images.subarray(begin * size, end * size), [end - begin, ...this.shape]);
      const outputs = await this.#encoder.run({ [TENSORS.image]: image }, [TENSORS.latent]);
      latents.set(outputs[TENSORS.latent]!.data as Float32Array, begin * d);
    }
    return latents;
  }

  /**
   * The certificate of g∘Ψ, g(z) = argmax_k P(head(z + η) = k), η ~ N(0, σ²I), for each image: g∘Ψ keeps its label for
   * ‖x′ − x‖₂ ≤ radius = (σΦ⁻¹(p̲A) − 2δ(x))/(L + δ′), with probability ≥ 1 − α. L and the float32 errors δ of the
   * encoder are proven (docs/soundness.md); nothing about the head is proven, and nothing needs to be
   * (docs/smoothing.md).
   *
   * @param images float32 pixels on [0, 1], one image after the other
   */
  async certify(images: Float32Array, options: CertifyInputsOptions): Promise<SmoothedCertificate[]> {
    const size = this.#certifier.imageSize;
    const { terms } = this.#certifier.model;
    const { lipschitz, latentError, latentErrorSlope } = terms.constants;
    const answers = await certifyInputs(this.#head, await this.#latents(images), options);
    return answers.map((answer, i) => {
      const { l2, l1 } = imageNorms(images.subarray(i * size, (i + 1) * size));
      const radius = smoothedRadius(answer.radius, lipschitz, evaluate(latentError, l2, l1), latentErrorSlope);
      // Beyond the cap, the bounds of the float32 error do not hold.
      return { ...answer, radius: l2 <= terms.cap ? Math.min(radius, terms.cap) : 0 };
    });
  }

  /** Releases everything but the head. */
  async dispose(): Promise<void> {
    await this.#certifier.dispose();
    await this.#encoder.release();
  }
}
