/** A graph as steps on flat arrays, every index worked out: what the executions of the reference interpreter run. */

import type { RefTensor } from './tensors.ts';

/** Where the values of a tensor are kept. */
export interface Slot {
  readonly size: number;
  /** The values, where they are constants of the graph. */
  readonly constant: Float64Array | null;
}

interface StepOf<Kind extends string> {
  readonly kind: Kind;
  readonly op: string;
  readonly out: number;
}

/** out[e] = inputs[source[e]][index[e]], or `fill` where index[e] = −1; source null: all from the first input. */
export interface MoveStep extends StepOf<'move'> {
  readonly inputs: readonly number[];
  readonly source: Int32Array | null;
  readonly index: Int32Array;
  readonly fill: number;
}

/**
 * out[e] = alpha·Σ data[dataAt[t]]·weights[weightsAt[t]]/divisors[e] + beta·bias[biasAt[e]], t from starts[e] to starts[e + 1] − 1;
 * weights −1: all 1; divisors null: 1; bias −1: none. Where one of the factors is a constant, it is `weights`.
 */
export interface DotStep extends StepOf<'dot'> {
  readonly starts: Int32Array;
  readonly data: number;
  readonly dataAt: Int32Array;
  readonly weights: number;
  readonly weightsAt: Int32Array;
  readonly divisors: Float64Array | null;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
  readonly biasAt: Int32Array | null;
}

/** Add, Sub, Mul, Div, Max, Min and Sum: input i at element at[i][e] (null: e). */
export interface EachStep extends StepOf<'each'> {
  readonly inputs: readonly number[];
  readonly at: readonly (Int32Array | null)[];
}

/** Relu, Abs, Neg, Clip (low, high), LeakyRelu and PRelu (slopes[slopesAt[e]] below 0). */
export interface PointStep extends StepOf<'point'> {
  readonly input: number;
  readonly low: number;
  readonly high: number;
  readonly slopes: Float64Array;
  readonly slopesAt: Int32Array | null;
}

/** The largest (sign 1) or smallest (sign −1) of input[index[t]], t from starts[e] to starts[e + 1] − 1. */
interface ExtremeStep extends StepOf<'extreme'> {
  readonly sign: 1 | -1;
  readonly input: number;
  readonly starts: Int32Array;
  readonly index: Int32Array;
}

/** The first `kept` of each line of `length` elements of input[index], sorted: the largest first (sign 1) or last (−1). */
interface SortStep extends StepOf<'sort'> {
  readonly sign: 1 | -1;
  readonly input: number;
  readonly length: number;
  readonly kept: number;
  /** Line after line. */
  readonly index: Int32Array;
  /** Where the results of the lines go. */
  readonly place: Int32Array;
}

/** (input − mean)·scale/√(variance + epsilon) + shift, each of channel[e]. */
export interface NormalizeStep extends StepOf<'normalize'> {
  readonly input: number;
  readonly channel: Int32Array;
  readonly scale: Float64Array;
  readonly shift: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly epsilon: number;
}

export type Step = MoveStep | DotStep | EachStep | PointStep | ExtremeStep | SortStep | NormalizeStep;

export interface Program {
  readonly slots: readonly Slot[];
  readonly steps: readonly Step[];
  /** Slot and size of the image(s). */
  readonly image: number;
  /** Whether a slot's values depend on the image. */
  readonly active: readonly boolean[];
  /** The tensors asked for. */
  readonly outputs: readonly RefTensor[];
}

/** The slots a step reads. */
export function slotsRead(step: Step): readonly number[] {
  switch (step.kind) {
    case 'move':
    case 'each':
      return step.inputs;
    case 'dot':
      return [step.data, step.weights, step.bias].filter((slot) => slot >= 0);
    default:
      return [step.input];
  }
}
