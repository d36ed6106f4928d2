/** The matrix of each step, entry by entry. */

import { sizeOf } from '../walk/state.ts';
import type { Step } from '../walk/steps.ts';
import type { Node } from './node.ts';

type Linear = NonNullable<Node['step']>;

type Visit = (row: number, col: number, value: number) => void;

/** Which element of the reduced tensor each element is added to. */
export function reducedIndex(shape: readonly number[], axes: readonly number[]): Int32Array {
  return spreadIndex(
    shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
    shape,
  );
}

/** Which element of a tensor of dimensions `dims` each element has that it is spread to, from the right. */
export function spreadIndex(dims: readonly number[], shape: readonly number[]): Int32Array {
  let index: Int32Array = Int32Array.of(0);
  shape.forEach((dim, axis) => {
    const own = dims[axis - (shape.length - dims.length)] ?? 1;
    const next = new Int32Array(index.length * dim);
    let e = 0;
    for (const i of index) for (let k = 0; k < dim; k++) next[e++] = i * own + (own === 1 ? 0 : k);
    index = next;
  });
  return index;
}

/** The number of entries of the step's matrix for `inputs` elements. */
export function entryCount(step: Linear, inputs: number): number {
  if (step.kind === 'conv') {
    const { geometry: g, rows, weights } = step;
    return rows * g.output[0] * g.output[1] * weights.length;
  }
  return step.kind === 'matrix' ? inputs * step.matrices[0]!.rows : inputs;
}

/** Roundings that one output, or one input of the adjoint, takes part in, and those of the entry itself. Lemma 20. */
export function roundings(step: Linear): number {
  if (step.kind === 'conv') return step.weights.length + 64;
  if (step.kind === 'matrix') return step.matrices[0]!.rows + step.matrices[0]!.cols + 64;
  // An element that is used k times has norm √k; its adjoint adds up k terms.
  if (step.kind === 'picks') return Math.ceil(step.absolute * step.absolute) + 64;
  return step.kind === 'reduce' ? sizeOf(step.axes.map((axis) => step.shape[axis]!)) + 64 : 64;
}

/** Visits the entries of the matrix of operand `part` of the step, which has `inputs` elements. */
export function eachEntry(step: Linear, part: number, inputs: number, visit: Visit): void {
  if (step.kind === 'conv') convEntries(step, visit);
  else if (step.kind === 'matrix') matrixEntries(step, inputs, visit);
  else if (step.kind === 'reduce') {
    const index = reducedIndex(step.shape, step.axes);
    for (let e = 0; e < inputs; e++) visit(index[e]!, e, step.weight);
  } else if (step.kind === 'scale') {
    const index = spreadIndex(step.dims, step.shape);
    for (let e = 0; e < inputs; e++) visit(e, e, step.factors[index[e]!]!);
  } else if (step.kind === 'picks') {
    for (const [e, source] of step.first.entries()) if (source >= 0) visit(e, source, 1);
  } else {
    const sign = step.kind === 'sum' ? step.signs[part]! : 1;
    for (let e = 0; e < inputs; e++) visit(e, e, sign);
  }
}

function convEntries({ weights, geometry: g, rows }: Step & { readonly kind: 'conv' }, visit: Visit): void {
  const [outputs, channels] = [g.outputChannels / g.groups, g.inputChannels / g.groups];
  const [k1, k2] = g.kernel;
  let row = 0;
  for (let image = 0; image < rows; image++) {
    for (let out = 0; out < g.outputChannels; out++) {
      const first = image * g.inputChannels + Math.floor(out / outputs) * channels;
      for (let p1 = 0; p1 < g.output[0]; p1++) {
        for (let p2 = 0; p2 < g.output[1]; p2++, row++) {
          for (let t = 0; t < k1 * k2; t++) {
            const q1 = p1 * g.stride[0] + Math.floor(t / k2) * g.dilation[0] - g.padBegin[0];
            const q2 = p2 * g.stride[1] + (t % k2) * g.dilation[1] - g.padBegin[1];
            if (q1 < 0 || q2 < 0 || q1 >= g.input[0] || q2 >= g.input[1]) continue;
            for (let channel = 0; channel < channels; channel++) {
              const col = ((first + channel) * g.input[0] + q1) * g.input[1] + q2;
              visit(row, col, weights[(out * channels + channel) * k1 * k2 + t]!);
            }
          }
        }
      }
    }
  }
}

function matrixEntries(
  { matrices, before, after, factor }: Step & { readonly kind: 'matrix' },
  inputs: number,
  visit: Visit,
): void {
  const { rows, cols } = matrices[0]!;
  const outer = inputs / (cols * after);
  for (let o = 0; o < outer; o++) {
    const { values } = matrices[Math.floor(o / before) % matrices.length]!;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        const value = factor * values[i * cols + j]!;
        for (let k = 0; k < after; k++) visit((o * rows + i) * after + k, (o * cols + j) * after + k, value);
      }
    }
  }
}
