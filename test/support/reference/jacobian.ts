/**
 * The derivative of a program at an image, exact but for float64 rounding: values with their tangents along every pixel.
 * Where two values are equal, that is, at a kink, the tangents decide in lexicographic order: the result is the derivative
 * next to the image on the side of pixel 0, then of pixel 1 and so on (Nesterov's lexicographic derivative), and no mixture of sides.
 */

import type { DotStep, EachStep, PointStep, Program, Step } from './program/program.ts';

/** Element e has the value values[e], and the tangents tangents[e·n] … tangents[e·n + n − 1]; null: all 0. */
interface Dual {
  readonly values: Float64Array;
  readonly tangents: Float64Array | null;
}

export interface Jacobian {
  /** Of the output, row-major: outputs × n. */
  readonly matrix: Float64Array;
  readonly rows: number;
  readonly cols: number;
}

/** The derivative of slot `output` by the pixels of one image (a program for a batch of 1). */
export function jacobianAt(program: Program, image: ArrayLike<number>, output: number): Jacobian {
  const n = program.slots[program.image]!.size;
  const duals = program.slots.map(({ size, constant }, slot): Dual => {
    const values = constant ?? new Float64Array(size);
    return { values, tangents: program.active[slot] ? new Float64Array(size * n) : null };
  });
  const { values, tangents } = duals[program.image]!;
  values.set(image);
  for (let i = 0; i < n; i++) tangents![i * n + i] = 1;
  for (const step of program.steps) apply(step, duals, n);
  const result = duals[output]!;
  const rows = result.values.length;
  return { matrix: result.tangents ?? new Float64Array(rows * n), rows, cols: n };
}

/** to[e] += factor·from[i], tangents only. */
function accumulate(
  to: Float64Array,
  e: number,
  factor: number,
  from: Float64Array | null,
  i: number,
  n: number,
): void {
  if (from === null) return;
  const [base, source] = [e * n, i * n];
  for (let c = 0; c < n; c++) to[base + c]! += factor * from[source + c]!;
}

function copy(out: Dual, e: number, from: Dual, i: number, n: number): void {
  out.values[e] = from.values[i]!;
  if (out.tangents === null) return;
  const [base, source] = [e * n, i * n];
  for (let c = 0; c < n; c++) out.tangents[base + c] = from.tangents === null ? 0 : from.tangents[source + c]!;
}

/** Sign of element i of a minus element j of b, or of a minus the constant `value`. */
function compare(a: Dual, i: number, b: Dual, j: number, n: number): number {
  const difference = a.values[i]! - b.values[j]!;
  if (difference !== 0) return difference;
  for (let c = 0; c < n; c++) {
    const [s, t] = [a.tangents?.[i * n + c] ?? 0, b.tangents?.[j * n + c] ?? 0];
    if (s !== t) return s - t;
  }
  return 0;
}

function compareTo(a: Dual, i: number, value: number, n: number): number {
  const difference = a.values[i]! - value;
  if (difference !== 0) return difference;
  for (let c = 0; c < n; c++) {
    const s = a.tangents?.[i * n + c] ?? 0;
    if (s !== 0) return s;
  }
  return 0;
}

function apply(step: Step, duals: readonly Dual[], n: number): void {
  const out = duals[step.out]!;
  const size = out.values.length;
  switch (step.kind) {
    case 'move':
      for (let e = 0; e < size; e++) {
        const from = duals[step.inputs[step.source === null ? 0 : step.source[e]!]!]!;
        if (step.index[e]! >= 0) copy(out, e, from, step.index[e]!, n);
        else out.values[e] = step.fill;
      }
      return;
    case 'dot':
      dot(step, duals, out, n);
      break;
    case 'each':
      each(step, duals, out, n);
      break;
    case 'point':
      point(step, duals[step.input]!, out, n);
      break;
    case 'extreme': {
      const from = duals[step.input]!;
      for (let e = 0; e < size; e++) {
        let best = step.index[step.starts[e]!]!;
        for (let t = step.starts[e]! + 1; t < step.starts[e + 1]!; t++) {
          if (step.sign * compare(from, step.index[t]!, from, best, n) > 0) best = step.index[t]!;
        }
        copy(out, e, from, best, n);
      }
      return;
    }
    case 'sort': {
      const from = duals[step.input]!;
      for (let first = 0, to = 0; first < step.index.length; first += step.length) {
        const line = Array.from(step.index.subarray(first, first + step.length));
        line.sort((i, j) => step.sign * compare(from, j, from, i, n));
        for (let i = 0; i < step.kept; i++) copy(out, step.place[to++]!, from, line[i]!, n);
      }
      return;
    }
    case 'normalize': {
      const from = duals[step.input]!;
      for (let e = 0; e < size; e++) {
        const c = step.channel[e]!;
        const slope = step.scale[c]! / Math.sqrt(step.variance[c]! + step.epsilon);
        out.values[e] = (from.values[e]! - step.mean[c]!) * slope + step.shift[c]!;
        if (out.tangents !== null) accumulate(out.tangents, e, slope, from.tangents, e, n);
      }
    }
  }
}

