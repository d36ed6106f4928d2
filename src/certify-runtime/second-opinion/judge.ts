/**
 * Compares what was measured about a network with what is claimed about it. A contradiction is a fault of the proof.
 */

import type { AffineBound, LinearHead } from '../trusted/bounds/bound.ts';
import type { Precision } from '../trusted/bounds/precision.ts';
import { ContradictionError } from '../trusted/errors.ts';
import type { MarginConstants } from '../trusted/margin.ts';
import { norm } from './images.ts';
import type { Answers } from './program.ts';

export type Claims = Pick<MarginConstants, 'lipschitz' | 'latentError' | 'logitError' | 'maxImageNorm'>;

/** An image with the provider's answer. */
export interface Observed {
  readonly image: Float32Array;
  readonly latent: Float32Array;
  /** δ(x), what is claimed about its error at this image. */
  readonly error: number;
}

/** Allows for the rounding of the arithmetic here: far above float64's noise, far below what is looked for. */
const OWN_ROUNDING = 1e-9;

/**
 * The error of a latent computed in float64 has the bound of the float32 one with 2⁻⁵³ in place of 2⁻²⁴, and a little
 * more for another order of operations. If the network itself is float64, what is claimed is little more than the one
 * rounding to float32, 2⁻²⁴‖ẑ‖: a greater share of it then covers as long dot products.
 */
const FLOAT64_SHARE = { float32: 2 ** -28, float64: 2 ** -12 } as const;

const HINT = 'the proof is at fault, or the provider: please report the file, see SECURITY.md';

/** Four digits are enough to see which one is larger, unless the two are closer than that. */
function shown(measured: number, claimed: number): string {
  const [a, b] = [measured.toPrecision(4), claimed.toPrecision(4)];
  return a === b ? `${measured} is measured, at most ${claimed}` : `${a} is measured, at most ${b}`;
}

