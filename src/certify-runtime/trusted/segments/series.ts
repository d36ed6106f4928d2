/** Polynomials of one convolution, such as the Taylor series of SOC: their norm if it is nearly skew-symmetric. Lemma 20. */

import { addUp, gamma64, mulUp, sqrtUp } from '../bounds/rounding.ts';
import type { Site } from '../walk/site.ts';
import type { Step } from '../walk/steps.ts';
import { added } from './add.ts';
import { adjoint } from './adjoint.ts';
import type { Path } from './dense.ts';
import { formNorm, frobenius, ownForm } from './forms.ts';
import type { Node } from './node.ts';

type Conv = Extract<Step, { readonly kind: 'conv' }>;

/** Σ cⱼKʲ for the Conv K, or only c₀ if it is null. `moduli`: the sums of the moduli of what each cⱼ is a sum of. */
export interface Series {
  readonly conv: Conv | null;
  readonly coefficients: readonly number[];
  readonly moduli: readonly number[];
}

/** More powers than this are not followed. */
const MOST_POWERS = 24;

/** Most roundings of a coefficient: a step has one for each operand, and 32 for a factor that is given to 2⁻⁴⁸. */
const ROUNDINGS = 2 ** 13;

/** With moduli from here on, and λ² up to LEAST_SQUARE or more, nothing that counts underflows. */
const LEAST_MODULUS = 2 ** -100;
const LEAST_SQUARE = 2 ** -20;

const ONE: Series = { conv: null, coefficients: [1], moduli: [1] };
const NOTHING: Series = { conv: null, coefficients: [], moduli: [] };

/** The path's map as a series of degree 2 or more; null if it is none. */
export function seriesOf(site: Site, { leaf, last, nodes }: Path): Series | null {
  const known = new Map<Node, Series | null>([[leaf, ONE]]);
  let roundings = 0;
  for (const node of nodes) {
    roundings += node.operands.length + 32;
    if (roundings > ROUNDINGS) return null;
    const cost = node.step?.kind === 'conv' ? node.step.weights.length : 1;
    if (cost > site.workLeft / 8) return null;
    site.spend(cost);
    const operands = node.operands.map((operand) => known.get(operand) ?? null);
    known.set(node, operands.includes(null) ? null : seriesAt(node.step, operands as readonly Series[]));
  }
  const series = known.get(last) ?? null;
  return series !== null && series.coefficients.length > 2 ? series : null;
}

function seriesAt(step: Node['step'], operands: readonly Series[]): Series | null {
  const { conv, coefficients, moduli } = operands[0]!;
  if (step?.kind === 'scale' && step.factors.length === 1) {
    const times = (values: readonly number[], factor: number) => values.map((value) => value * factor);
    const factor = step.factors[0]!;
    const scaled = times(moduli, Math.abs(factor));
    if (scaled.some((modulus) => modulus > 0 && modulus < LEAST_MODULUS)) return null;
    return { conv, coefficients: times(coefficients, factor), moduli: scaled };
  }
  if (step?.kind === 'conv' && coefficients.length <= MOST_POWERS && isSame(conv ?? step, step))
    return { conv: conv ?? step, coefficients: [0, ...coefficients], moduli: [0, ...moduli] };
  if (step?.kind !== 'sum') return null;
  return operands.reduce<Series | null>((sum, operand, i) => sum && plus(sum, operand, step.signs[i]!), NOTHING);
}

function plus(a: Series, b: Series, sign: number): Series | null {
  if (a.conv !== null && b.conv !== null && !isSame(a.conv, b.conv)) return null;
  const sum = (x: readonly number[], y: readonly number[], factor: number) =>
    Array.from({ length: Math.max(x.length, y.length) }, (_, j) => (x[j] ?? 0) + factor * (y[j] ?? 0));
  return {
    conv: a.conv ?? b.conv,
    coefficients: sum(a.coefficients, b.coefficients, sign),
    moduli: sum(a.moduli, b.moduli, 1),
  };
}