function dot(step: DotStep, duals: readonly Dual[], out: Dual, n: number): void {
  const data = duals[step.data]!;
  const weights = step.weights < 0 ? null : duals[step.weights]!;
  const bias = step.bias < 0 ? null : duals[step.bias]!;
  for (let e = 0; e < out.values.length; e++) {
    let sum = 0;
    const factor = step.alpha / (step.divisors === null ? 1 : step.divisors[e]!);
    for (let t = step.starts[e]!; t < step.starts[e + 1]!; t++) {
      const i = step.dataAt[t]!;
      const j = step.weightsAt[t] ?? 0;
      const w = weights === null ? 1 : weights.values[j]!;
      sum += data.values[i]! * w;
      if (out.tangents === null) continue;
      accumulate(out.tangents, e, w * factor, data.tangents, i, n);
      if (weights !== null) accumulate(out.tangents, e, data.values[i]! * factor, weights.tangents, j, n);
    }
    sum *= factor;
    if (bias !== null) {
      const b = step.biasAt === null ? e : step.biasAt[e]!;
      sum += step.beta * bias.values[b]!;
      if (out.tangents !== null) accumulate(out.tangents, e, step.beta, bias.tangents, b, n);
    }
    out.values[e] = sum;
  }
}

function each(step: EachStep, duals: readonly Dual[], out: Dual, n: number): void {
  const { op, inputs, at } = step;
  const place = (i: number, e: number): number => at[i]?.[e] ?? e;
  for (let e = 0; e < out.values.length; e++) {
    copy(out, e, duals[inputs[0]!]!, place(0, e), n);
    for (let i = 1; i < inputs.length; i++) {
      const next = duals[inputs[i]!]!;
      const j = place(i, e);
      if (op === 'Max' || op === 'Min') {
        const order = compare(next, j, out, e, n);
        if (op === 'Max' ? order > 0 : order < 0) copy(out, e, next, j, n);
      } else combine(op, out, e, next, j, n);
    }
  }
}

/** out[e] = out[e] op next[j], with the product rule. */
function combine(op: string, out: Dual, e: number, next: Dual, j: number, n: number): void {
  const [a, b] = [out.values[e]!, next.values[j]!];
  const [ofA, ofB] = op === 'Mul' ? [b, a] : op === 'Div' ? [1 / b, -a / (b * b)] : [1, op === 'Sub' ? -1 : 1];
  out.values[e] = op === 'Mul' ? a * b : op === 'Div' ? a / b : op === 'Sub' ? a - b : a + b;
  if (out.tangents === null) return;
  if (ofA !== 1) for (let c = 0; c < n; c++) out.tangents[e * n + c]! *= ofA;
  accumulate(out.tangents, e, ofB, next.tangents, j, n);
}

function point(step: PointStep, from: Dual, out: Dual, n: number): void {
  for (let e = 0; e < out.values.length; e++) {
    const v = from.values[e]!;
    let slope = 1;
    let value = v;
    if (step.op === 'Clip') {
      value = Math.min(Math.max(v, step.low), step.high);
      slope = compareTo(from, e, step.low, n) > 0 && compareTo(from, e, step.high, n) < 0 ? 1 : 0;
    } else if (step.op === 'Neg') {
      slope = -1;
      value = -v;
    } else if (step.op === 'Sqrt') {
      // Of the directions at 0, none is taken.
      value = Math.sqrt(v);
      slope = v > 0 ? 1 / (2 * value) : 0;
    } else if (compareTo(from, e, 0, n) < 0) {
      if (step.op === 'Relu') slope = 0;
      else if (step.op === 'Abs') slope = -1;
      else slope = step.slopes[step.slopesAt === null ? e : step.slopesAt[e]!]!;
      value = slope * v;
    }
    out.values[e] = value;
    if (out.tangents !== null) accumulate(out.tangents, e, slope, from.tangents, e, n);
  }
}
