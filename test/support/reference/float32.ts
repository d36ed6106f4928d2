/**
 * The network as an unkind but legal provider computes it in float32 (docs/soundness.md, A1 to A4): every operator in a way
 * of its own that chance picks. Same seed, same execution.
 */

import { Chance } from './chance.ts';
import { type Fused, runDot } from './float32-dot.ts';
import { chainsOf } from './program/fusion.ts';
import {
  type DotStep,
  type EachStep,
  type NormalizeStep,
  type PointStep,
  type Program,
  type Step,
  slotsRead,
} from './program/program.ts';
import { Float32, type Flush, Terms } from './summation.ts';

/** Which liberties the provider takes; all, unless it is asked which of them does harm. */
export interface Liberties {
  /** Subnormals for zero. */
  readonly flush: boolean;
  /** Scales applied to finished sums, to inputs or to products, not to weights. */
  readonly moveScales: boolean;
  /** Means as a sum and one division, not as a sum of quotients. */
  readonly divideSums: boolean;
  /** Scales, shifts, normalisation and summands taken into the products beside them. */
  readonly fuse: boolean;
}

export const ALL_LIBERTIES: Liberties = { flush: true, moveScales: true, divideSums: true, fuse: true };

export interface Float32Run {
  readonly values: readonly Float64Array[];
  /** No value of any tensor is infinite or NaN. */
  readonly finite: boolean;
}

const FLUSHES: readonly Flush[] = ['never', 'always', 'bitten'];

/** Shared by all executions: none outlives the sum it is used for. */
const TERMS = new Terms();

export class Execution {
  readonly arithmetic: Float32;
  readonly chance: Chance;
  readonly liberties: Liberties;
  readonly terms = TERMS;

  constructor(seed: number, liberties: Liberties) {
    this.chance = new Chance(seed, 99);
    const flush = this.chance.pick(FLUSHES);
    this.arithmetic = new Float32(this.chance, liberties.flush ? flush : 'never');
    this.liberties = liberties;
  }
}

export function runFloat32(
  program: Program,
  image: ArrayLike<number>,
  seed: number,
  liberties: Liberties = ALL_LIBERTIES,
): Float32Run {
  const execution = new Execution(seed, liberties);
  const values = program.slots.map(({ size, constant }) => constant ?? new Float64Array(size));
  values[program.image]!.set(image);
  const plan = planFusion(program, execution);
  let finite = true;
  program.steps.forEach((step, at) => {
    const todo = plan[at];
    if (todo === 'done') return;
    const out = values[step.out]!;
    if (todo === 'pass') out.set(values[slotsRead(step).find((slot) => program.active[slot])!]!);
    else if (todo !== undefined) runDot(execution, todo.dot, values, out, todo.fused);
    else if (step.kind === 'dot') runDot(execution, step, values, out, NOTHING_FUSED);
    else apply(execution, step, values, out);
    for (const v of out) if (!(v - v === 0)) finite = false;
  });
  return { values, finite };
}

const NOTHING_FUSED: Fused = { before: [], after: [] };

/** 'done': a product further on has taken it in; 'pass': a product has, and its values are handed on as they are. */
type Todo = undefined | 'done' | 'pass' | { readonly dot: DotStep; readonly fused: Fused };

function planFusion(program: Program, { chance, liberties }: Execution): Todo[] {
  const plan = new Array<Todo>(program.steps.length).fill(undefined);
  if (!liberties.fuse || chance.is(0.25)) return plan;
  const free = <T extends { readonly at: number }>(items: readonly T[]): T[] => {
    const wanted = chance.is(0.6) ? items.length : chance.below(items.length + 1);
    const end = items.findIndex(({ at }) => plan[at] !== undefined);
    return items.slice(0, Math.min(wanted, end < 0 ? items.length : end));
  };
  for (const chain of chainsOf(program)) {
    if (chain === undefined || plan[chain.at] !== undefined) continue;
    const fused = { before: free(chain.before), after: free(chain.after) };
    const dot = program.steps[chain.at] as DotStep;
    const last = fused.after.at(-1);
    for (const { at } of fused.before) plan[at] = 'pass';
    if (last?.kind === 'accumulate') {
      // The other summand may come later than the product itself.
      for (const { at } of [...fused.after, chain]) plan[at] = 'done';
      plan[last.at] = { dot, fused };
    } else {
      for (const { at } of fused.after) plan[at] = 'pass';
      plan[chain.at] = { dot, fused };
    }
  }
  return plan;
}

