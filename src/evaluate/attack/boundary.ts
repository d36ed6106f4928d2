/** Searches along and around one direction: inside the radius, towards the boundary, and one ulp around both. */
import type { Random } from '../../certify-runtime/smoothing/random.ts';
import type { Claim } from './claim.ts';
import { norm, randomVector } from './descent.ts';
import { neighbour } from './float32.ts';
import type { Judge } from './judge.ts';
import type { Ledger } from './ledger.ts';

export interface BoundaryOptions {
  /** Points tried inside the radius, on lines through the image. */
  readonly probes: number;
  /** Roundings of points on the sphere, and the same number around the smallest flip. */
  readonly roundings: number;
  readonly random: Random;
}

const BATCH = 64;
/** Parts of one round of the multi-section, and rounds: together they split the flip distance into 16³ parts. */
const SECTIONS = 16;
const ROUNDS = 3;
const PROBED_DIRECTIONS = 4;

class Search {
  readonly #judge: Judge;
  readonly #claim: Claim;
  readonly ledger: Ledger;

  constructor(judge: Judge, claim: Claim, ledger: Ledger) {
    this.#judge = judge;
    this.#claim = claim;
    this.ledger = ledger;
  }

  /** Tries `count` points that `fill` writes; gives each one's distance and whether its label flipped. */
  async try(
    count: number,
    fill: (point: Float32Array, k: number) => void,
  ): Promise<{ distance: number; flipped: boolean }[]> {
    const size = this.ledger.pixels.length;
    const batch = new Float32Array(count * size);
    for (let k = 0; k < count; k++) fill(batch.subarray(k * size, (k + 1) * size), k);
    const answers = await this.#judge.evaluate(batch);
    return Array.from({ length: count }, (_, k) => {
      const { label, radius } = this.#claim(answers, k);
      const distance = this.ledger.record(batch.subarray(k * size, (k + 1) * size), label, radius);
      return { distance, flipped: label !== this.ledger.label };
    });
  }

  /** point ← x + t·d, rounded to nearest. */
  along(point: Float32Array, d: Float64Array, t: number): void {
    const { pixels } = this.ledger;
    for (let i = 0; i < point.length; i++) point[i] = pixels[i]! + t * d[i]!;
  }
}

/** On average half of the pixels stay at the nearest float32; the others go one ulp up or down. */
function roundAtRandom(point: Float32Array, random: Random): void {
  let bits = 0;
  let left = 0;
  for (let i = 0; i < point.length; i++) {
    if (left === 0) {
      bits = random.uint32();
      left = 16;
    }
    if (bits & 1) point[i] = neighbour(point[i]!, bits & 2 ? 1 : -1);
    bits >>>= 2;
    left--;
  }
}

function clip(point: Float32Array): void {
  for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i]!, 0), 1);
}

/**
 * Tries points on lines through the image, up to the radius: float32's steps may flip labels where the exact network
 * does not.
 */
async function probeInside(
  search: Search,
  directions: readonly Float64Array[],
  options: BoundaryOptions,
): Promise<void> {
  const { radius, pixels } = search.ledger;
  const { probes, random } = options;
  const size = pixels.length;
  for (let done = 0; done < probes; done += BATCH) {
    const count = Math.min(BATCH, probes - done);
    const anyDirection = randomVector(size, 1, random);
    await search.try(count, (point, k) => {
      // Three out of four points are on the lines found, denser far out; the rest are on a random line.
      const d = k % 4 < 3 ? directions[k % directions.length] : undefined;
      search.along(
        point,
        d ?? anyDirection,
        radius * Math.sqrt((done + k + random.uniform()) / probes) * (1 - 2 ** -26),
      );
    });
  }
}

/** Multi-section between the image and the smallest flip known, on the line through both of them. */
async function closeIn(search: Search): Promise<void> {
  const { flip, pixels } = search.ledger;
  if (flip === null || flip.distance === 0) return;
  const d = Float64Array.from(flip.pixels, (value, i) => value - pixels[i]!);
  let [low, high] = [0, 1];
  for (let round = 0; round < ROUNDS; round++) {
    const at = (k: number): number => low + ((high - low) * (k + 1)) / SECTIONS;
    const results = await search.try(SECTIONS - 1, (point, k) => search.along(point, d, at(k)));
    const first = results.findIndex(({ flipped }) => flipped);
    [low, high] = first < 0 ? [at(SECTIONS - 2), high] : [first === 0 ? low : at(first - 1), at(first)];
  }
}

/** Tries random roundings of x + t·d with t just below `reach`, and draws t back until most of them are within it. */
async function aroundSphere(search: Search, d: Float64Array, reach: number, options: BoundaryOptions): Promise<void> {
  const { random, roundings } = options;
  let shrink = 2 ** -30;
  for (let done = 0; done < roundings; done += BATCH) {
    const results = await search.try(Math.min(BATCH, roundings - done), (point, k) => {
      search.along(point, d, reach * (1 - shrink * (k % 4)));
      roundAtRandom(point, random);
      if (k % 2 === 1) clip(point);
    });
    const within = results.filter(({ distance }) => distance <= reach).length;
    if (2 * within < results.length && shrink < 0.1) shrink *= 8;
  }
}

/** Runs all searches for one image; `ends` are vectors that gradient steps found. */
export async function searchBoundary(
  judge: Judge,
  claim: Claim,
  ledger: Ledger,
  ends: readonly Float64Array[],
  options: BoundaryOptions,
): Promise<void> {
  const search = new Search(judge, claim, ledger);
  await closeIn(search);
  const { flip, pixels, radius } = ledger;
  const vectors = flip === null ? ends : [Float64Array.from(flip.pixels, (value, i) => value - pixels[i]!), ...ends];
  const directions = vectors.flatMap((v) => {
    const length = norm(v);
    return length > 0 && Number.isFinite(length) ? [v.map((value) => value / length)] : [];
  });
  const best = directions[0] ?? randomVector(pixels.length, 1, options.random);
  if (radius > 0) {
    await probeInside(search, directions.slice(0, PROBED_DIRECTIONS), options);
    await aroundSphere(search, best, radius, options);
  }
  if (flip !== null && flip.distance > 0) await aroundSphere(search, best, flip.distance, options);
}