/** ‖a − b‖₂. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) * (a[i]! - b[i]!);
  return Math.sqrt(squares);
}

export class Judge {
  readonly #claims: Claims;
  readonly #head: LinearHead;
  readonly #share: number;
  /** The largest lower bounds so far: of L, and of the float32 errors as shares of what is claimed. */
  lipschitz = 0;
  float32 = 0;
  images = 0;
  /** The first float32 error that is too large. It is held back, because a false L causes such errors and says more. */
  #error: ContradictionError | null = null;

  constructor(claims: Claims, head: LinearHead, precision: Precision) {
    this.#claims = claims;
    this.#head = head;
    this.#share = FLOAT64_SHARE[precision];
  }

  /** What is claimed about the errors at an image; infinite if its norm is beyond the claims. */
  #claimed(image: ArrayLike<number>): { readonly latent: number; readonly logits: number } {
    let squares = 0;
    let l1 = 0;
    for (let i = 0; i < image.length; i++) {
      squares += image[i]! * image[i]!;
      l1 += Math.abs(image[i]!);
    }
    const l2 = Math.sqrt(squares);
    const { latentError, logitError, maxImageNorm } = this.#claims;
    if (!(l2 <= maxImageNorm)) return { latent: Number.POSITIVE_INFINITY, logits: Number.POSITIVE_INFINITY };
    const at = (bound: AffineBound) => bound.constant + bound.l2 * l2 + bound.l1 * l1;
    return { latent: Math.min(...latentError.map(at)), logits: at(logitError) };
  }

  #contradiction(what: string, measured: number, claimed: number): ContradictionError {
    return new ContradictionError(`second opinion: ${what} ${shown(measured, claimed)} is claimed; ${HINT}`, {
      measured,
      claimed,
    });
  }

  #hold(what: string, measured: number, claimed: number, allowance: number): void {
    if (!Number.isFinite(claimed)) return;
    if (measured > claimed * (1 + OWN_ROUNDING) + allowance) {
      this.#error ??= this.#contradiction(what, measured, claimed);
    }
    if (measured > 0) this.float32 = Math.max(this.float32, measured / claimed);
  }

  /** Checks the dimensions of a tensor for n images against what the proof takes for its shape. */
  shape(tensor: string, dims: readonly number[], [rows = 1, ...rest]: readonly number[], n: number): void {
    const claimed = [n * rows, ...rest];
    if (`${dims}` === `${claimed}`) return;
    throw new ContradictionError(
      `second opinion: tensor "${tensor}" is [${dims}] for ${n} images, the proof takes it for [${claimed}]; ${HINT}`,
      { tensor, measured: dims, claimed },
    );
  }

  /**
   * Checks the provider's answers for images: they must be finite, and the logits must be what follows from the latent,
   * up to the claimed error.
   */
  observe(images: readonly Float32Array[], { latent, logits }: Answers): readonly Observed[] {
    const { latentSize, classes } = this.#head;
    this.images += images.length;
    return images.map((image, i) => {
      const claimed = this.#claimed(image);
      const own = { image, latent: latent.slice(i * latentSize, (i + 1) * latentSize), error: claimed.latent };
      const y = logits.subarray(i * classes, (i + 1) * classes);
      if (!Number.isFinite(own.error)) return own;
      const infinite = (value: number) => !Number.isFinite(value);
      const odd = own.latent.find(infinite) ?? y.find(infinite);
      if (odd !== undefined) {
        throw new ContradictionError(
          `second opinion: the network answers ${odd} for an image of norm ${norm(image)}, but up to ${this.#claims.maxImageNorm} nothing overflows, as is claimed; ${HINT}`,
          { measured: odd, norm: norm(image), claimed: this.#claims.maxImageNorm },
        );
      }
      this.#logits(own.latent, y, claimed.logits);
      return own;
    });
  }

  /** Checks |ŷ_j − (Wẑ + b)_j| for every j. */
  #logits(latent: Float32Array, y: Float32Array, claimed: number): void {
    const { latentSize, classes, weights, bias, precision } = this.#head;
    // A float64 head may be given the latent as it was before it was rounded, if a provider drops the casts between.
    const share = (latentSize + 2) * 2 ** -52 + (precision === 'float64' ? 2 ** -24 : 0);
    for (let j = 0; j < classes; j++) {
      let sum = bias[j]!;
      let magnitude = Math.abs(sum);
      for (let k = 0; k < latentSize; k++) {
        const term = weights[j * latentSize + k]! * latent[k]!;
        sum += term;
        magnitude += Math.abs(term);
      }
      this.#hold('a float32 error of the logits of', Math.abs(y[j]! - sum), claimed, magnitude * share);
    }
  }

  /** Checks ‖ẑ(x) − z(x)‖ for a latent z computed in float64. */
  latent({ latent, error }: Observed, exact: Float64Array): void {
    if (!exact.every(Number.isFinite)) return;
    this.#hold('a float32 error of the latent of', distance(latent, exact), error, error * this.#share);
  }

  /** Checks two answers for one image, from different batches, against each other. */
  again(a: Observed, b: Observed): void {
    const between = 'a difference between two runs of an image of';
    if (a.error + b.error < Number.POSITIVE_INFINITY)
      this.#hold(between, distance(a.latent, b.latent), a.error + b.error, 0);
  }

  /** Checks that (‖Δz‖ − doubt)/‖Δx‖ is at most L. Gives ‖Δz‖/‖Δx‖, or 0 if it is not a number. */
  #quotient(stretched: number, moved: number, doubt: number): number {
    const least = (stretched * (1 - OWN_ROUNDING) - doubt) / moved;
    if (!(moved > 0 && Number.isFinite(least))) return 0;
    const { lipschitz } = this.#claims;
    if (least > lipschitz) throw this.#contradiction('a Lipschitz constant of', least, lipschitz);
    this.lipschitz = Math.max(this.lipschitz, least);
    return stretched / moved;
  }

  /** A difference quotient of the provider's answers, with all of their claimed errors subtracted. */
  secant(a: Observed, b: Observed): number {
    return this.#quotient(distance(a.latent, b.latent), distance(a.image, b.image), a.error + b.error);
  }

  /** A difference quotient of latents z computed in float64, at images x. */
  exactSecant(x: readonly [Float64Array, Float64Array], z: readonly [Float64Array, Float64Array]): number {
    const error = this.#claimed(x[0]).latent + this.#claimed(x[1]).latent;
    return this.#quotient(distance(...z), distance(...x), error * this.#share);
  }

  /** @throws ContradictionError if an error was too large */
  conclude(): void {
    if (this.#error !== null) throw this.#error;
  }
}
