/**
 * Finds the worst perturbation of one picture that a search can find, and what the model says on the way there and
 * beyond.
 */

import type { DifferentiableNetwork } from '../../certify-runtime/gradient/network.ts';
import { createRandom } from '../../certify-runtime/smoothing/random.ts';
import { SEEDS } from '../../certify-runtime/smoothing/streams.ts';
import { exactAscent } from '../../evaluate/attack/ascent.ts';
import { searchBoundary } from '../../evaluate/attack/boundary.ts';
import { ownClaim } from '../../evaluate/attack/claim.ts';
import { descend } from '../../evaluate/attack/descent.ts';
import { distanceUp } from '../../evaluate/attack/float32.ts';
import type { Judge } from '../../evaluate/attack/judge.ts';
import { Ledger } from '../../evaluate/attack/ledger.ts';
import type { Answer, Track } from './answers.ts';

/** Gives the deployed program's answers for float32 pictures, one after the other, with pixels on [0, 1]. */
export type Answering = (images: Float32Array) => Promise<readonly Answer[]>;

const SEARCH = { steps: 30, restarts: 3, inRange: true } as const;
/** The number of steps of the way, for large pictures fewer, and how far beyond the flip it goes. */
const STEPS = 100;
const FEWEST_STEPS = 10;
const WAY_PIXELS = 2 ** 24;
const BEYOND = 1.3;
/** If no flip was found, the way goes this far in the direction in which the search ended. */
const WITHOUT_FLIP = 4;

function judgeOf(answer: Answering, shape: readonly number[], classes: number, giveWay: () => Promise<void>): Judge {
  return {
    shape,
    classes,
    async evaluate(images) {
      await giveWay();
      const answers = await answer(images);
      const logits = new Float32Array(answers.length * classes);
      answers.forEach((one, i) => {
        logits.set(one.logits, i * classes);
      });
      return { labels: answers.map(({ label }) => label), radii: answers.map(({ radius }) => radius), logits };
    },
  };
}

/** x + (k/steps)·reach·d for k = 0 … steps, with each pixel brought onto [0, 1]. */
function way(image: Float32Array, direction: Float64Array, reach: number): Float32Array {
  const steps = Math.max(FEWEST_STEPS, Math.min(STEPS, Math.floor(WAY_PIXELS / image.length)));
  const pixels = new Float32Array((steps + 1) * image.length);
  for (let k = 0; k <= steps; k++) {
    for (let i = 0; i < image.length; i++) {
      const moved = image[i]! + (k / steps) * reach * direction[i]!;
      pixels[k * image.length + i] = Math.min(Math.max(moved, 0), 1);
    }
  }
  return pixels;
}

/**
 * Takes gradient steps on the exported weights with all pixels kept on [0, 1], so that what is found is a picture, and
 * then follows the straight way through it. Every label comes from the certifier, none from the gradient's arithmetic.
 *
 * @param giveWay awaited before each run of the model, so that other calls get their turn; may throw to end the search
 */
export async function worstPerturbation(
  image: Float32Array,
  network: DifferentiableNetwork,
  shape: readonly number[],
  answer: Answering,
  giveWay: () => Promise<void>,
): Promise<Track> {
  const judge = judgeOf(answer, shape, network.classes, giveWay);
  const [own] = await answer(image);
  const { label, radius } = own!;
  const ledger = new Ledger(image, label, radius);
  const random = createRandom(SEEDS.page.worst);
  const ends = await descend([ledger], judge, ownClaim, exactAscent(network), { ...SEARCH, random });
  await searchBoundary(judge, ownClaim, ledger, ends.get(ledger)!, { probes: 0, roundings: 0, random });

  const { flip } = ledger;
  const delta = flip === null ? ends.get(ledger)![0]! : Float64Array.from(flip.pixels, (value, i) => value - image[i]!);
  const length = Math.hypot(...delta);
  const direction = length > 0 ? delta.map((value) => value / length) : delta;
  const pixels = way(image, direction, flip === null ? WITHOUT_FLIP : BEYOND * length);
  const answers = await answer(pixels);
  const steps = answers.map((one, k) => ({
    ...one,
    distance: distanceUp(pixels.slice(k * image.length, (k + 1) * image.length), image),
  }));
  return { shape, flipDistance: flip?.distance, radius, pixels, steps, evaluations: ledger.evaluations + steps.length };
}
