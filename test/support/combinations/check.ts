/** One graph against what is proven of it: Lipschitz bound, float32 error, size, overflow, shapes, samples kept apart. */

import type { AffineBound, EncoderBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import type { Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { Chance } from '../reference/chance.ts';
import { runExact } from '../reference/exact.ts';
import { ALL_LIBERTIES, type Liberties, runFloat32 } from '../reference/float32.ts';
import { type Jacobian, jacobianAt } from '../reference/jacobian.ts';
import { compile } from '../reference/program/compile.ts';
import type { Program } from '../reference/program/program.ts';
import { MeaninglessError } from '../reference/program/tensors.ts';
import { spectralNormLower } from '../reference/spectral.ts';
import type { Combination } from './growth.ts';
import { sizeOf } from './growth.ts';
import { drawImage, normsOf } from './images.ts';

/** Throws an error with the code UNPROVABLE for a graph that is refused. */
export type Prover = (graph: Graph, latent: string) => EncoderBound;

/** What turned out to be false. */
export type Broken =
  | 'undefined' // ONNX does not say what the graph computes
  | 'shape' // the latent has another size
  | 'batch' // samples touch each other
  | 'lipschitz' // the derivative's norm exceeds L
  | 'quotient' // a difference quotient exceeds L
  | 'overflow' // an intermediate value is infinite or NaN within maxImageNorm
  | 'error' // a float32 execution is further off than latentError
  | 'norm'; // … or larger than latentNorm

export interface Violation {
  readonly broken: Broken;
  /** True over proven. */
  readonly ratio: number;
  /** Seed of the float32 execution and its image, where one is to blame. */
  readonly execution?: { readonly seed: number; readonly image: Float32Array };
}

export type Outcome =
  | { readonly status: 'refused'; readonly reason: string }
  /** Proven, but ONNX Runtime would refuse to run it: no harm. */
  | { readonly status: 'idle'; readonly reason: string }
  | {
      readonly status: 'proven';
      readonly lipschitzRatio: number;
      readonly errorRatio: number;
      readonly violation: Violation | null;
    };

/** What float64 rounding may add to a ratio that is at most 1. */
const ROUNDING = 1 + 1e-9;
/** The float64 oracle's own error is far below this part of float32's, which is more than 2²⁸ times as large. */
const ORACLE = 1e-6;

const EXECUTIONS = 8;

function evaluate({ constant, l2, l1 }: AffineBound, norms: { readonly l2: number; readonly l1: number }): number {
  return constant + l2 * norms.l2 + l1 * norms.l1;
}

function errorBound(bound: EncoderBound, norms: { readonly l2: number; readonly l1: number }): number {
  return Math.min(...bound.latentError.map((form) => evaluate(form, norms)));
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(squares);
}

function quotientOf(truth: number, proven: number): number {
  return truth === 0 ? 0 : truth / proven;
}

/** A graph that is proven, with what its checks need. */
class Case {
  readonly bound: EncoderBound;
  readonly program: Program;
  readonly latent: number;
  readonly pixels: number;

  constructor(bound: EncoderBound, program: Program, pixels: number) {
    this.bound = bound;
    this.program = program;
    const [latent] = program.outputs;
    this.latent = latent?.kind === 'real' ? latent.slot : -1;
    this.pixels = pixels;
  }

  exact(image: ArrayLike<number>): Float64Array {
    return runExact(this.program, image)[this.latent]!;
  }

  /** What is wrong with one float32 execution, and how near its error comes to the bound. */
  execute(image: Float32Array, seed: number, liberties: Liberties): { ratio: number; violation: Violation | null } {
    const { bound } = this;
    const { values, finite } = runFloat32(this.program, image, seed, liberties);
    const execution = { seed, image };
    if (!finite) return { ratio: 0, violation: { broken: 'overflow', ratio: Number.POSITIVE_INFINITY, execution } };
    const norms = normsOf(image);
    const computed = values[this.latent]!;
    const ratio = quotientOf(distance(computed, this.exact(image)), errorBound(bound, norms));
    if (!(ratio <= ROUNDING)) return { ratio, violation: { broken: 'error', ratio, execution } };
    const size = quotientOf(normsOf(computed).l2, evaluate(bound.latentNorm, norms));
    if (!(size <= ROUNDING)) return { ratio, violation: { broken: 'norm', ratio: size, execution } };
    return { ratio, violation: null };
  }
}

export function check(combination: Combination, prover: Prover, seed: number): Outcome {
  const { graph, latent, imageDims } = combination;
  let bound: EncoderBound;
  try {
    bound = prover(graph, latent);
  } catch (error) {
    if ((error as { code?: string }).code !== 'UNPROVABLE') throw error;
    return { status: 'refused', reason: (error as Error).message };
  }
  const chance = new Chance(seed, 7);
  let programs: readonly [Program, Program];
  try {
    programs = [compile(graph, 1, [latent]), compile(graph, chance.between(2, 3), [latent])];
  } catch (error) {
    if (!(error instanceof MeaninglessError) || error.fault === 'unsupported') throw error;
    if (error.fault === 'invalid') return { status: 'idle', reason: error.message };
    return broken({ broken: 'undefined', ratio: Number.POSITIVE_INFINITY });
  }
  const subject = new Case(bound, programs[0], sizeOf(imageDims));
  const misshapen = programs.some(({ outputs, slots, image }) => {
    const batch = slots[image]!.size / subject.pixels;
    return `${outputs[0]!.dims}` !== `${[batch, bound.latentSize]}`;
  });
  if (misshapen) return broken({ broken: 'shape', ratio: Number.POSITIVE_INFINITY });
  return checkProven(subject, programs[1], chance);
}

function broken(violation: Violation): Outcome {
  return { status: 'proven', lipschitzRatio: 0, errorRatio: 0, violation };
}

function checkProven(subject: Case, many: Program, chance: Chance): Outcome {
  const { bound, program, latent, pixels } = subject;
  let lipschitzRatio = 0;
  let errorRatio = 0;
  const violations: Violation[] = [];

  const images = Array.from({ length: many.slots[many.image]!.size / pixels }, () =>
    Float32Array.from({ length: pixels }, () => chance.next()),
  );
  const exact = images.map((image) => subject.exact(image));
  if (!samplesApart(many, images, exact)) violations.push({ broken: 'batch', ratio: Number.POSITIVE_INFINITY });

  const far = Float32Array.from({ length: pixels }, () => chance.normal() * 10 ** chance.between(-2, 2));
  let jacobian: Jacobian | null = null;
  for (const image of [far, images[0]!]) {
    jacobian = jacobianAt(program, image, latent);
    const ratio = quotientOf(spectralNormLower(jacobian), bound.lipschitz);
    lipschitzRatio = Math.max(lipschitzRatio, ratio);
    if (!(ratio <= ROUNDING)) violations.push({ broken: 'lipschitz', ratio });
  }
  const apart = distance(images[0]!, images[1]!);
  const oracle = (errorBound(bound, normsOf(images[0]!)) + errorBound(bound, normsOf(images[1]!))) * ORACLE;
  const quotient = quotientOf(distance(exact[0]!, exact[1]!), bound.lipschitz * apart + oracle);
  if (!(quotient <= ROUNDING)) violations.push({ broken: 'quotient', ratio: quotient });

  for (let i = 0; i < EXECUTIONS; i++) {
    const image = drawImage(chance, pixels, bound.maxImageNorm, jacobian!);
    const { ratio, violation } = subject.execute(image, chance.uint32(), ALL_LIBERTIES);
    errorRatio = Math.max(errorRatio, ratio);
    if (violation !== null) violations.push(violation);
  }
  return { status: 'proven', lipschitzRatio, errorRatio, violation: violations[0] ?? null };
}

/** Each sample of the batch has the latent, bit for bit, that it has alone. */
function samplesApart(many: Program, images: readonly Float32Array[], alone: readonly Float64Array[]): boolean {
  const batch = new Float32Array(images.length * images[0]!.length);
  images.forEach((image, i) => {
    batch.set(image, i * image.length);
  });
  const [latent] = many.outputs;
  if (latent?.kind !== 'real') return false;
  const together = runExact(many, batch)[latent.slot]!;
  return alone.every((values, i) => values.every((v, e) => v === together[i * values.length + e]));
}

/** Which liberty of the provider a float32 violation needs: without it, no execution with the same image violates anything. */
export function neededLiberties(combination: Combination, prover: Prover, violation: Violation): (keyof Liberties)[] {
  const { execution } = violation;
  if (execution === undefined) return [];
  const { graph, latent, imageDims } = combination;
  const subject = new Case(prover(graph, latent), compile(graph, 1, [latent]), sizeOf(imageDims));
  return (Object.keys(ALL_LIBERTIES) as (keyof Liberties)[]).filter((name) => {
    const without = { ...ALL_LIBERTIES, [name]: false };
    return Array.from({ length: 40 }, (_, i) => execution.seed + i).every(
      (seed) => subject.execute(execution.image, seed, without).violation === null,
    );
  });
}
