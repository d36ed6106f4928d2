/** The record of an attack on one image: every point tried, the smallest flip, and whether it breaks the claim. */
import { distanceUp } from './float32.ts';

/** A point with another label. */
export interface Flip {
  /** Upper bound of its ℓ2 distance from the image. */
  readonly distance: number;
  readonly label: number;
  readonly pixels: Float32Array;
}

/** A flip that a radius rules out: the radius claimed for the image, or for the point itself. */
export interface Counterexample extends Flip {
  /** The image's label and radius. */
  readonly from: number;
  readonly radius: number;
  /** What the point itself claims; if it is not less than the distance, the image lies inside that ball. */
  readonly pointRadius: number;
}

export class Ledger {
  readonly pixels: Float32Array;
  readonly label: number;
  /** The claim under attack. */
  readonly radius: number;
  evaluations = 0;
  /** How many points within the radius were tried, not counting the image itself. */
  inside = 0;
  flip: Flip | null = null;
  /** The smallest flip with all pixels on [0, 1]. */
  flipInRange: Flip | null = null;
  counterexample: Counterexample | null = null;

  constructor(pixels: Float32Array, label: number, radius: number) {
    this.pixels = pixels;
    this.label = label;
    this.radius = radius;
  }

  /** Records what the judge said of a point and gives its distance. `pointRadius` is the point's own claim. */
  record(point: Float32Array, label: number, pointRadius: number): number {
    const distance = distanceUp(point, this.pixels);
    this.evaluations++;
    if (distance > 0 && distance <= this.radius) this.inside++;
    if (label === this.label) return distance;
    // At distance 0 the same image got two labels, as two orders of summation may give it: this is allowed if nothing
    // is claimed.
    const claim = Math.max(this.radius, pointRadius);
    if (claim > 0 && distance <= claim && distance < (this.counterexample?.distance ?? Number.POSITIVE_INFINITY)) {
      this.counterexample = {
        distance,
        label,
        pixels: point.slice(),
        from: this.label,
        radius: this.radius,
        pointRadius,
      };
    }
    if (this.flip === null || distance < this.flip.distance) this.flip = { distance, label, pixels: point.slice() };
    if (this.flipInRange === null || distance < this.flipInRange.distance) {
      if (point.every((value) => value >= 0 && value <= 1))
        this.flipInRange = { distance, label, pixels: point.slice() };
    }
    return distance;
  }
}
