/** Scalar functions in float64, with their slopes: for attacks, the second opinion, and the check of a provider's own. */

export interface Scalar {
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** erf to some units of 10⁻¹⁶: Σ 2ⁿx²ⁿ⁺¹/(2n+1)!!·e^(−x²)·2/√π, and a continued fraction of erfc from 3 on. */
function erf(x: number): number {
  const t = Math.abs(x);
  if (!(t < 6)) return Number.isNaN(t) ? Number.NaN : Math.sign(x);
  const factor = TWO_OVER_ROOT_PI * Math.exp(-t * t);
  if (t < 3) {
    let term = t;
    let sum = t;
    for (let n = 1; term > sum * 2 ** -54; n++) {
      term *= (2 * t * t) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * factor * sum;
  }
  let fraction = t;
  for (let n = 40; n >= 1; n--) fraction = t + n / (2 * fraction);
  return Math.sign(x) * (1 - factor / (2 * fraction));
}

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const sigmoidSlope = (x: number): number => sigmoid(x) * sigmoid(-x);
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sech2 = (x: number): number => 1 - Math.tanh(x) ** 2;
const clamp = (x: number): number => Math.min(Math.max(x, 0), 1);

/** γ·(max(x, 0) + α·min(e^(x/c) − 1, 0)). */
export function exponentialUnit(alpha: number, gamma = 1, c = 1): Scalar {
  return {
    value: (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x / c)),
    slope: (x) => gamma * (x > 0 ? 1 : (alpha / c) * Math.exp(x / c)),
  };
}

/** min(max(αx + β, 0), 1). */
export function hardSigmoid(alpha: number, beta: number): Scalar {
  return {
    value: (x) => clamp(alpha * x + beta),
    slope: (x) => (alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0),
  };
}

/** x·g(x). */
export function gated({ value, slope }: Scalar): Scalar {
  return { value: (x) => (x === 0 ? 0 : x * value(x)), slope: (x) => value(x) + x * slope(x) };
}

export const sigmoidUnit: Scalar = { value: sigmoid, slope: sigmoidSlope };
export const erfUnit: Scalar = { value: erf, slope: (x) => TWO_OVER_ROOT_PI * Math.exp(-x * x) };
export const tanhUnit: Scalar = { value: Math.tanh, slope: sech2 };
export const softplusUnit: Scalar = { value: softplus, slope: sigmoid };
export const softsignUnit: Scalar = { value: (x) => x / (1 + Math.abs(x)), slope: (x) => 1 / (1 + Math.abs(x)) ** 2 };
export const mishUnit: Scalar = gated({
  value: (x) => Math.tanh(softplus(x)),
  slope: (x) => sech2(softplus(x)) * sigmoid(x),
});
