/** Scalar functions by their values on a grid, and the operators that compute them. */
import type { Builder } from '../rewriter.ts';

/** Numbers that functions are told apart by; their values say the parameters. */
const LANDMARKS = [-100, -1, -0.125, 0, 0.125, 1, 100];

/** Numbers of every size, close together where activations bend. */
export const GRID = Float32Array.from([
  ...LANDMARKS,
  ...Array.from({ length: 2401 }, (_, i) => (i - 1200) / 97),
  ...Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1 : -1) * 1.31 ** ((i - 150) / 4)),
]);

/** Relative to 1 + |x|: more than float32 rounds off, less than any other function differs. */
const TOLERANCE = 3e-6;

/** Makes the operators that compute the function of x. */
export type Form = (make: Pick<Builder, 'op' | 'scalar'>, x: string) => string;

interface Candidate {
  readonly value: (x: number) => number;
  readonly form: Form;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const logit = (p: number) => Math.log(p / (1 - p));

/** Abramowitz and Stegun 7.1.5 for small x and a continued fraction for large ones: the error is far below float32's. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let [term, sum] = [a, a];
    for (let n = 1; n < 60; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

const scaled = (make: Parameters<Form>[0], x: string, factor: number) =>
  Math.abs(factor - 1) < 2 ** -20 ? x : make.op('Mul', [x, make.scalar(factor)]);

/** ax for x > 0, and bx for x < 0. */
function slopes(a: number, b: number): Form {
  return (make, x) => {
    if (Math.abs(a - b) < 2 ** -20) return scaled(make, x, a);
    if (a === 0) return scaled(make, make.op('Relu', [make.op('Neg', [x])]), -b);
    const ratio = b / a;
    if (ratio === 0) return scaled(make, make.op('Relu', [x]), a);
    if (Math.abs(ratio + 1) < 2 ** -20) return scaled(make, make.op('Abs', [x]), a);
    return scaled(make, make.op('LeakyRelu', [x], { alpha: { float: ratio } }), a);
  };
}

/** A parameter that differs from a short number by no more than rounding is that number. */
function short(parameter: number): number {
  const near = Math.round(parameter * 1e4) / 1e4;
  return Math.abs(near - parameter) < 4e-6 ? near : parameter;
}

/** x·gate(x). */
const gated =
  (gate: Form): Form =>
  (make, x) =>
    make.op('Mul', [x, gate(make, x)]);

const unary =
  (op: string, attributes: Readonly<Record<string, { readonly float: number }>> = {}): Form =>
  (make, x) =>
    make.op(op, [x], attributes);

/** The functions whose parameters fit the landmarks; each is compared with all values before it is taken. */
function candidates(at: (x: number) => number): Candidate[] {
  const [low, high] = [at(-100), at(100)];
  const [p, n] = [short(high / 100), short(low / -100)];
  const beta = short(Math.LN2 / at(0));
  const lambda = short(100 - high);
  const alpha = short(-low / at(1));
  const k = short(logit(at(1)));
  const tilt = short((at(0.125) - at(0)) * 8);
  const exponential = (x: number) => (x > 0 ? x : alpha * Math.expm1(x));
  return [
    { value: (x) => (x > 0 ? p * x : n * x), form: slopes(p, n) },
    {
      value: (x) => Math.min(Math.max(x, low), high),
      form: (make, x) => make.op('Clip', [x, make.scalar(low), make.scalar(high)]),
    },
    {
      value: (x) => Math.min(Math.max(tilt * x + at(0), 0), 1),
      form: unary('HardSigmoid', { alpha: { float: tilt }, beta: { float: at(0) } }),
    },
    {
      value: (x) => x - Math.min(Math.max(x, -lambda), lambda),
      form: (make, x) => make.op('Sub', [x, make.op('Clip', [x, make.scalar(-lambda), make.scalar(lambda)])]),
    },
    {
      value: (x) => softplus(beta * x) / beta,
      form: (make, x) => scaled(make, make.op('Softplus', [scaled(make, x, beta)]), 1 / beta),
    },
    { value: (x) => -softplus(-x), form: (make, x) => make.op('Neg', [make.op('Softplus', [make.op('Neg', [x])])]) },
    { value: (x) => x / (1 + Math.abs(x)), form: unary('Softsign') },
    { value: exponential, form: unary('Elu', { alpha: { float: alpha } }) },
    {
      value: (x) => at(1) * exponential(x),
      form: unary('Selu', { alpha: { float: alpha }, gamma: { float: at(1) } }),
    },
    {
      value: (x) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
      form: unary('Celu', { alpha: { float: alpha } }),
    },
    { value: (x) => sigmoid(k * x), form: (make, x) => make.op('Sigmoid', [scaled(make, x, k)]) },
    { value: (x) => x * sigmoid(k * x), form: gated((make, x) => make.op('Sigmoid', [scaled(make, x, k)])) },
    { value: Math.tanh, form: unary('Tanh') },
    { value: (x) => x - Math.tanh(x), form: (make, x) => make.op('Sub', [x, make.op('Tanh', [x])]) },
    { value: erf, form: unary('Erf') },
    { value: (x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2, form: gelu },
    { value: (x) => x * Math.tanh(softplus(x)), form: unary('Mish') },
    { value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, form: unary('HardSwish') },
  ];
}

/** (x·(erf(x/√2) + 1))·½. */
export function gelu(...[make, x]: Parameters<Form>): string {
  const gate = make.op('Add', [make.op('Erf', [make.op('Div', [x, make.scalar(Math.SQRT2)])]), make.scalar(1)]);
  return make.op('Mul', [make.op('Mul', [x, gate]), make.scalar(0.5)]);
}

/** The operators that compute the function with these values on the grid; null if it is none of those known. */
export function scalarForm(values: readonly number[]): Form | null {
  const at = (x: number) => values[LANDMARKS.indexOf(x)]!;
  const fits = ({ value }: Candidate) =>
    values.every((found, i) => Math.abs(value(GRID[i]!) - found) <= TOLERANCE * (1 + Math.abs(GRID[i]!)));
  return candidates(at).find(fits)?.form ?? null;
}

/** How many operators a form takes. */
export function lengthOf(form: Form): number {
  let count = 0;
  const op = () => {
    count++;
    return 'y';
  };
  form({ op, scalar: () => 'c' }, 'x');
  return count;
}
