/** The form of the map between two tensors, put together step by step, and its norm. Lemma 20. */

import { convNorms } from '../bounds/conv-norm.ts';
import { tapsSize } from '../bounds/conv-taps.ts';
import { largestMagnitude, type Matrix, normsCost, spectralNormUpper, vectorNormUpper } from '../bounds/matrix-norm.ts';
import { addUp, mulUp, up } from '../bounds/rounding.ts';
import type { Site } from '../walk/site.ts';
import { sizeOf } from '../walk/state.ts';
import { added } from './add.ts';
import { composed } from './compose.ts';
import type { Path } from './dense.ts';
import { reducedIndex, spreadIndex } from './entries.ts';
import { diagonal, type Form, IDENTITY, type Kernel, ZERO } from './form.ts';
import type { Node } from './node.ts';

/** What an entry of a step may be off by, as a part of it. */
const ENTRY_ERROR = 2 ** -48;

/** The form of the path's map; null if it has none. */
export function formOf(site: Site, { leaf, last, nodes }: Path): Form | null {
  const forms = new Map<Node, Form | null>([[leaf, IDENTITY]]);
  for (const node of nodes) forms.set(node, formAt(site, node, forms));
  return forms.get(last) ?? null;
}

/** The form at a node, if those of its operands are known; tensors that are not among them are taken for 0. */
function formAt(site: Site, { step, operands, size }: Node, forms: ReadonlyMap<Node, Form | null>): Form | null {
  if (step === null) return null;
  let total: Form | null = ZERO;
  for (const [i, operand] of operands.entries()) {
    const form: Form | null = forms.get(operand) === undefined ? ZERO : forms.get(operand)!;
    if (form === null) return null;
    if (step.kind === 'pointwise') return form;
    const cost = 4 * (size + operand.size + weightsOf(step)) * innerOf(form);
    if (cost > site.workLeft / 8) return null;
    site.spend(cost);
    if (step.kind !== 'sum') return composed(ownForm(step, operand.size), form);
    total = total && added(total, form, step.signs[i]!);
  }
  return total;
}

type Linear = NonNullable<Node['step']>;

/** The constants of a step. */
function weightsOf(step: Linear): number {
  if (step.kind === 'conv') return step.weights.length;
  return step.kind === 'matrix' ? step.matrices.length * step.matrices[0]!.values.length : 0;
}

/** At most how many constants of a form one constant of the step after it meets. */
function innerOf(form: Form): number {
  if (form.kind === 'kernel') return form.weights.length / form.geometry.outputChannels;
  return form.kind === 'blocks' ? form.matrices[0]!.cols : 1;
}

/** The form of one step. */
export function ownForm(step: Exclude<Linear, { readonly kind: 'sum' | 'pointwise' }>, inputs: number): Form {
  const rounding = { error: mulUp(ENTRY_ERROR, step.absolute), absolute: step.absolute };
  switch (step.kind) {
    case 'conv':
      return {
        ...{ kind: 'kernel', geometry: step.geometry, rows: step.rows, wraps: false },
        ...{ weights: Float64Array.from(step.weights), ...rounding },
      };
    case 'matrix': {
      const matrices = step.matrices.map((m) => ({ ...m, values: m.values.map((w) => w * step.factor) }));
      return { kind: 'blocks', matrices, before: step.before, after: step.after, ...rounding };
    }
    case 'scale': {
      const own = Float64Array.from(step.factors);
      const error = step.exact === true ? 0 : rounding.error;
      if (own.length === 1) return diagonal(own, error);
      return diagonal(
        Float64Array.from(spreadIndex(step.dims, step.shape), (i) => own[i]!),
        error,
      );
    }
    case 'picks': {
      const { first, absolute } = step;
      if (first.length === inputs && first.every((i, e) => i === e)) return IDENTITY;
      return { kind: 'picks', first, inputs, error: 0, absolute };
    }
    case 'reduce': {
      const outputs = sizeOf(step.shape) / sizeOf(step.axes.map((axis) => step.shape[axis]!));
      return { kind: 'sums', into: reducedIndex(step.shape, step.axes), outputs, weight: step.weight, ...rounding };
    }
  }
}

/** ‖·‖₂ of the exact map; Infinity if the verifier has not enough work left for it. */
export function formNorm(site: Site, form: Form): number {
  return addUp(computedNorm(site, form), form.error);
}

function computedNorm(site: Site, form: Form): number {
  switch (form.kind) {
    case 'kernel':
      return kernelCost(form) > site.workLeft / 2
        ? Number.POSITIVE_INFINITY
        : convNorms(site, form.weights, form.geometry, form.wraps).norm;
    case 'blocks': {
      const { rows, cols } = form.matrices[0]!;
      const cost = form.matrices.length * normsCost(rows, cols);
      if (cost > site.workLeft / 2) return Number.POSITIVE_INFINITY;
      site.spend(cost);
      return form.matrices.reduce((most, m) => Math.max(most, spectralNormUpper(m)), 0);
    }
    // A mean projects: the map is own on what has mean 0, and own + mean on what is constant in each group.
    case 'centring':
      return Math.max(Math.abs(form.own), up(Math.abs(form.own + form.mean)));
    case 'diagonal':
      return largestMagnitude(form.factors);
    default:
      return form.absolute;
  }
}

/** What convNorms spends at once. */
function kernelCost({ geometry }: Kernel): number {
  const [rows, cols, a1, a2] = tapsSize(geometry);
  const taps = a1 * a2;
  return geometry.groups * taps * (taps + 1) * Math.min(rows, cols) * rows * cols;
}

/** A bound of ‖·‖₂ that needs little work, and is tight only where it is nearly 0. */
export function frobenius(form: Form): number {
  if (form.kind === 'blocks') {
    return addUp(
      form.matrices.reduce((most, m) => Math.max(most, frobeniusUpper(m)), 0),
      form.error,
    );
  }
  if (form.kind !== 'kernel') return Number.POSITIVE_INFINITY;
  // Every entry of the kernel is a Conv of norm at most its modulus, and those of one tap together a matrix.
  const taps = form.geometry.kernel[0] * form.geometry.kernel[1];
  let sum = form.error;
  for (let t = 0; t < taps; t++) {
    const values = form.weights.filter((_, i) => i % taps === t);
    sum = addUp(sum, frobeniusUpper({ rows: values.length, cols: 1, values }));
  }
  return sum;
}

/** ‖·‖_F, rounded up. */
export function frobeniusUpper({ values }: Matrix): number {
  return vectorNormUpper(values);
}
