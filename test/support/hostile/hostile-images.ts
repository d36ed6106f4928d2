/** Images at which a false claim shows: random ones, and where gradients of margin and latent point to. */

import { Random } from '../numbers/random.ts';
import type { Execution } from './hostile-runs.ts';

const RANDOM_IMAGES = 4;
/** Gradients are taken one image for each pixel. */
const MAX_PIXELS = 64;
/** Of the difference quotients: wide, since float32 is coarse and networks are piecewise linear. */
const STEP = 1 / 64;
/** Close to the radius, a little inside. */
const INSIDE = [0.999, 0.5];
const POWER_STEPS = 8;

const clipped = (v: number): number => Math.min(1, Math.max(0, v));
const norm = (v: ArrayLike<number>): number => Math.sqrt(Array.from(v).reduce((s, x) => s + x * x, 0));

/** x + t·direction/‖direction‖, on [0, 1]. */
function moved(x: Float32Array, direction: readonly number[], t: number): Float32Array {
  const length = norm(direction) || 1;
  return x.map((v, i) => clipped(v + (t * direction[i]!) / length));
}

/** The direction that JᵀJ stretches most, J given by its columns. */
function stretched(columns: readonly (readonly number[])[], start: readonly number[]): number[] {
  let v = [...start];
  for (let step = 0; step < POWER_STEPS; step++) {
    const image = columns[0]!.map((_, k) => columns.reduce((s, column, i) => s + column[k]! * v[i]!, 0));
    const next = columns.map((column) => column.reduce((s, entry, k) => s + entry * image[k]!, 0));
    const length = norm(next);
    if (!(length > 0 && Number.isFinite(length))) break;
    v = next.map((entry) => entry / length);
  }
  return v;
}

/** More images than `own`, found with what `run` says of some of them. */
export async function candidates(
  own: readonly Float32Array[],
  shape: readonly number[],
  run: (images: readonly Float32Array[]) => Promise<readonly Execution[]>,
): Promise<Float32Array[]> {
  const size = shape.reduce((a, b) => a * b, 1);
  const random = new Random(size);
  const drawn = Array.from({ length: RANDOM_IMAGES }, () => Float32Array.from({ length: size }, () => random.next()));
  const plain = [0, 0.5, 1].map((value) => new Float32Array(size).fill(value));
  const found: Float32Array[] = [...drawn, ...plain];
  if (size > MAX_PIXELS) return found;
  for (const x of [...own, ...drawn, plain[1]!]) {
    const shifted = x.map((v) => (v + STEP > 1 ? -STEP : STEP));
    const tried = [x, ...Array.from(x, (v, i) => x.with(i, v + shifted[i]!))];
    const { answers } = (await run(tried))[0]!;
    const [here, ...there] = answers;
    const { label, radius, logits } = here!;
    const margins = answers.map((answer) =>
      Math.min(
        ...Array.from(answer.logits, (y, j) => (j === label ? Number.POSITIVE_INFINITY : answer.logits[label]! - y)),
      ),
    );
    if (!Array.from(logits).every(Number.isFinite)) continue;
    const gradient = there.map((_, i) => (margins[i + 1]! - margins[0]!) / shifted[i]!);
    const reach = Math.min(radius, Math.sqrt(size));
    if (radius > 0) found.push(...INSIDE.map((part) => moved(x, gradient, -part * reach)));
    const columns = there.map((answer, i) => Array.from(answer.latent, (z, k) => (z - here!.latent[k]!) / shifted[i]!));
    const direction = stretched(columns, random.normals(size));
    found.push(moved(x, direction, 0.25), moved(x, direction, -0.25));
  }
  return found.filter((x) => x.every(Number.isFinite));
}