/** Whether they have the same weights and the same geometry. */
function isSame(a: Conv, b: Conv): boolean {
  if (a === b) return true;
  const same = a.rows === b.rows && JSON.stringify(a.geometry) === JSON.stringify(b.geometry);
  if (!same || a.weights.length !== b.weights.length) return false;
  if (a.weights === b.weights) return true;
  for (let i = 0; i < a.weights.length; i++) if (a.weights[i] !== b.weights[i]) return false;
  return true;
}

/**
 * K = S + Δ with S = (K − Kᵀ)/2, whose eigenvalues are imaginary, and Δ = (K + Kᵀ)/2: ‖p(K)‖ ≤ max|p(iλ)| over |λ| ≤ ‖S‖,
 * plus Σ|cⱼ|·j·(‖S‖ + ‖Δ‖)ʲ⁻¹·‖Δ‖. Infinity if K has no adjoint of its own geometry.
 */
export function seriesNorm(site: Site, { conv, coefficients, moduli }: Series): number {
  const [s, delta] = partsOf(site, conv!);
  const norm = addUp(s, delta);
  let rest = 0;
  let power = 1;
  for (const [j, modulus] of moduli.entries()) {
    // `power` is ‖K‖ʲ⁻¹ or more, and 1 for j = 0.
    rest = addUp(
      rest,
      mulUp(mulUp(modulus, power), addUp(mulUp(j, delta), mulUp(gamma64(ROUNDINGS), Math.max(1, norm)))),
    );
    if (j > 0) power = mulUp(power, norm);
  }
  return addUp(sqrtUp(onImaginaryAxis(coefficients, Math.max(LEAST_SQUARE, mulUp(s, s)))), mulUp(rest, 1 + 2 ** -40));
}

/** What is known of the Convs of each proof: a constant that several nodes share is bounded once. */
const caches = new WeakMap<
  object,
  Map<Conv['weights'], { readonly conv: Conv; readonly norms: readonly [number, number] }>
>();

/** ‖S‖ and ‖Δ‖. */
function partsOf(site: Site, conv: Conv): readonly [number, number] {
  const parts = caches.get(site.walk) ?? new Map();
  caches.set(site.walk, parts);
  const known = parts.get(conv.weights);
  if (known !== undefined && isSame(known.conv, conv)) return known.norms;
  const own = ownForm(conv, 0);
  const turned = own.kind === 'kernel' ? adjoint(own) : null;
  const [skew, even] = [turned && added(own, turned, -1), turned && added(own, turned, 1)];
  if (skew === null || even === null) return [Number.POSITIVE_INFINITY, 0];
  const norms = [formNorm(site, skew) / 2, frobenius(even) / 2] as const;
  parts.set(conv.weights, { conv, norms });
  return norms;
}

/** Pieces into which the interval is divided. */
const PIECES = 64;

/** A bound of |p(iλ)|² = E(t)² + t·O(t)² for t = λ² from 0 to `largest`, with p(iλ) = E(t) + iλ·O(t). */
function onImaginaryAxis(coefficients: readonly number[], largest: number): number {
  const squares = new Float64Array(coefficients.length);
  const moduli = new Float64Array(coefficients.length);
  for (const [j, a] of coefficients.entries()) {
    for (const [k, b] of coefficients.entries()) {
      if ((j + k) % 2 !== 0) continue;
      // iʲ·i⁻ᵏ is 1 or −1 if j and k are both even or both odd.
      squares[(j + k) / 2]! += ((j - k) / 2) % 2 === 0 ? a * b : -a * b;
      moduli[(j + k) / 2]! += Math.abs(a * b);
    }
  }
  let most = 0;
  for (let piece = 0; piece < PIECES; piece++) {
    const [from, to] = [(largest * piece) / PIECES, (largest * (piece + 1)) / PIECES];
    let [value, size, least, greatest] = [0, 0, 1, 1];
    squares.forEach((square, m) => {
      value += square * (square > 0 ? greatest : least);
      size += moduli[m]! * greatest;
      [least, greatest] = [least * from, greatest * to];
    });
    // Hundreds of roundings, in the coefficients too, are far fewer than these.
    most = Math.max(most, addUp(Math.max(0, value), mulUp(gamma64(ROUNDINGS), size)));
  }
  return most;
}
