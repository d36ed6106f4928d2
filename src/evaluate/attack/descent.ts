/**
 * Projected gradient steps in ℓ2 with a budget that starts at the claimed radius, grows until the label flips, and then
 * closes in on the smallest flip (PGD of Madry et al. 2018 inside the radius; FMN of Pintor et al. 2021 beyond it).
 */
import type { Random } from '../../certify-runtime/smoothing/random.ts';
import type { Ascent } from './ascent.ts';
import type { Claim } from './claim.ts';
import type { Judge } from './judge.ts';
import type { Ledger } from './ledger.ts';

export interface DescentOptions {
  readonly steps: number;
  /** Starts for each image and class; every other one keeps its pixels on [0, 1]. */
  readonly restarts: number;
  /** Whether all of them keep their pixels on [0, 1], for a judge that takes no others. */
  readonly inRange?: boolean;
  readonly random: Random;
}

/** One climb towards one class from one start. */
interface Lane {
  readonly ledger: Ledger;
  readonly to: number;
  readonly inRange: boolean;
  /** δ; the point is x + δ. */
  readonly delta: Float64Array;
  budget: number;
  /** Distance of this lane's smallest flip. */
  best: number;
}

/** The share of the steps that is spent at the claimed radius itself. */
const HOLD = 0.3;
/** Keeps the rounding of pixels to float32 from carrying a point out of the radius. */
const INSIDE = 1 - 2 ** -20;
/** Lanes at a time, to bound memory. */
const LANES = 64;

export function norm(v: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < v.length; i++) squares += v[i]! * v[i]!;
  return Math.sqrt(squares);
}

/** A random vector of this length. */
export function randomVector(size: number, length: number, random: Random): Float64Array {
  const v = Float64Array.from({ length: size }, () => random.normal());
  const factor = length / norm(v);
  return v.map((value) => value * factor);
}

function makeLanes(ledgers: readonly Ledger[], classes: number, options: DescentOptions): Lane[] {
  const { restarts, inRange = false, random } = options;
  // The first start of each kind is the image itself.
  const kinds = inRange ? 1 : 2;
  const lanes: Lane[] = [];
  for (const ledger of ledgers) {
    const size = ledger.pixels.length;
    for (let to = 0; to < classes; to++) {
      if (to === ledger.label) continue;
      for (let restart = 0; restart < restarts; restart++) {
        const budget = ledger.radius * INSIDE;
        const delta = restart < kinds ? new Float64Array(size) : randomVector(size, budget * random.uniform(), random);
        lanes.push({
          ledger,
          to,
          inRange: inRange || restart % 2 === 1,
          delta,
          budget,
          best: Number.POSITIVE_INFINITY,
        });
      }
    }
  }
  return lanes;
}

/** δ ← δ + step·direction, brought back into the budget and, if the lane says so, onto [0, 1]. */
function move({ ledger, delta, inRange, budget }: Lane, direction: Float64Array, step: number): void {
  for (let i = 0; i < delta.length; i++) delta[i]! += step * direction[i]!;
  const length = norm(delta);
  const factor = length > budget ? budget / length : 1;
  for (let i = 0; i < delta.length; i++) {
    const x = ledger.pixels[i]!;
    const moved = x + factor * delta[i]!;
    delta[i] = (inRange ? Math.min(Math.max(moved, 0), 1) : moved) - x;
  }
}

async function climb(
  lanes: readonly Lane[],
  judge: Judge,
  claim: Claim,
  ascent: Ascent,
  options: DescentOptions,
): Promise<void> {
  const { steps, random } = options;
  const size = lanes[0]!.delta.length;
  const farthest = 10 * Math.sqrt(size);
  for (let k = 0; k < steps; k++) {
    const points = new Float64Array(lanes.length * size);
    lanes.forEach(({ ledger, delta }, lane) => {
      for (let i = 0; i < size; i++) points[lane * size + i] = ledger.pixels[i]! + delta[i]!;
    });
    const { values, gradients } = await ascent(
      points,
      lanes.map(({ ledger, to, budget }) => ({ from: ledger.label, to, scale: Math.max(budget, 1e-3) })),
    );
    const cosine = (1 + Math.cos((Math.PI * k) / steps)) / 2;
    lanes.forEach((lane, row) => {
      let direction = gradients.subarray(row * size, (row + 1) * size);
      const slope = norm(direction);
      const usable = slope > 0 && Number.isFinite(slope);
      direction = usable ? direction.map((g) => g / slope) : randomVector(size, 1, random);
      // The distance at which the tangent plane puts the boundary, plus a little.
      const needed = usable ? (1.05 * Math.max(-values[row]!, 0)) / slope : 0;
      const held = lane.ledger.radius > 0 && k < HOLD * steps;
      if (!held && lane.best === Number.POSITIVE_INFINITY) {
        const grown = Math.max(1.05 * lane.budget, norm(lane.delta) + needed, 1e-6);
        lane.budget = Math.min(grown, Math.max(farthest, 4 * lane.ledger.radius));
      }
      move(lane, direction, Math.max(lane.budget * (0.02 + 0.5 * cosine), held ? 0 : Math.min(needed, lane.budget)));
    });

    const batch = new Float32Array(lanes.length * size);
    lanes.forEach(({ ledger, delta }, row) => {
      for (let i = 0; i < size; i++) batch[row * size + i] = ledger.pixels[i]! + delta[i]!;
    });
    const answers = await judge.evaluate(batch);
    lanes.forEach((lane, row) => {
      const point = batch.subarray(row * size, (row + 1) * size);
      const { label, radius } = claim(answers, row);
      const distance = lane.ledger.record(point, label, radius);
      const change = 0.01 + 0.1 * cosine;
      if (label !== lane.ledger.label) {
        lane.best = Math.min(lane.best, distance);
        lane.budget = Math.min(lane.budget, lane.best * (1 - change));
      } else if (lane.best < Number.POSITIVE_INFINITY) {
        lane.budget = Math.min(lane.best * 0.999, lane.budget * (1 + change));
      }
    });
  }
}

/** Climbs from every image towards every other class; gives the directions in which each image's lanes ended. */
export async function descend(
  ledgers: readonly Ledger[],
  judge: Judge,
  claim: Claim,
  ascent: Ascent,
  options: DescentOptions,
): Promise<ReadonlyMap<Ledger, readonly Float64Array[]>> {
  const lanes = makeLanes(ledgers, judge.classes, options);
  for (let begin = 0; begin < lanes.length; begin += LANES) {
    await climb(lanes.slice(begin, begin + LANES), judge, claim, ascent, options);
  }
  return new Map(
    ledgers.map((ledger) => [ledger, lanes.filter((lane) => lane.ledger === ledger).map(({ delta }) => delta)]),
  );
}
