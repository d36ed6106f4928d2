/** CERTIFY on the latent of one image, with the radius brought back to pixels. */

import type { LinearHead } from '../trusted/bounds/bound.ts';
import { certifySmoothed, type SmoothedCertificate, smoothedRadius } from './certify.ts';
import { headLogits } from './head.ts';
import { createRandom } from './random.ts';

interface LatentOptions {
  readonly sigma?: number | undefined;
  readonly n?: number;
  readonly n0?: number;
  readonly alpha?: number;
  readonly seed?: number;
  readonly stream?: number;
  readonly lipschitz: number;
  /** δ(x). */
  readonly latentError: number;
  /** δ′. */
  readonly latentErrorSlope: number;
}

/** A seed that nobody can foresee. */
function freshSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * 2 ** 32 + low!;
}

/** @throws InputError if an option is out of range */
export function smoothLatent(latent: Float32Array, head: LinearHead, options: LatentOptions): SmoothedCertificate {
  const { sigma, seed = freshSeed(), stream, lipschitz, latentError, latentErrorSlope, ...draws } = options;
  const { logits, error } = headLogits(head, latent);
  const answer = certifySmoothed({
    ...draws,
    ...(sigma === undefined ? {} : { sigma }),
    random: createRandom(seed, stream),
    logits,
    logitError: error,
    head,
  });
  return { ...answer, radius: smoothedRadius(answer.radius, lipschitz, latentError, latentErrorSlope) };
}
