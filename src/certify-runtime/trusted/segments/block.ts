/** v = αu + G·σ(W·u) with one hidden layer, σ element by element with slopes in [low, high]: its Lipschitz bound. Lemma 21. */

import { type Matrix, normsCost, spectralNormUpper, transpose } from '../bounds/matrix-norm.ts';
import { addUp, divUp, gamma64, mulUp, up } from '../bounds/rounding.ts';
import { gram } from '../bounds/symmetric.ts';
import type { Site } from '../walk/site.ts';
import { added } from './add.ts';
import { adjoint, columns } from './adjoint.ts';
import { composed } from './compose.ts';
import { type Blocks, diagonal, type Form, type Kernel } from './form.ts';
import { formNorm, frobenius, frobeniusUpper } from './forms.ts';

export interface Block {
  /** The elements of the hidden layer of one sample. */
  readonly hidden: number;
  /** α, of what goes around the hidden layer. */
  readonly around: number;
  readonly inward: Blocks | Kernel;
  readonly outward: Blocks | Kernel;
  readonly low: number;
  readonly high: number;
}

/** The smaller of what the two halves of the lemma give; Infinity if neither applies. */
export function blockBound(site: Site, block: Block): number {
  return block.around === 0 ? plainBound(site, block) : residualBound(site, block);
}

/**
 * G = −Wᵀ·diag(c) + Δ with c ≥ 0: αI − Wᵀ·diag(c)·D·W is symmetric, with eigenvalues from α − max(high, 0)·λ to α −
 * min(low, 0)·λ where λ = λ_max(Wᵀ·diag(c)·W); Δ adds ‖Δ‖·max|slope|·‖W‖. Any c ≥ 0 will do.
 */
function residualBound(site: Site, { hidden, around, inward, outward, low, high }: Block): number {
  const turned = adjoint(inward);
  if (turned === null) return Number.POSITIVE_INFINITY;
  const roots = rootsOfFit(turned, outward, hidden);
  if (roots === null) return Number.POSITIVE_INFINITY;
  // A scale of each channel of the hidden layer has a product with either layer.
  const inner = composed(roots, inward)!;
  const symmetric = composed(composed(turned, roots)!, roots)!;
  const rest = added(outward, symmetric, 1);
  if (rest === null) return Number.POSITIVE_INFINITY;
  const norm = formNorm(site, inner);
  const lambda = mulUp(norm, norm);
  const [least, most] = [around - Math.max(high, 0) * lambda, around - Math.min(low, 0) * lambda];
  const own = mulUp(Math.max(-least, most), 1 + 2 ** -48);
  const slope = Math.max(-low, high);
  const off = mulUp(slope, frobenius(rest));
  const cheap = mulUp(off, addUp(inward.absolute, inward.error));
  return addUp(own, cheap < 2 ** -20 ? cheap : mulUp(off, formNorm(site, inward)));
}

/** √c for each element of the hidden layer, with the c ≥ 0 that brings −Wᵀ·diag(c) nearest to G. */
function rootsOfFit(turned: Blocks | Kernel, outward: Blocks | Kernel, hidden: number): Form | null {
  const [own, other] = [columns(turned), columns(outward)];
  if (own === null || other === null || own.count !== other.count || own.length !== other.length) return null;
  const roots = new Float64Array(own.count);
  for (let h = 0; h < own.count; h++) {
    let [dot, square] = [0, 0];
    for (let k = 0; k < own.length; k++) {
      const w = own.at(h, k);
      dot += w * other.at(h, k);
      square += w * w;
    }
    roots[h] = square > 0 ? Math.sqrt(Math.max(0, -dot / square)) : 0;
  }
  return diagonal(Float64Array.from({ length: hidden }, (_, e) => roots[own.columnOf(e)]!));
}

