/** Sums of products in float32, with what a provider takes into them: scales of weights, inputs, products or sums. */

import type { Execution } from './float32.ts';
import type { After, Scaling } from './program/fusion.ts';
import type { DotStep, NormalizeStep } from './program/program.ts';
import type { Float32 } from './summation.ts';

/** What is taken into a product: the nearest so many of its chain. */
export interface Fused {
  readonly before: readonly Scaling[];
  readonly after: readonly After[];
}

/** Where the factor that is the same for all products goes: to the sum, to sums of blocks, or to one of the factors. */
const PLACES = ['sum', 'blocks', 'weights', 'products', 'inputs'] as const;

export function runDot(
  execution: Execution,
  step: DotStep,
  values: readonly Float64Array[],
  out: Float64Array,
  fused: Fused,
): void {
  const { arithmetic: f, chance, liberties, terms } = execution;
  const { starts, dataAt, divisors } = step;
  const data = values[step.data]!;
  const { alpha, weightOf } = factors(execution, step, step.weights < 0 ? null : values[step.weights]!, fused);
  const biasOf = biases(execution, step, values, fused.after);
  // A scale behind the layer is moved over it neither by itself nor with others (A4).
  const places = fused.after.some((one) => one.kind === 'scale') ? PLACES.slice(0, -1) : PLACES;
  const place = alpha !== 1 && liberties.moveScales ? chance.pick(places) : 'weights';
  const [order, multiplyAdd] = [f.anyOrder(), chance.is(0.5)];
  const first = chance.is(0.5) && place !== 'sum' && divisors === null;
  const block = place === 'blocks' ? 1 + chance.below(4) : 0;
  const mean = divisors === null ? 'none' : chance.pick(liberties.divideSums ? MEANS : MEANS.slice(0, 2));
  for (let e = 0; e < out.length; e++) {
    const [from, to] = [starts[e]!, starts[e + 1]!];
    const n = to - from;
    const k = divisors === null ? 1 : divisors[e]!;
    terms.reserve(n);
    for (let t = 0; t < n; t++) {
      let x = data[dataAt[from + t]!]!;
      let w = weightOf(from + t, e);
      if (mean === 'quotients') x = f.div(x, k);
      if (mean === 'weights') w = w === 1 ? f.div(1, k) : f.mul(w, f.div(1, k));
      if (alpha !== 1 && place === 'weights') w = f.mul(w, alpha);
      if (alpha !== 1 && place === 'inputs') x = f.mul(x, alpha);
      if (place === 'products') [x, w] = [f.mul(x, w), alpha];
      terms.x[t] = x;
      terms.w[t] = w;
    }
    const bias = biasOf(e);
    let sum = first ? bias : 0;
    if (block > 0) {
      for (let t = 0; t < n; t += block) {
        sum = f.muladd(f.sum(terms, t, Math.min(n, t + block), 0, order, multiplyAdd), alpha, sum, multiplyAdd);
      }
    } else sum = f.sum(terms, 0, n, sum, order, multiplyAdd);
    if (mean === 'division') sum = f.div(sum, k);
    if (mean === 'product') sum = f.mul(sum, f.div(1, k));
    if (place === 'sum') sum = f.mul(sum, alpha);
    if (!first && bias !== 0) sum = f.add(sum, bias);
    out[e] = sum;
  }
}

/** How a mean is taken: each term over k, weights of 1/k, the sum over k, the sum times 1/k. */
const MEANS = ['quotients', 'weights', 'division', 'product'] as const;

/** A constant that is multiplied with: a divisor's reciprocal is rounded by itself. */
function factorAt(f: Float32, { divides, values, index, uniform }: Scaling, e: number): number {
  // One factor for all passes moves, behind which e is another element.
  const value = values[uniform ? 0 : index === null ? e : index[e]!]!;
  return divides ? f.div(1, value) : f.keep(value);
}

/** √(var + ε) of element e's channel. */
function normalRoot(f: Float32, step: NormalizeStep, e: number): number {
  const c = step.channel[e]!;
  return f.sqrt(f.add(step.variance[c]!, step.epsilon));
}

/** γ/√(var + ε) of element e's channel. */
function normalScale(f: Float32, step: NormalizeStep, e: number): number {
  return f.div(step.scale[step.channel[e]!]!, normalRoot(f, step, e));
}

/** The one factor of all products, alpha and scales multiplied together first, and the weight of term t of output e. */
function factors(
  { arithmetic: f, chance, liberties }: Execution,
  step: DotStep,
  weights: Float64Array | null,
  { before, after }: Fused,
): { alpha: number; weightOf: (t: number, e: number) => number } {
  const merges = liberties.moveScales && chance.is(0.7);
  const own = (one: After): boolean => one.kind === 'normalize' || (one.kind === 'scale' && !(merges && one.uniform));
  const merged = merges ? [...before, ...after].filter((one) => !own(one) && one.kind === 'scale') : [];
  const uniform = [step.alpha, ...merged.map((one) => factorAt(f, one as Scaling, 0))];
  let alpha = 1;
  for (const i of chance.order(uniform.length)) alpha = alpha === 1 ? uniform[i]! : f.mul(alpha, uniform[i]!);
  const inner = before.filter(own);
  const outer = after.filter(own);
  const oneByOne = chance.is(0.3);
  if (inner.length + outer.length === 0) {
    return { alpha, weightOf: (t) => (weights === null ? 1 : weights[step.weightsAt[t]!]!) };
  }
  const weightOf = (t: number, e: number): number => {
    let w = weights === null ? 1 : weights[step.weightsAt[t]!]!;
    for (const one of inner) w = f.mul(w, factorAt(f, one, step.dataAt[t]!));
    for (const one of outer) {
      if (one.kind !== 'normalize') w = f.mul(w, factorAt(f, one as Scaling, e));
      else if (oneByOne) w = f.div(f.mul(w, one.step.scale[one.step.channel[e]!]!), normalRoot(f, one.step, e));
      else w = f.mul(w, normalScale(f, one.step, e));
    }
    return w;
  };
  return { alpha, weightOf };
}

/** beta·C, through the scales, shifts and normalisation behind it, or the summand that takes C's place. */
function biases(
  { arithmetic: f, chance }: Execution,
  step: DotStep,
  values: readonly Float64Array[],
  after: readonly After[],
): (e: number) => number {
  const c = step.bias < 0 ? null : values[step.bias]!;
  const centred = chance.is(0.5);
  return (e) => {
    let b = c === null ? 0 : c[step.biasAt === null ? e : step.biasAt[e]!]!;
    if (step.beta !== 1 && c !== null) b = f.mul(b, step.beta);
    for (const one of after) {
      if (one.kind === 'scale') b = b === 0 ? 0 : f.mul(b, factorAt(f, one, e));
      else if (one.kind === 'shift') b = f.add(b, one.sign * one.values[one.index === null ? e : one.index[e]!]!);
      else if (one.kind === 'accumulate') b = f.add(b, values[one.slot]![e]!);
      else {
        const channel = one.step.channel[e]!;
        const [scale, mean] = [normalScale(f, one.step, e), one.step.mean[channel]!];
        const shift = one.step.shift[channel]!;
        b = centred
          ? f.add(f.mul(f.add(b, -mean), scale), shift)
          : f.add(f.mul(b, scale), f.add(shift, -f.mul(mean, scale)));
      }
    }
    return b;
  };
}
