/**
 * What a provider may take into a product with constants: scales before and after it, shifts, a normalisation, the other
 * summand of an Add (docs/soundness.md, A4). Only where no one else reads the tensors in between (A3).
 */

import type { DotStep, EachStep, MoveStep, NormalizeStep, Program, Step } from './program.ts';
import { slotsRead } from './program.ts';

/** Factor of element e of the tensor it applies to. */
export interface Scaling {
  readonly kind: 'scale';
  readonly at: number;
  readonly divides: boolean;
  readonly values: Float64Array;
  readonly index: Int32Array | null;
  /** The same for all elements. */
  readonly uniform: boolean;
}

interface Shift {
  readonly kind: 'shift';
  readonly at: number;
  readonly sign: 1 | -1;
  readonly values: Float64Array;
  readonly index: Int32Array | null;
}

interface Normalization {
  readonly kind: 'normalize';
  readonly at: number;
  readonly step: NormalizeStep;
}

/** The other summand of an Add, which becomes the C of a Gemm: the last of a chain. */
interface Accumulated {
  readonly kind: 'accumulate';
  readonly at: number;
  readonly slot: number;
}

export type After = Scaling | Shift | Normalization | Accumulated;

/** Around the product at step `at`: what may be taken in, the nearest first. */
export interface Chain {
  readonly at: number;
  readonly before: readonly Scaling[];
  readonly after: readonly After[];
}

const chains = new WeakMap<Program, readonly (Chain | undefined)[]>();

/** By step; undefined for what is no product with constants. */
export function chainsOf(program: Program): readonly (Chain | undefined)[] {
  const known = chains.get(program) ?? findChains(program);
  chains.set(program, known);
  return known;
}

function findChains(program: Program): readonly (Chain | undefined)[] {
  const { steps, slots, outputs } = program;
  const producer = new Int32Array(slots.length).fill(-1);
  const reader = new Int32Array(slots.length).fill(-1);
  const readers = new Int32Array(slots.length);
  steps.forEach((step, at) => {
    producer[step.out] = at;
    for (const slot of new Set(slotsRead(step))) {
      reader[slot] = at;
      readers[slot]!++;
    }
  });
  // What is given out is read by someone else, too.
  for (const output of outputs) if (output.kind === 'real') readers[output.slot]!++;

  return steps.map((step, at): Chain | undefined => {
    if (step.kind !== 'dot' || (step.weights >= 0 && slots[step.weights]!.constant === null)) return undefined;
    const before: Scaling[] = [];
    let moved = step.weights < 0;
    for (let slot = step.data; producer[slot]! >= 0 && readers[slot] === 1; ) {
      const one = steps[producer[slot]!]!;
      if (isMove(one)) {
        moved = true;
        slot = one.inputs[0]!;
        continue;
      }
      const scaling = one.kind === 'each' ? scalingOf(program, one, producer[slot]!) : null;
      if (scaling === null || !(scaling.uniform || (!moved && foldable(program, step, scaling, true)))) break;
      before.push(scaling);
      slot = dataOf(program, one as EachStep);
    }
    const after: After[] = [];
    moved = step.weights < 0;
    for (let slot = step.out; readers[slot] === 1 && reader[slot]! >= 0; ) {
      const next = reader[slot]!;
      const following = steps[next]!;
      if (isMove(following)) moved = true;
      else {
        const one = afterOf(program, step, following, next, slot);
        if (one === null || (moved && !(one.kind === 'scale' && one.uniform))) break;
        after.push(one);
        if (one.kind === 'accumulate') break;
      }
      slot = following.out;
    }
    return { at, before, after };
  });
}

/** A move of one tensor without anything but zeros from elsewhere: one factor for all elements may pass it. */
function isMove(step: Step): step is MoveStep {
  return step.kind === 'move' && step.source === null && step.fill === 0;
}

function dataOf({ slots }: Program, step: EachStep): number {
  return step.inputs.find((slot) => slots[slot]!.constant === null)!;
}

/** A Mul or Div of one tensor by one constant that does not enlarge it. */
function scalingOf(program: Program, step: EachStep, at: number): Scaling | null {
  const { op, inputs } = step;
  if ((op !== 'Mul' && op !== 'Div') || inputs.length !== 2) return null;
  const constants = inputs.map((slot) => program.slots[slot]!.constant);
  const which = constants[1] !== null ? 1 : 0;
  const values = constants[which] ?? null;
  if (values === null || constants[1 - which] !== null || step.at[1 - which] !== null) return null;
  if (op === 'Div' && which === 0) return null;
  const uniform = values.every((value) => value === values[0]);
  return { kind: 'scale', at, divides: op === 'Div', values, index: step.at[which]!, uniform };
}

function afterOf(program: Program, dot: DotStep, step: Step, at: number, slot: number): After | null {
  if (step.kind === 'normalize')
    return dot.weights >= 0 && foldableChannels(dot, step) ? { kind: 'normalize', at, step } : null;
  if (step.kind !== 'each' || step.inputs.length !== 2) return null;
  const scaling = scalingOf(program, step, at);
  if (scaling !== null) {
    return scaling.uniform || (dot.weights >= 0 && foldable(program, dot, scaling, false)) ? scaling : null;
  }
  if (step.op !== 'Add' && step.op !== 'Sub' && !(step.op === 'Sum' && dot.op === 'Gemm')) return null;
  const mine = step.inputs[0] === slot ? 0 : 1;
  if (step.inputs[1 - mine] === slot || step.at[mine] !== null || (step.op === 'Sub' && mine === 1)) return null;
  const other = step.inputs[1 - mine]!;
  const values = program.slots[other]!.constant;
  if (values !== null)
    return { kind: 'shift', at, sign: step.op === 'Sub' ? -1 : 1, values, index: step.at[1 - mine]! };
  return step.op !== 'Sub' && step.at[1 - mine] === null ? { kind: 'accumulate', at, slot: other } : null;
}

/** Whether every weight has one factor, wherever it is used: then it can be multiplied into the weights. */
function foldable(program: Program, dot: DotStep, { values, index }: Scaling, before: boolean): boolean {
  return consistent(program.slots[dot.weights]!.size, dot, (t, e) => {
    const i = before ? dot.dataAt[t]! : e;
    return values[index === null ? i : index[i]!]!;
  });
}

function foldableChannels(dot: DotStep, { channel }: NormalizeStep): boolean {
  const size = dot.weightsAt.reduce((most, at) => Math.max(most, at + 1), 0);
  return consistent(size, dot, (_, e) => channel[e]!);
}

function consistent(size: number, dot: DotStep, factor: (t: number, e: number) => number): boolean {
  const seen = new Float64Array(size).fill(Number.NaN);
  for (let e = 0; e + 1 < dot.starts.length; e++) {
    for (let t = dot.starts[e]!; t < dot.starts[e + 1]!; t++) {
      const weight = dot.weightsAt[t]!;
      const one = factor(t, e);
      if (Number.isNaN(seen[weight])) seen[weight] = one;
      else if (seen[weight] !== one) return false;
    }
  }
  return true;
}
