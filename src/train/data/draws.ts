/** The random choices that data sets are built with; each is reproducible from its generator. */
import { type Random, shuffle } from '../../certify-runtime/smoothing/random.ts';

/** n zeros and ones with exactly round(share·n) ones, at random places. */
export function exactShare(n: number, share: number, random: Random): Uint8Array {
  const marked = new Uint8Array(n);
  for (const i of shuffled(n, random).subarray(0, Math.round(share * n))) marked[i] = 1;
  return marked;
}

/** 0 … n−1 in random order. */
export function shuffled(n: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  shuffle(order, random);
  return order;
}
