/** Scalar functions by other formulas than the project's own: the oracle of what is proven about them. */

const { abs, exp, log, max, min, sqrt, PI } = Math;

/** Σ of the alternating Taylor series for small |x|; erfc by Simpson's rule on its tail beyond. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x > 6) return 1;
  if (x < 1) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 30; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / sqrt(PI)) * sum;
  }
  const steps = 2000;
  const h = 8 / steps;
  let tail = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    tail += weight * exp(-((x + i * h) ** 2));
  }
  return 1 - (2 / sqrt(PI)) * (h / 3) * tail;
}

/** e^x − 1 without cancellation: 2·e^(x/2)·sinh(x/2). */
const less1 = (x: number): number => (x < -60 ? -1 : 2 * exp(x / 2) * Math.sinh(x / 2));

export const sigmoid = (x: number): number => 0.5 + 0.5 * Math.tanh(x / 2);
const softplus = (x: number): number => (x > 30 ? x : x < -30 ? exp(x) : log(1 + exp(x)));
export const clamp = (x: number): number => min(max(x, 0), 1);

export const elu = (x: number, alpha: number, gamma = 1, c = 1): number =>
  gamma * (max(x, 0) + min(0, alpha * less1(min(x, 0) / c)));

/** The functions of operators without constants. */
export const PLAIN: Readonly<Record<string, (x: number) => number>> = {
  Sigmoid: sigmoid,
  Tanh: (x) => (abs(x) > 20 ? Math.sign(x) : less1(2 * x) / (less1(2 * x) + 2)),
  Erf: erf,
  Softplus: softplus,
  Softsign: (x) => x / (1 + abs(x)),
  Mish: (x) => x * Math.tanh(softplus(x)),
};
