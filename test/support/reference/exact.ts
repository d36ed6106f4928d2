/** The network as a function: every step of a program in float64. */

import type { DotStep, EachStep, NormalizeStep, PointStep, Program, Step } from './program/program.ts';

/** The values of every slot, at the image(s) given row-major. */
export function runExact(program: Program, image: ArrayLike<number>): Float64Array[] {
  const values = program.slots.map(({ size, constant }) => constant ?? new Float64Array(size));
  values[program.image]!.set(image);
  for (const step of program.steps) apply(step, values);
  return values;
}

function apply(step: Step, values: readonly Float64Array[]): void {
  const out = values[step.out]!;
  switch (step.kind) {
    case 'move': {
      const { inputs, source, index, fill } = step;
      let from = values[inputs[0]!]!;
      for (let e = 0; e < out.length; e++) {
        if (source !== null) from = values[inputs[source[e]!]!]!;
        const i = index[e]!;
        out[e] = i < 0 ? fill : from[i]!;
      }
      return;
    }
    case 'dot':
      dot(step, values, out);
      break;
    case 'each':
      each(step, values, out);
      break;
    case 'point':
      point(step, values[step.input]!, out);
      break;
    case 'extreme': {
      const { sign, starts, index } = step;
      const from = values[step.input]!;
      for (let e = 0; e < out.length; e++) {
        let best = from[index[starts[e]!]!]!;
        for (let t = starts[e]! + 1; t < starts[e + 1]!; t++) {
          const v = from[index[t]!]!;
          if (sign * v > sign * best) best = v;
        }
        out[e] = best;
      }
      return;
    }
    case 'sort': {
      const { sign, length, kept, index, place } = step;
      const from = values[step.input]!;
      const line = new Float64Array(length);
      for (let first = 0, to = 0; first < index.length; first += length) {
        for (let i = 0; i < length; i++) line[i] = from[index[first + i]!]!;
        line.sort();
        for (let i = 0; i < kept; i++) out[place[to++]!] = line[sign > 0 ? length - 1 - i : i]!;
      }
      return;
    }
    case 'normalize':
      normalize(step, values[step.input]!, out);
      break;
  }
}

function dot(step: DotStep, values: readonly Float64Array[], out: Float64Array): void {
  const { starts, dataAt, weightsAt, divisors, alpha, beta, biasAt } = step;
  const data = values[step.data]!;
  const weights = step.weights < 0 ? null : values[step.weights]!;
  const bias = step.bias < 0 ? null : values[step.bias]!;
  for (let e = 0; e < out.length; e++) {
    let sum = 0;
    const end = starts[e + 1]!;
    if (weights === null) for (let t = starts[e]!; t < end; t++) sum += data[dataAt[t]!]!;
    else for (let t = starts[e]!; t < end; t++) sum += data[dataAt[t]!]! * weights[weightsAt[t]!]!;
    if (divisors !== null) sum /= divisors[e]!;
    if (alpha !== 1) sum *= alpha;
    if (bias !== null) sum += beta * bias[biasAt === null ? e : biasAt[e]!]!;
    out[e] = sum;
  }
}

function each(step: EachStep, values: readonly Float64Array[], out: Float64Array): void {
  const { op, inputs, at } = step;
  const first = values[inputs[0]!]!;
  const at0 = at[0]!;
  for (let e = 0; e < out.length; e++) out[e] = first[at0 === null ? e : at0[e]!]!;
  for (let i = 1; i < inputs.length; i++) {
    const next = values[inputs[i]!]!;
    const where = at[i]!;
    for (let e = 0; e < out.length; e++) {
      const b = next[where === null ? e : where[e]!]!;
      switch (op) {
        case 'Sub':
          out[e]! -= b;
          break;
        case 'Mul':
          out[e]! *= b;
          break;
        case 'Div':
          out[e]! /= b;
          break;
        case 'Max':
          if (b > out[e]!) out[e] = b;
          break;
        case 'Min':
          if (b < out[e]!) out[e] = b;
          break;
        default:
          out[e]! += b;
      }
    }
  }
}

function point(step: PointStep, from: Float64Array, out: Float64Array): void {
  const { op, low, high, slopes, slopesAt } = step;
  for (let e = 0; e < out.length; e++) {
    const v = from[e]!;
    switch (op) {
      case 'Relu':
        out[e] = v > 0 ? v : 0;
        break;
      case 'Abs':
        out[e] = Math.abs(v);
        break;
      case 'Neg':
        out[e] = -v;
        break;
      case 'Sqrt':
        out[e] = Math.sqrt(v);
        break;
      case 'Clip':
        out[e] = Math.min(Math.max(v, low), high);
        break;
      default:
        out[e] = v < 0 ? v * slopes[slopesAt === null ? e : slopesAt[e]!]! : v;
    }
  }
}

function normalize(step: NormalizeStep, from: Float64Array, out: Float64Array): void {
  const { channel, scale, shift, mean, variance, epsilon } = step;
  for (let e = 0; e < out.length; e++) {
    const c = channel[e]!;
    out[e] = ((from[e]! - mean[c]!) * scale[c]!) / Math.sqrt(variance[c]! + epsilon) + shift[c]!;
  }
}