function apply(
  execution: Execution,
  step: Exclude<Step, { kind: 'dot' }>,
  values: readonly Float64Array[],
  out: Float64Array,
): void {
  const { arithmetic } = execution;
  switch (step.kind) {
    case 'move': {
      const { inputs, source, index, fill } = step;
      for (let e = 0; e < out.length; e++) {
        const i = index[e]!;
        out[e] = i < 0 ? fill : values[inputs[source === null ? 0 : source[e]!]!]![i]!;
      }
      break;
    }
    case 'each':
      each(execution, step, values, out);
      break;
    case 'point':
      point(execution, step, values[step.input]!, out);
      break;
    case 'extreme': {
      const from = values[step.input]!;
      for (let e = 0; e < out.length; e++) {
        let best = arithmetic.keep(from[step.index[step.starts[e]!]!]!);
        for (let t = step.starts[e]! + 1; t < step.starts[e + 1]!; t++) {
          const v = arithmetic.keep(from[step.index[t]!]!);
          if (!(step.sign * v <= step.sign * best)) best = v;
        }
        out[e] = best;
      }
      break;
    }
    case 'sort': {
      const from = values[step.input]!;
      const line = new Float64Array(step.length);
      for (let first = 0, to = 0; first < step.index.length; first += step.length) {
        for (let i = 0; i < step.length; i++) line[i] = arithmetic.keep(from[step.index[first + i]!]!);
        line.sort();
        for (let i = 0; i < step.kept; i++) out[step.place[to++]!] = line[step.sign > 0 ? step.length - 1 - i : i]!;
      }
      break;
    }
    case 'normalize':
      normalize(execution, step, values[step.input]!, out);
  }
}

function each(
  { arithmetic: f, chance }: Execution,
  step: EachStep,
  values: readonly Float64Array[],
  out: Float64Array,
): void {
  const { op, inputs, at } = step;
  const order = op === 'Sum' ? chance.order(inputs.length) : inputs.map((_, i) => i);
  // A quotient by a constant may be a product with its reciprocal, which is rounded by itself.
  const reciprocal = op === 'Div' && chance.is(0.5);
  for (let e = 0; e < out.length; e++) {
    let result = 0;
    order.forEach((i, position) => {
      const v = values[inputs[i]!]![at[i]?.[e] ?? e]!;
      if (position === 0) result = inputs.length === 1 ? f.keep(v) : v;
      else if (op === 'Mul') result = f.mul(result, v);
      else if (op === 'Div') result = reciprocal ? f.mul(result, f.div(1, v)) : f.div(result, v);
      else if (op === 'Max') result = larger(f.keep(result), f.keep(v));
      else if (op === 'Min') result = -larger(-f.keep(result), -f.keep(v));
      else result = f.add(result, op === 'Sub' ? -v : v);
    });
    out[e] = result;
  }
}

/** A NaN stays one. */
function larger(a: number, b: number): number {
  return Math.max(a, b);
}

function point({ arithmetic: f }: Execution, step: PointStep, from: Float64Array, out: Float64Array): void {
  for (let e = 0; e < out.length; e++) {
    const v = f.keep(from[e]!);
    if (step.op === 'Relu') out[e] = Math.max(v, 0);
    else if (step.op === 'Abs') out[e] = Math.abs(v);
    else if (step.op === 'Neg') out[e] = -v;
    else if (step.op === 'Sqrt') out[e] = f.keep(Math.fround(Math.sqrt(v)));
    else if (step.op === 'Clip') out[e] = Math.min(Math.max(v, f.keep(step.low)), f.keep(step.high));
    else out[e] = v < 0 ? f.mul(v, step.slopes[step.slopesAt === null ? e : step.slopesAt[e]!]!) : v;
  }
}

function normalize(execution: Execution, step: NormalizeStep, from: Float64Array, out: Float64Array): void {
  const { arithmetic: f, chance } = execution;
  const way = chance.below(5);
  const fused = chance.is(0.5);
  for (let e = 0; e < out.length; e++) {
    const c = step.channel[e]!;
    const [gamma, beta, mean] = [step.scale[c]!, step.shift[c]!, step.mean[c]!];
    const root = f.sqrt(f.add(step.variance[c]!, step.epsilon));
    const v = from[e]!;
    const scale = fused ? f.div(gamma, root) : f.mul(gamma, f.div(1, root));
    if (way === 0) out[e] = f.add(f.mul(f.div(f.add(v, -mean), root), gamma), beta);
    else if (way === 1) out[e] = f.add(f.div(f.mul(f.add(v, -mean), gamma), root), beta);
    else if (way === 2) out[e] = f.muladd(f.add(v, -mean), scale, beta, fused);
    else if (way === 3) out[e] = f.muladd(v, scale, f.muladd(-mean, scale, beta, fused), fused);
    else out[e] = f.add(f.div(f.mul(v, gamma), root), f.muladd(-mean, scale, beta, fused));
  }
}