/**
 * G·D·W with D = low + ρ(1 + E), |E| ≤ 1, ρ = (high − low)/2: for every ψ > 0, ‖G·D·W‖ ≤ ρ·‖[Ψ⁻¹Gᵀ, ΨW]‖² +
 * |low|·‖G‖·‖W‖, which is the bound of Sandwich layers for slopes in [0, 1]. Any ψ will do.
 */
function plainBound(site: Site, { inward, outward, low, high }: Block): number {
  if (inward.kind !== 'blocks' || outward.kind !== 'blocks') return Number.POSITIVE_INFINITY;
  if (inward.matrices.length > 1 || outward.matrices.length > 1 || inward.after !== outward.after)
    return Number.POSITIVE_INFINITY;
  const [w, g] = [inward.matrices[0]!, transpose(outward.matrices[0]!)];
  const cost = 2 * normsCost(w.rows, w.cols + g.cols) + w.rows * w.rows * (w.cols + g.cols + FIT_WORK * FIT_ROUNDS);
  if (w.rows !== g.rows || w.rows > MAX_HIDDEN || cost > site.workLeft / 2) return Number.POSITIVE_INFINITY;
  site.spend(cost);
  const radius = up((high - low) / 2);
  const psi = fittedScales(w, g);
  const values = new Float64Array(w.rows * (w.cols + g.cols));
  const joined = { rows: w.rows, cols: w.cols + g.cols, values };
  let [largest, smallest] = [0, Number.POSITIVE_INFINITY];
  for (let h = 0; h < w.rows; h++) {
    const scale = psi[h]!;
    [largest, smallest] = [Math.max(largest, scale), Math.min(smallest, scale)];
    for (let k = 0; k < g.cols; k++) values[h * joined.cols + k] = g.values[h * g.cols + k]! / scale;
    for (let k = 0; k < w.cols; k++) values[h * joined.cols + g.cols + k] = w.values[h * w.cols + k]! * scale;
  }
  const inherited = addUp(mulUp(largest, inward.error), divUp(outward.error, smallest));
  const rounding = mulUp(gamma64(4), frobeniusUpper(joined));
  const norm = addUp(addUp(spectralNormUpper(joined), rounding), inherited);
  const rest = Math.abs(low);
  const product = rest === 0 ? 0 : mulUp(rest, mulUp(formNorm(site, inward), formNorm(site, outward)));
  return addUp(mulUp(mulUp(radius, norm), norm), product);
}

/** Rounds of the fit of ψ², one coordinate at a time, and the multiply-adds that one entry takes in each. */
const FIT_ROUNDS = 20;
const FIT_WORK = 10;

/** Hidden elements whose Gram matrices are kept: twice 32 MiB. */
const MAX_HIDDEN = 2048;

/**
 * ψ > 0 for which Ψ⁻¹GᵀGΨ⁻¹ + ΨWWᵀΨ is nearly diagonal, from ψ² = ‖gᵢ‖/‖wᵢ‖; no proof rests on it. Rows of w and g
 * belong to the hidden elements.
 */
function fittedScales(w: Matrix, g: Matrix): Float64Array {
  const n = w.rows;
  const [ww, gg] = [gram(w.values, n, w.cols), gram(g.values, n, g.cols)];
  const start = Float64Array.from({ length: n }, (_, i) => {
    const ratio = Math.sqrt(gg[i * n + i]! / ww[i * n + i]!);
    return ratio > 2 ** -100 && ratio < 2 ** 100 ? ratio : 1;
  });
  const factors = new Float64Array(n).fill(1);
  for (let round = 0; round < FIT_ROUNDS; round++) {
    for (let i = 0; i < n; i++) {
      let [dot, square] = [0, 0];
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        const scale = Math.sqrt(start[i]! * start[j]!);
        const own = ww[i * n + j]! * scale * factors[j]!;
        dot -= (own * gg[i * n + j]!) / scale;
        square += own * own;
      }
      const fitted = dot / square;
      if (fitted > 2 ** -20 && fitted < 2 ** 20) factors[i] = fitted;
    }
  }
  return start.map((ratio, i) => Math.sqrt(ratio * factors[i]!));
}
