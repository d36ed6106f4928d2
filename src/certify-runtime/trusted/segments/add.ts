/** Sums of linear maps, as one form. Lemma 20. */

import type { ConvGeometry } from '../bounds/conv-taps.ts';
import { composed } from './compose.ts';
import {
  type Blocks,
  byBlock,
  byChannel,
  type Diagonal,
  diagonal,
  type Form,
  isZero,
  type Kernel,
  ofSum,
  type Rounding,
} from './form.ts';

/** a + sign·b of two maps between the same tensors; null if that is none of the forms. */
export function added(a: Form, b: Form, sign: number): Form | null {
  const signed = composed(diagonal(Float64Array.of(sign)), b);
  if (signed === null || isZero(a)) return signed;
  return isZero(signed) ? a : sum(a, signed);
}

function sum(a: Form, b: Form): Form | null {
  const rounding = ofSum(a, b);
  if (b.kind === 'diagonal') return withDiagonal(a, b, rounding);
  if (a.kind === 'diagonal') return withDiagonal(b, a, rounding);
  if (a.kind === 'blocks' && b.kind === 'blocks') {
    const [m, n] = [a.matrices[0]!, b.matrices[0]!];
    const same =
      a.matrices.length === b.matrices.length &&
      a.after === b.after &&
      (a.matrices.length === 1 || a.before === b.before);
    if (!same || m.rows !== n.rows) return null;
    const matrices = a.matrices.map((own, f) => ({
      ...own,
      values: own.values.map((w, i) => w + b.matrices[f]!.values[i]!),
    }));
    return { ...a, ...rounding, matrices };
  }
  if (a.kind === 'kernel' && b.kind === 'kernel') {
    if (a.wraps !== b.wraps || !sameGeometry(a.geometry, b.geometry)) return null;
    return { ...a, ...rounding, weights: a.weights.map((w, i) => w + b.weights[i]!) };
  }
  if (a.kind === 'centring' && b.kind === 'centring' && a.into === b.into) {
    return { ...a, ...rounding, own: a.own + b.own, mean: a.mean + b.mean };
  }
  return null;
}

function sameGeometry(g: ConvGeometry, h: ConvGeometry): boolean {
  const pairs = ['kernel', 'stride', 'dilation', 'padBegin', 'input', 'output'] as const;
  const numbers = ['inputChannels', 'outputChannels', 'groups'] as const;
  return (
    pairs.every((key) => g[key][0] === h[key][0] && g[key][1] === h[key][1]) &&
    numbers.every((key) => g[key] === h[key])
  );
}

/** a + b for a scale b. */
function withDiagonal(a: Form, { factors }: Diagonal, rounding: Rounding): Form | null {
  switch (a.kind) {
    case 'diagonal': {
      const [long, short] = a.factors.length > factors.length ? [a.factors, factors] : [factors, a.factors];
      return { ...a, ...rounding, factors: long.map((factor, e) => factor + short[short.length === 1 ? 0 : e]!) };
    }
    case 'kernel':
      return kernelPlus(a, factors, rounding);
    case 'blocks':
      return blocksPlus(a, factors, rounding);
    case 'centring':
      return factors.length === 1 ? { ...a, ...rounding, own: a.own + factors[0]! } : null;
    default:
      return null;
  }
}

/** A scale is a Conv whose only tap lies where an output finds its own place in the input. */
function kernelPlus(a: Kernel, factors: Float64Array, rounding: Rounding): Kernel | null {
  const { geometry: g, weights } = a;
  const own = byChannel(
    factors,
    factors.length,
    g.inputChannels,
    (e) => Math.floor(e / (g.input[0] * g.input[1])) % g.inputChannels,
  );
  const [t1, t2] = [g.padBegin[0] / g.dilation[0], g.padBegin[1] / g.dilation[1]];
  const [k1, k2] = g.kernel;
  const sameSize = ([0, 1] as const).every((x) => g.stride[x] === 1 && g.input[x] === g.output[x]);
  const found = Number.isInteger(t1) && Number.isInteger(t2) && t1 < k1 && t2 < k2;
  if (own === null || !sameSize || !found) return null;
  const each = g.inputChannels / g.groups;
  const sums = weights.slice();
  for (let c = 0; c < g.outputChannels; c++) sums[((c * each + (c % each)) * k1 + t1) * k2 + t2]! += own[c]!;
  return { ...a, ...rounding, weights: sums };
}

function blocksPlus(a: Blocks, factors: Float64Array, rounding: Rounding): Blocks | null {
  const own = byBlock(a, factors, factors.length, 'cols');
  if (own === null) return null;
  const matrices = a.matrices.map((m, f) => ({
    ...m,
    values: m.values.map((w, i) => (i % (m.cols + 1) === 0 ? w + own[f]![i % m.cols]! : w)),
  }));
  return { ...a, ...rounding, matrices };
}
