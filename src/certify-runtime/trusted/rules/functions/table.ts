/**
 * The scalar functions that have a rule: their slopes, their value at 0, and how far a provider's version of them may be
 * from them (assumption A7). Lemma 24 derives the slopes; docs/functions.json has what was measured.
 */

import { mulUp } from '../../bounds/rounding.ts';
import type { ScalarFunction } from './pointwise.ts';

/** The attributes of a node, as a Site gives them. */
export interface Attributes {
  number(name: string, otherwise: number): number;
  refuse(reason: string): never;
}

/** The unit roundoff of float32. */
const U = 2 ** -24;

/** What A7 allows: |f̂(v) − f(v)| ≤ absolute + relative·|v|. Elu, Selu and Celu multiply it by their own constants. */
export const A7 = {
  Sigmoid: { absolute: 16 * U, relative: 0 },
  Tanh: { absolute: 0, relative: 32 * U, limit: 32 * U },
  Erf: { absolute: 0, relative: 16 * U, limit: 16 * U },
  Elu: { absolute: 8 * U, relative: 0 },
  Softplus: { absolute: 16 * U, relative: 8 * U },
  Softsign: { absolute: 0, relative: 16 * U },
  Mish: { absolute: 0, relative: 64 * U },
  Silu: { absolute: 0, relative: 32 * U },
  Gelu: { absolute: 0, relative: 32 * U },
} as const;

/** (f(v) − f(w))/(v − w) for the functions without constants. */
const SLOPES = {
  /** σ′ = σ(1 − σ). */
  Sigmoid: { low: 0, high: 0.25, offset: 0.5 },
  /** 1 − tanh². */
  Tanh: { low: 0, high: 1, offset: 0 },
  /** (2/√π)e^(−v²). */
  Erf: { low: 0, high: 1.1283791671, offset: 0 },
  /** σ; log 2 at 0. */
  Softplus: { low: 0, high: 1, offset: Math.LN2 * (1 + 2 ** -50) },
  /** 1/(1 + |v|)². */
  Softsign: { low: 0, high: 1, offset: 0 },
  Mish: { low: -0.1127, high: 1.0886, offset: 0 },
  Silu: { low: -0.0998393202, high: 1.0998393202, offset: 0 },
  Gelu: { low: -0.1289041452, high: 1.1289041452, offset: 0 },
} as const;

/** x·σ(kx) for any k ≠ 0, x·Φ(x), and their like. */
export const silu: ScalarFunction = { ...SLOPES.Silu, ...A7.Silu };
export const gelu: ScalarFunction = { ...SLOPES.Gelu, ...A7.Gelu };
export const mish: ScalarFunction = { ...SLOPES.Mish, ...A7.Mish };

/** 2f. */
export function twice(f: ScalarFunction): ScalarFunction {
  return {
    low: 2 * f.low,
    high: 2 * f.high,
    offset: 2 * f.offset,
    absolute: 2 * f.absolute,
    relative: 2 * f.relative,
    swell: 2,
  };
}

/** An attribute from 2⁻²⁴ to 2²⁴: products with it neither overflow nor vanish where the function is bounded. */
function positive(node: Attributes, name: string, otherwise: number): number {
  const value = node.number(name, otherwise);
  return isModerate(value) ? value : node.refuse(`${name} = ${value} is not between 2⁻²⁴ and 2²⁴`);
}

/** Whether a constant is between 2⁻²⁴ and 2²⁴. */
export function isModerate(value: number): boolean {
  return value >= 2 ** -24 && value <= 2 ** 24;
}

/** max(v, 0) + α·min(e^v − 1, 0). */
function elu(node: Attributes): ScalarFunction {
  const alpha = positive(node, 'alpha', 1);
  return { low: 0, high: Math.max(1, alpha), offset: 0, absolute: mulUp(alpha, A7.Elu.absolute), relative: 0 };
}

/** γ·(max(v, 0) + α·min(e^v − 1, 0)). */
function selu(node: Attributes): ScalarFunction {
  const alpha = positive(node, 'alpha', 1.6732632);
  const gamma = positive(node, 'gamma', 1.050701);
  return {
    low: 0,
    high: mulUp(gamma, Math.max(1, alpha)),
    offset: 0,
    absolute: mulUp(gamma, mulUp(alpha, A7.Elu.absolute)),
    relative: mulUp(4 * U, gamma),
    swell: Math.max(1, gamma),
  };
}

/** max(v, 0) + α·min(e^(v/α) − 1, 0), which ONNX writes as α·Elu(v/α). */
function celu(node: Attributes): ScalarFunction {
  const alpha = positive(node, 'alpha', 1);
  return {
    low: 0,
    high: 1,
    offset: 0,
    absolute: mulUp(alpha, A7.Elu.absolute),
    relative: 8 * U,
    swell: Math.max(1, 1 / alpha) * (1 + 2 ** -50),
  };
}

/** The constants of min(max(αv + β, 0), 1). */
export function hardSigmoidConstants(node: Attributes): readonly [alpha: number, beta: number] {
  const [alpha, beta] = [node.number('alpha', 0.2), node.number('beta', 0.5)];
  if (!isModerate(Math.abs(alpha))) node.refuse(`alpha = ${alpha} is not between 2⁻²⁴ and 2²⁴ in magnitude`);
  if (!(Math.abs(beta) <= 2 ** 10)) node.refuse(`beta = ${beta} is not between −2¹⁰ and 2¹⁰`);
  return [alpha, beta];
}

/** Two roundings before a function that does not magnify them. */
function hardSigmoid(node: Attributes): ScalarFunction {
  const [alpha, beta] = hardSigmoidConstants(node);
  return {
    low: Math.min(0, alpha),
    high: Math.max(0, alpha),
    offset: Math.min(Math.max(0, beta), 1),
    absolute: 4 * U * Math.abs(beta),
    relative: 4 * U * Math.abs(alpha),
    swell: Math.max(1, Math.abs(alpha)),
  };
}

/** v·min(max(αv + β, 0), 1): slopes 0, 1, and 2αv + β where 0 ≤ αv + β ≤ 1. */
export function hardSwish(alpha: number, beta: number): ScalarFunction {
  return {
    low: Math.min(0, -beta),
    high: Math.max(1, (2 - beta) * (1 + 2 ** -50)),
    offset: 0,
    absolute: 0,
    relative: 16 * U * (1 + Math.abs(beta)),
    swell: Math.max(1, Math.abs(alpha)),
  };
}

/** The function of an operator at its node. */
export const FUNCTIONS = {
  Sigmoid: () => ({ ...SLOPES.Sigmoid, ...A7.Sigmoid }),
  Tanh: () => ({ ...SLOPES.Tanh, ...A7.Tanh }),
  Erf: () => ({ ...SLOPES.Erf, ...A7.Erf }),
  Softplus: () => ({ ...SLOPES.Softplus, ...A7.Softplus }),
  Softsign: () => ({ ...SLOPES.Softsign, ...A7.Softsign }),
  Mish: () => mish,
  Elu: elu,
  Selu: selu,
  Celu: celu,
  HardSigmoid: hardSigmoid,
  HardSwish: () => hardSwish(Math.fround(1 / 6), 0.5),
} as const satisfies Record<string, (node: Attributes) => ScalarFunction>;
