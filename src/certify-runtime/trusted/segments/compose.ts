/** One linear map after another, as one form. Lemma 20. */

import type { Matrix } from '../bounds/matrix-norm.ts';
import { addUp, gamma64, mulUp, sqrtUp } from '../bounds/rounding.ts';
import {
  type Blocks,
  byBlock,
  byChannel,
  type Centring,
  type Diagonal,
  type Form,
  isZero,
  type Kernel,
  ofProduct,
  type Picks,
  type Rounding,
  type Sums,
  spatial,
} from './form.ts';

/** b ∘ a, for a b that takes what a gives; null if that is none of the forms. */
export function composed(b: Form, a: Form): Form | null {
  if (isZero(a) || isIdentity(b)) return a;
  if (isIdentity(a)) return b;
  if (a.kind === 'diagonal') return b.kind === 'diagonal' ? diagonals(b, a) : scaledInside(b, a);
  if (b.kind === 'diagonal') return scaledOutside(b, a);
  if (b.kind === 'blocks' && a.kind === 'blocks') return blocksOfBlocks(b, a);
  if (b.kind === 'kernel' && a.kind === 'kernel') return kernelOfKernel(b, a);
  if (b.kind === 'kernel' && a.kind === 'picks') return wrapped(b, a);
  return b.kind === 'picks' && a.kind === 'sums' ? spreadMeans(b, a) : null;
}

function isIdentity(form: Form): boolean {
  return form.kind === 'diagonal' && form.factors.length === 1 && form.factors[0] === 1 && form.error === 0;
}

function diagonals(b: Diagonal, a: Diagonal): Diagonal {
  const [long, short] = a.factors.length > b.factors.length ? [a.factors, b.factors] : [b.factors, a.factors];
  const factors = long.map((factor, e) => factor * short[short.length === 1 ? 0 : e]!);
  return { kind: 'diagonal', factors, ...ofProduct(b, a, 1) };
}

/** b ∘ diag. */
function scaledInside(b: Exclude<Form, Diagonal>, a: Diagonal): Form | null {
  const { factors } = a;
  const rounding = ofProduct(b, a, 1);
  if (b.kind === 'kernel') {
    const { inputChannels, groups, input, outputChannels } = b.geometry;
    const own = byChannel(
      factors,
      factors.length,
      inputChannels,
      (e) => Math.floor(e / spatial(input)) % inputChannels,
    );
    if (own === null) return null;
    const [each, per] = [inputChannels / groups, outputChannels / groups];
    const taps = spatial(b.geometry.kernel);
    const weights = b.weights.map((w, i) => {
      const group = Math.floor(i / (taps * each * per));
      return w * own[group * each + (Math.floor(i / taps) % each)]!;
    });
    return { ...b, ...rounding, weights };
  }
  if (b.kind === 'blocks') {
    const own = byBlock(b, factors, factors.length, 'cols');
    if (own === null) return null;
    const matrices = b.matrices.map((m, f) => ({ ...m, values: m.values.map((w, i) => w * own[f]![i % m.cols]!) }));
    return { ...b, ...rounding, matrices };
  }
  return factors.length === 1 ? multiplied(b, factors[0]!, rounding) : null;
}

/** diag ∘ a. */
function scaledOutside(b: Diagonal, a: Exclude<Form, Diagonal>): Form | null {
  const { factors } = b;
  const rounding = ofProduct(b, a, 1);
  if (a.kind === 'kernel') {
    const { outputChannels, output } = a.geometry;
    const own = byChannel(
      factors,
      factors.length,
      outputChannels,
      (e) => Math.floor(e / spatial(output)) % outputChannels,
    );
    const each = a.weights.length / outputChannels;
    return own && { ...a, ...rounding, weights: a.weights.map((w, i) => w * own[Math.floor(i / each)]!) };
  }
  if (a.kind === 'blocks') {
    const own = byBlock(a, factors, factors.length, 'rows');
    if (own === null) return null;
    const matrices = a.matrices.map((m, f) => ({
      ...m,
      values: m.values.map((w, i) => w * own[f]![Math.floor(i / m.cols)]!),
    }));
    return { ...a, ...rounding, matrices };
  }
  return factors.length === 1 ? multiplied(a, factors[0]!, rounding) : null;
}

function multiplied(form: Picks | Sums | Centring, factor: number, rounding: Rounding): Form | null {
  if (form.kind === 'sums') return { ...form, ...rounding, weight: form.weight * factor };
  if (form.kind === 'centring') return { ...form, ...rounding, own: form.own * factor, mean: form.mean * factor };
  return null;
}

function blocksOfBlocks(b: Blocks, a: Blocks): Blocks | null {
  const { before, after, matrices } = a;
  const [outer, inner] = [b.matrices[0]!, matrices[0]!];
  // With one matrix for all, what lies before the axis does not matter.
  const same =
    b.matrices.length === matrices.length && b.after === after && (matrices.length === 1 || b.before === before);
  if (!same || outer.cols !== inner.rows) return null;
  const products = matrices.map((m, f) => product(b.matrices[f]!, m));
  return { ...a, ...ofProduct(b, a, inner.rows + 1), matrices: products };
}

