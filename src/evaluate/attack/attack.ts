/** The attack on a sealed model: tries to break the radius of every image, and reports the smallest flips found. */

import type { DifferentiableNetwork } from '../../certify-runtime/gradient/network.ts';
import { createRandom } from '../../certify-runtime/smoothing/random.ts';
import { estimatedAscent, exactAscent } from './ascent.ts';
import { searchBoundary } from './boundary.ts';
import { type Claim, ownClaim } from './claim.ts';
import { descend } from './descent.ts';
import type { Judge } from './judge.ts';
import { type Counterexample, type Flip, Ledger } from './ledger.ts';

export interface AttackOptions {
  /** Gradient steps of each start. */
  readonly steps?: number;
  /** Starts for each image and class; half of them keep their pixels on [0, 1]. */
  readonly restarts?: number;
  /** Points tried on lines inside the radius, per image. */
  readonly probes?: number;
  /** Random roundings on the sphere, and the same number around the smallest flip, per image. */
  readonly roundings?: number;
  readonly seed?: number;
  /** The claim to attack, if it is not the program's own. */
  readonly claim?: Claim;
  readonly onProgress?: (done: number, total: number) => void;
}

interface ImageAttack {
  readonly label: number;
  /** The claimed radius. */
  readonly radius: number;
  /** The smallest flip found, and the smallest with all pixels on [0, 1]; null if there was none. */
  readonly flip: Flip | null;
  readonly flipInRange: Flip | null;
  /** Distance of the smallest flip divided by the radius: ≥ 1 if the radius is true; null if either is missing. */
  readonly ratio: number | null;
  /** How many points were tried, and how many of them were within the radius. */
  readonly evaluations: number;
  readonly inside: number;
  readonly counterexample: Counterexample | null;
}

export interface AttackReport {
  readonly images: readonly ImageAttack[];
  /** How many points within a claimed radius the program was run on, and how many in all. */
  readonly attackedPoints: number;
  readonly evaluations: number;
  /** How many images had their claim broken. */
  readonly broken: number;
  readonly smallestRatio: number | null;
  readonly medianRatio: number | null;
  /** Whether gradients came from the exported weights. */
  readonly gradients: 'exact' | 'estimated';
}

const IMAGES_AT_A_TIME = 16;

function summarise(images: readonly ImageAttack[], gradients: AttackReport['gradients']): AttackReport {
  const ratios = images.flatMap(({ ratio }) => ratio ?? []).sort((a, b) => a - b);
  return {
    images,
    attackedPoints: images.reduce((total, { inside }) => total + inside, 0),
    evaluations: images.reduce((total, { evaluations }) => total + evaluations, 0),
    broken: images.filter(({ counterexample }) => counterexample !== null).length,
    smallestRatio: ratios[0] ?? null,
    medianRatio: ratios[Math.floor(ratios.length / 2)] ?? null,
    gradients,
  };
}

/**
 * Attacks every image (float32 pixels, one after the other) of the program that `judge` runs. `network` gives gradients
 * of the exported weights; if it is null, they are estimated.
 */
export async function attack(
  judge: Judge,
  network: DifferentiableNetwork | null,
  pixels: Float32Array,
  options: AttackOptions = {},
): Promise<AttackReport> {
  const { steps = 40, restarts = 2, probes = 256, roundings = 128, seed = 0, claim = ownClaim } = options;
  const size = judge.shape.reduce((product, length) => product * length, 1);
  const total = pixels.length / size;
  const random = createRandom(seed);
  const ascent = network === null ? estimatedAscent(judge, random) : exactAscent(network);
  const results: ImageAttack[] = [];
  for (let begin = 0; begin < total; begin += IMAGES_AT_A_TIME) {
    const batch = pixels.slice(begin * size, Math.min(begin + IMAGES_AT_A_TIME, total) * size);
    const answers = await judge.evaluate(batch);
    const ledgers = Array.from({ length: batch.length / size }, (_, k) => {
      const { label, radius } = claim(answers, k);
      return new Ledger(batch.slice(k * size, (k + 1) * size), label, radius);
    });
    const ends = await descend(ledgers, judge, claim, ascent, { steps, restarts, random });
    for (const ledger of ledgers) {
      await searchBoundary(judge, claim, ledger, ends.get(ledger)!, { probes, roundings, random });
      const { label, radius, flip, flipInRange, evaluations, inside, counterexample } = ledger;
      const ratio = flip === null || radius === 0 ? null : flip.distance / radius;
      results.push({ label, radius, flip, flipInRange, ratio, evaluations, inside, counterexample });
      options.onProgress?.(results.length, total);
    }
  }
  return summarise(results, network === null ? 'estimated' : 'exact');
}
