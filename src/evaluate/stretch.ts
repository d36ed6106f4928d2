/**
 * Lower bounds of a sealed file's Lipschitz constants: the largest stretch of its float64 twin that a search finds.
 * Nothing of the second opinion's search is used: this one goes back and forth through the Jacobian (power steps), and
 * walks on from where the network is steep.
 */
import { type DifferentiableNetwork, differentiate } from '../certify-runtime/gradient/network.ts';
import { networkBytes } from '../certify-runtime/run/network-bytes.ts';
import { openProgram } from '../certify-runtime/second-opinion/program.ts';
import { createRandom, type Random } from '../certify-runtime/smoothing/random.ts';
import type { AffineBound } from '../certify-runtime/trusted/bounds/bound.ts';
import { TENSORS } from '../certify-runtime/trusted/file/names.ts';
import { decodeOnnx } from '../certify-runtime/trusted/onnx/codec.ts';
import { type Library, withSession } from '../export/onnx-runtime/library.ts';

const MOST_POINTS = 16;
const FEWEST_POINTS = 4;
const POWER_STEPS = 12;

/** The difference that stands for a derivative, and the lengths of the secants. */
const STEP = 2 ** -20;
const LENGTHS = [1, -1, 2 ** -4, -(2 ** -4), 2 ** -12];

/** What float64 adds to a float32 bound's error: u₆₄/u₃₂ with room for another order of operations. */
const FLOAT64_SHARE = 2 ** -28;

export interface Stretch {
  /** The largest norm of the Jacobian, and the largest difference quotient less its rounding. */
  readonly jacobian: number;
  readonly secant: number;
  readonly points: number;
}

/** The tensors of a sealed file as functions of the image, in float64. */
export interface Twin {
  /** image ↦ `tensor`; null if an operator has no gradient. */
  network(tensor: string): DifferentiableNetwork | null;
}

/** The twin of a sealed file for images [H, W, C]; what it computes from the batch alone, ONNX Runtime computes once. */
export async function openTwin(sealed: Uint8Array, shape: readonly number[], library: Library): Promise<Twin> {
  const bytes = networkBytes(sealed);
  const model = decodeOnnx(bytes);
  return withSession(library, bytes, { logSeverityLevel: 3 }, async (session) => {
    const known = await openProgram(library.runtime, session, model, shape, library.provider).integers();
    return { network: (tensor) => differentiate(model.graph, TENSORS.image, tensor, { known }) };
  });
}

const norm = (v: Float64Array) => Math.sqrt(v.reduce((sum, value) => sum + value * value, 0));
const scaled = (v: Float64Array, factor: number) => v.map((value) => value * factor);

/** A random image: on [0, 1], of two values, or far from it. */
function randomImage(size: number, kind: number, random: Random): Float64Array {
  const pixel = [() => random.uniform(), () => random.uint32() & 1, () => 0.5 + 2 * random.normal()][kind % 3]!;
  return Float64Array.from({ length: size }, pixel);
}

/** What rounding adds to the distance of two latents in float64. */
function doubt(errors: readonly AffineBound[], image: Float64Array): number {
  const l1 = image.reduce((sum, value) => sum + Math.abs(value), 0);
  return FLOAT64_SHARE * Math.min(...errors.map((each) => each.constant + each.l2 * norm(image) + each.l1 * l1));
}

/** ‖J(x)‖ from below, as ‖Jᵀu‖ for the unit u that power steps lead to, and the direction Jᵀu/‖Jᵀu‖. */
function steep(network: DifferentiableNetwork, x: Float64Array, random: Random): [slope: number, v: Float64Array] {
  const { output, pullback } = network.trace(x, 1);
  let u = Float64Array.from({ length: network.classes }, () => random.normal());
  let [slope, direction] = [0, new Float64Array(x.length)];
  for (let step = 0; step < POWER_STEPS; step++) {
    const length = norm(u);
    if (!(length > 0)) break;
    const gradient = pullback(scaled(u, 1 / length));
    const found = norm(gradient);
    if (!(found > 0)) break;
    const v = scaled(gradient, 1 / found);
    if (found > slope) [slope, direction] = [found, v];
    const moved = network.trace(
      x.map((value, i) => value + STEP * v[i]!),
      1,
    ).output;
    u = moved.map((value, j) => (value - output[j]!) / STEP);
  }
  return [slope, direction];
}

/**
 * Searches from random images and from the ends of the steepest ways.
 *
 * @param errors the file's own float32 bounds
 * @param work multiply-adds to spend
 */
export function measureStretch(
  network: DifferentiableNetwork,
  errors: readonly AffineBound[],
  seed: number,
  work: number,
): Stretch {
  const random = createRandom(seed);
  const perPoint = network.work * (2 * POWER_STEPS + LENGTHS.length);
  const points = Math.max(FEWEST_POINTS, Math.min(MOST_POINTS, Math.floor(work / perPoint)));
  let [jacobian, secant, best] = [0, 0, 0];
  let end: Float64Array | null = null;
  for (let i = 0; i < points; i++) {
    const x: Float64Array = i % 2 === 1 && end !== null ? end : randomImage(network.imageSize, i, random);
    const [slope, v] = steep(network, x, random);
    jacobian = Math.max(jacobian, slope);
    const z = network.trace(x, 1).output;
    for (const length of LENGTHS) {
      const y = x.map((value, k) => value + length * v[k]!);
      const moved = norm(y.map((value, k) => value - x[k]!));
      const stretched = norm(network.trace(y, 1).output.map((value, j) => value - z[j]!));
      const quotient = (stretched - doubt(errors, x) - doubt(errors, y)) / moved;
      secant = Math.max(secant, quotient);
      if (Math.abs(length) === 1 && quotient > best) [best, end] = [quotient, y];
    }
  }
  return { jacobian, secant, points };
}