function product(b: Matrix, a: Matrix): Matrix {
  const values = new Float64Array(b.rows * a.cols);
  for (let i = 0; i < b.rows; i++) {
    for (let j = 0; j < a.rows; j++) {
      const factor = b.values[i * b.cols + j]!;
      for (let k = 0; k < a.cols; k++) values[i * a.cols + k]! += factor * a.values[j * a.cols + k]!;
    }
  }
  return { rows: b.rows, cols: a.cols, values };
}

/** A Conv without padding after another one: what it reads are outputs of that one, so it is a Conv of both kernels. */
function kernelOfKernel(b: Kernel, a: Kernel): Kernel | null {
  const [g, h] = [b.geometry, a.geometry];
  const axes = [0, 1] as const;
  const inside = axes.every(
    (x) => g.padBegin[x] === 0 && (g.output[x] - 1) * g.stride[x] + (g.kernel[x] - 1) * g.dilation[x] < g.input[x],
  );
  const undilated = axes.every((x) => h.dilation[x] === 1);
  const follows = h.outputChannels === g.inputChannels && axes.every((x) => h.output[x] === g.input[x]);
  if (!follows || !inside || !undilated || b.wraps || a.wraps || h.groups !== 1) return null;
  const kernel = axes.map((x) => (g.kernel[x] - 1) * g.dilation[x] * h.stride[x] + h.kernel[x]) as [number, number];
  const size = g.outputChannels * h.inputChannels * spatial(kernel);
  if (size > 2 ** 20 || size * spatial(g.kernel) * g.inputChannels > 2 ** 32) return null;
  const weights = new Float64Array(size);
  const [each, per] = [g.inputChannels / g.groups, g.outputChannels / g.groups];
  for (let out = 0; out < g.outputChannels; out++) {
    for (let middle = 0; middle < each; middle++) {
      const channel = Math.floor(out / per) * each + middle;
      for (let t = 0; t < spatial(g.kernel); t++) {
        const factor = b.weights[(out * each + middle) * spatial(g.kernel) + t]!;
        const s1 = Math.floor(t / g.kernel[1]) * g.dilation[0] * h.stride[0];
        const s2 = (t % g.kernel[1]) * g.dilation[1] * h.stride[1];
        for (let input = 0; input < h.inputChannels; input++) {
          for (let u1 = 0; u1 < h.kernel[0]; u1++) {
            for (let u2 = 0; u2 < h.kernel[1]; u2++) {
              const from = ((channel * h.inputChannels + input) * h.kernel[0] + u1) * h.kernel[1] + u2;
              const to = ((out * h.inputChannels + input) * kernel[0] + s1 + u1) * kernel[1] + s2 + u2;
              weights[to]! += factor * a.weights[from]!;
            }
          }
        }
      }
    }
  }
  const geometry = {
    ...h,
    ...{ outputChannels: g.outputChannels, kernel, output: g.output },
    stride: axes.map((x) => g.stride[x] * h.stride[x]) as [number, number],
  };
  return { ...a, ...ofProduct(b, a, each * spatial(g.kernel) + 1), weights, geometry };
}

/** A Conv of a circularly padded image. */
function wrapped(b: Kernel, a: Picks): Kernel | null {
  const { geometry: g, rows } = b;
  const inside = ([0, 1] as const).every(
    (x) => g.padBegin[x] === 0 && g.stride[x] === 1 && g.output[x] - 1 + (g.kernel[x] - 1) * g.dilation[x] < g.input[x],
  );
  if (!inside || b.wraps) return null;
  const [n1, n2] = g.output;
  if (a.inputs !== rows * g.inputChannels * n1 * n2 || a.first[0]! < 0) return null;
  // Element (p₁, p₂) of every image must be element (p₁ − begin₁ mod n₁, p₂ − begin₂ mod n₂) before the padding.
  const [begin1, begin2] = [Math.floor(a.first[0]! / n2) % n1, a.first[0]! % n2];
  let e = 0;
  for (let image = 0; image < rows * g.inputChannels; image++) {
    for (let p1 = 0; p1 < g.input[0]; p1++) {
      for (let p2 = 0; p2 < g.input[1]; p2++) {
        const source = (image * n1 + ((p1 + begin1) % n1)) * n2 + ((p2 + begin2) % n2);
        if (a.first[e++] !== source) return null;
      }
    }
  }
  // Where it begins is a rotation of the image, so the norm does not depend on it.
  const padBegin = [n1 - begin1, n2 - begin2].map((begin, x) => begin % g.output[x as 0 | 1]) as [number, number];
  return { ...b, ...ofProduct(b, a, 1), geometry: { ...g, padBegin, input: g.output }, wraps: true };
}

/** Every mean at each place of its own group. */
function spreadMeans(b: Picks, a: Sums): Centring | null {
  if (b.first.length !== a.into.length || b.first.some((i, e) => i !== a.into[e])) return null;
  const sizes = new Int32Array(a.outputs);
  for (const group of a.into) sizes[group]!++;
  const size = sizes[0]!;
  if (sizes.some((other) => other !== size)) return null;
  const mean = a.weight * size;
  const absolute = Math.abs(mean);
  return {
    kind: 'centring',
    into: a.into,
    own: 0,
    mean,
    error: addUp(mulUp(sqrtUp(size), a.error), gamma64(2) * absolute),
    absolute,
  };
}
