/**
 * CERTIFY (Cohen et al. 2019) on a network's own input, for many inputs at once: they share draws, but each has its own
 * certificate.
 */

import {
  certificateOfCount,
  checkSettings,
  type SmoothedCertificate,
} from '../../certify-runtime/smoothing/certify.ts';
import { createRandom } from '../../certify-runtime/smoothing/random.ts';
import { SAMPLING_STREAMS } from '../../certify-runtime/smoothing/streams.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { NoisyNetwork } from './noisy-network.ts';

export interface CertifyInputsOptions {
  readonly sigma: number;
  /** Draws that bound pA. */
  readonly n: number;
  /** Draws that select the class. */
  readonly n0: number;
  readonly alpha: number;
  readonly seed: number;
  /**
   * The right labels. An input whose selected class is another one is not sampled further: it is wrong whatever
   * follows, and counts as 0 in certified accuracy and radius. Its answer has count 0.
   */
  readonly labels?: ArrayLike<number>;
  /** Hears how many of the draws of all inputs are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Draws per random stream: a fixed number, so that the draws are the same however many fit into one run. */
const BLOCK = 1000;

/**
 * The certificate of g(x) = argmax_k P(f(x + η) = k), η ~ N(0, σ²I), for each input: g keeps its label within `radius`.
 *
 * Every input is given the same draws: noise, and what is affine in it, is computed once for all of them. Each
 * certificate holds with probability ≥ 1 − α, as it would with draws of its own, because the draws it sees are
 * independent N(0, σ²I). What changes is that errors of different inputs are no longer independent of each other,
 * though there are no more of them on average.
 *
 * Draws come in blocks of 1000 from streams of the seed, with stream 0 for the selection, so an input's answer does not
 * depend on the other inputs.
 *
 * Source: Cohen, Rosenfeld & Kolter, Certified adversarial robustness via randomized smoothing, ICML 2019, algorithm 1.
 *
 * @param inputs one after the other, each of network.size values
 * @throws InputError if a setting is out of range, or the inputs are of another size
 */
export async function certifyInputs(
  network: NoisyNetwork,
  inputs: Float32Array,
  options: CertifyInputsOptions,
): Promise<SmoothedCertificate[]> {
  const { sigma, n, n0, seed, labels, onProgress } = options;
  checkSettings(options);
  const size = inputs.length / network.size;
  if (!Number.isInteger(size)) {
    throw new InputError(
      `expected inputs of ${network.shape.join('×')} = ${network.size} values, got ${inputs.length}`,
    );
  }
  const parts = await network.part(inputs, 'input');
  const all = Array.from({ length: size }, (_, i) => i);
  const selection = await countDraws(all, SAMPLING_STREAMS.selection, n0);
  const selected = selection.map((counts) => counts.indexOf(Math.max(...counts)));
  const wanted = all.filter((i) => labels === undefined || selected[i] === labels[i]);
  const counts = all.map(() => 0);
  for (let begin = 0, stream: number = SAMPLING_STREAMS.count; begin < n; begin += BLOCK, stream++) {
    const block = await countDraws(wanted, stream, Math.min(BLOCK, n - begin));
    block.forEach((found, at) => {
      const i = wanted[at]!;
      counts[i]! += found[selected[i]!] ?? 0;
    });
    onProgress?.(Math.min(n, begin + BLOCK) * wanted.length, n * wanted.length);
  }
  return all.map((i) => certificateOfCount(selected[i]!, counts[i]!, options));

  /** How often each class came out for these inputs, under one stream's draws. */
  async function countDraws(of: readonly number[], stream: number, draws: number): Promise<number[][]> {
    const random = createRandom(seed, stream);
    const noise = new Float32Array(draws * network.size);
    for (let i = 0; i < noise.length; i++) noise[i] = sigma * random.normal();
    const noiseParts = await network.part(noise, 'noise');
    const found: number[][] = [];
    for (const i of of) {
      const counts: number[] = [];
      await network.count(parts, i, noiseParts, counts);
      found.push(counts);
    }
    return found;
  }
}
