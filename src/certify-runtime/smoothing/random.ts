/**
 * Seeded random numbers: uniform, normal, integers, shuffles. They are repeatable, not secret: never use them for
 * cryptography.
 */

import { InputError } from '../trusted/errors.ts';

export interface Random {
  /** 32 uniform bits, as an integer in [0, 2³²). */
  uint32(): number;
  /** k·2⁻⁵³, k uniform in 1 … 2⁵³−1: strictly inside (0, 1), symmetric about ½. */
  uniform(): number;
  /** N(0, 1). */
  normal(): number;
}

const TWO_32 = 2 ** 32;

/** Each try rejects fewer than half of what it draws: a working generator gets this far with probability 2⁻²⁰⁰. */
const TRIES = 200;

function exhausted(): InputError {
  return new InputError(`the generator gave ${TRIES} unusable numbers in a row`);
}

/**
 * (a, b, c) = (seed mod 2³², ⌊seed/2³²⌋, stream), counter = 1, and the first 15 steps are thrown away.
 *
 * Every (seed, stream) is another state, so one seed gives 2³² streams: for example, one for each image. Source: Chris
 * Doty-Humphrey's sfc32 (PractRand 0.95), three-word seeding as its author gives it; 128 bits of state, no cycle
 * shorter than 2³², 2¹²⁷ on average.
 *
 * @param seed integer in [0, 2⁵³)
 * @param stream integer in [0, 2³²)
 * @throws InputError if either is anything else
 */
export function createRandom(seed: number, stream = 0): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new InputError(`seed must be an integer in [0, 2^53), got ${seed}`, { seed });
  }
  if (stream >>> 0 !== stream)
    throw new InputError(`stream must be an integer in [0, 2^32), got ${stream}`, { stream });
  let a = seed | 0;
  let b = Math.floor(seed / TWO_32) | 0;
  let c = stream | 0;
  let counter = 1;
  let spare = Number.NaN;

  function uint32(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  function uniform(): number {
    for (let tries = 0; tries < TRIES; tries++) {
      const k = (uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6);
      if (k > 0) return k * 2 ** -53;
    }
    throw exhausted();
  }

  /**
   * Marsaglia's polar method: exact for exact uniforms, without a table or a cut-off tail, and with two normals at a
   * time.
   */
  function normal(): number {
    if (!Number.isNaN(spare)) {
      const kept = spare;
      spare = Number.NaN;
      return kept;
    }
    for (let tries = 0; tries < TRIES; tries++) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const square = u * u + v * v;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      spare = v * scale;
      return u * scale;
    }
    throw exhausted();
  }

  for (let step = 0; step < 15; step++) uint32();
  return { uint32, uniform, normal };
}

/**
 * Uniform in {0, …, size − 1}, without bias: words beyond the last whole multiple of `size` are drawn again.
 *
 * @param size integer in [1, 2³²]
 * @throws InputError if it is anything else, or the generator is stuck
 */
export function uniformInt(size: number, random: Random): number {
  if (!Number.isInteger(size) || size < 1 || size > TWO_32) {
    throw new InputError(`size must be an integer in [1, 2^32], got ${size}`, { size });
  }
  const limit = TWO_32 - (TWO_32 % size);
  for (let tries = 0; tries < TRIES; tries++) {
    const word = random.uint32();
    if (word < limit) return word % size;
  }
  throw exhausted();
}

/** Shuffles in place so that every order is equally likely (Fisher–Yates); gives the same array back. */
export function shuffle<T extends { readonly length: number; [index: number]: unknown }>(array: T, random: Random): T {
  for (let i = array.length - 1; i > 0; i--) {
    const j = uniformInt(i + 1, random);
    const kept = array[i];
    array[i] = array[j];
    array[j] = kept;
  }
  return array;
}
