/** Class counts of argmax(y + Wη), η ~ N(0, σ²I): drawn in the latent space, in K dimensions, or as one binomial. */

import type { LinearHead } from '../trusted/bounds/bound.ts';
import { sampleBinomial } from './binomial.ts';
import { checkInteger } from './binomial-tail.ts';
import { checkHead, rowDifferences, rowNorms, triangularFactor } from './head.ts';
import { normalCdf } from './normal.ts';
import type { Random } from './random.ts';

/**
 * 'latent' draws η itself, d numbers each time (the reference); 'auto' draws from the same distribution at a lower
 * cost.
 */
export type Sampler = 'auto' | 'latent';

export interface NoisyHead {
  /** y = Wz + b at the latent z in question. */
  readonly logits: ArrayLike<number>;
  readonly head: LinearHead;
  readonly sigma: number;
  readonly random: Random;
  readonly sampler?: Sampler;
}

/**
 * counts_j = number of `draws` with y_j + (Wη)_j above every other logit; a tie counts for no class.
 *
 * K = 2: counts_0 ~ Binomial(draws, Φ((y_0 − y_1)/(σ‖w_0 − w_1‖))). K > 2: the argmax depends on differences only, and
 * (w_j − w_0)ᵀη over j is distributed as σAξ with AAᵀ = DDᵀ, ξ ~ N(0, I) in K − 1 dimensions.
 *
 * @param draws integer in 0 … MAX_DRAWS
 * @throws InputError if it is anything else, the head has fewer than two classes or a length does not fit it
 */
export function sampleCounts(noisy: NoisyHead, draws: number): number[] {
  const { logits, head, sampler = 'auto' } = noisy;
  checkHead(head, logits);
  checkInteger('draws', draws, 0);
  if (sampler === 'latent') return latentCounts(noisy, draws);
  return head.classes === 2 ? binomialCounts(noisy, draws) : reducedCounts(noisy, draws);
}

function binomialCounts({ logits, head, sigma, random }: NoisyHead, draws: number): number[] {
  const lead = logits[0]! - logits[1]!;
  const s = rowNorms(rowDifferences(head, 1), 1, head.latentSize)[0]!;
  if (s === 0 && lead === 0) return [0, 0];
  // It draws the class that is behind, so that a probability near 1 keeps its digits.
  const behind = sampleBinomial(draws, normalCdf(-Math.abs(lead) / (sigma * s)), random);
  return lead > 0 ? [draws - behind, behind] : [behind, draws - behind];
}

function reducedCounts({ logits, head, sigma, random }: NoisyHead, draws: number): number[] {
  const { classes: K, latentSize: d } = head;
  const rows = K - 1;
  const A = triangularFactor(rowDifferences(head, 0).subarray(d), rows, d).map((a) => sigma * a);
  const counts = new Array<number>(K).fill(0);
  const xi = new Float64Array(rows);
  const scores = new Float64Array(K);
  for (let draw = 0; draw < draws; draw++) {
    for (let j = 0; j < rows; j++) {
      xi[j] = random.normal();
      let score = logits[j + 1]! - logits[0]!;
      for (let i = 0; i <= j; i++) score += A[j * rows + i]! * xi[i]!;
      scores[j + 1] = score;
    }
    countWinner(counts, scores);
  }
  return counts;
}

function latentCounts({ logits, head, sigma, random }: NoisyHead, draws: number): number[] {
  const { classes: K, latentSize: d, weights } = head;
  const counts = new Array<number>(K).fill(0);
  const eta = new Float64Array(d);
  const scores = new Float64Array(K);
  for (let draw = 0; draw < draws; draw++) {
    for (let i = 0; i < d; i++) eta[i] = sigma * random.normal();
    for (let j = 0; j < K; j++) {
      let score = logits[j]!;
      for (let i = 0; i < d; i++) score += weights[j * d + i]! * eta[i]!;
      scores[j] = score;
    }
    countWinner(counts, scores);
  }
  return counts;
}

function countWinner(counts: number[], scores: Float64Array): void {
  let best = 0;
  let tied = false;
  for (let j = 1; j < scores.length; j++) {
    if (scores[j]! > scores[best]!) {
      best = j;
      tied = false;
    } else if (scores[j] === scores[best]) {
      tied = true;
    }
  }
  if (!tied) counts[best]!++;
}
