/** Linear forms as plain matrices, entry by entry by their definitions, and small random forms. */

import type { ConvGeometry } from '../../../../src/certify-runtime/trusted/bounds/conv-taps.ts';
import type { Matrix } from '../../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import type {
  Blocks,
  Diagonal,
  Form,
  Kernel,
  Picks,
  Sums,
} from '../../../../src/certify-runtime/trusted/segments/form.ts';
import { computed, type Data, type Measure, newChain } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { recorded, type Step } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { largestSingularValue } from '../../../support/numbers/svd.ts';
import type { Chance } from '../../../support/reference/chance.ts';

export type Rows = readonly (readonly number[])[];

const zeros = (rows: number, cols: number): number[][] => Array.from({ length: rows }, () => Array(cols).fill(0));

export function matrixOf(form: Form, inputs: number): Rows {
  switch (form.kind) {
    case 'diagonal': {
      const { factors } = form;
      return zeros(inputs, inputs).map((row, i) => row.with(i, factors[factors.length === 1 ? 0 : i]!));
    }
    case 'kernel':
      return ofKernel(form);
    case 'blocks':
      return ofBlocks(form, inputs);
    case 'picks':
      return Array.from(form.first, (i) => zeros(1, inputs)[0]!.map((_, j) => (i === j ? 1 : 0)));
    case 'sums': {
      const { into, outputs, weight } = form;
      return zeros(outputs, inputs).map((row, i) => row.map((_, e) => (into[e] === i ? weight : 0)));
    }
    case 'centring': {
      const { into, own, mean } = form;
      const size = (group: number): number => into.filter((other) => other === group).length;
      return zeros(inputs, inputs).map((row, i) =>
        row.map((_, j) => (i === j ? own : 0) + (into[i] === into[j] ? mean / size(into[i]!) : 0)),
      );
    }
  }
}

function ofKernel({ weights, geometry: g, rows, wraps }: Kernel): Rows {
  const [n1, n2] = g.input;
  const [m1, m2] = g.output;
  const matrix = zeros(rows * g.outputChannels * m1 * m2, rows * g.inputChannels * n1 * n2);
  const each = g.inputChannels / g.groups;
  for (let image = 0; image < rows; image++) {
    for (let out = 0; out < g.outputChannels; out++) {
      const group = Math.floor(out / (g.outputChannels / g.groups));
      for (let c = 0; c < each; c++) {
        for (let t = 0; t < g.kernel[0] * g.kernel[1]; t++) {
          const [t1, t2] = [Math.floor(t / g.kernel[1]), t % g.kernel[1]];
          for (let p = 0; p < m1 * m2; p++) {
            let q1 = Math.floor(p / m2) * g.stride[0] + t1 * g.dilation[0] - g.padBegin[0];
            let q2 = (p % m2) * g.stride[1] + t2 * g.dilation[1] - g.padBegin[1];
            if (wraps) [q1, q2] = [(q1 + 9 * n1) % n1, (q2 + 9 * n2) % n2];
            if (q1 < 0 || q1 >= n1 || q2 < 0 || q2 >= n2) continue;
            const row = (image * g.outputChannels + out) * m1 * m2 + p;
            const col = ((image * g.inputChannels + group * each + c) * n1 + q1) * n2 + q2;
            matrix[row]![col]! += weights[(out * each + c) * g.kernel[0] * g.kernel[1] + t]!;
          }
        }
      }
    }
  }
  return matrix;
}

function ofBlocks({ matrices, before, after }: Blocks, inputs: number): Rows {
  const { rows, cols } = matrices[0]!;
  const outer = inputs / (matrices.length * before * cols * after);
  const matrix = zeros(outer * matrices.length * before * rows * after, inputs);
  for (let o = 0; o < outer; o++) {
    for (const [f, { values }] of matrices.entries()) {
      for (let b = 0; b < before; b++) {
        for (let k = 0; k < after; k++) {
          const place = (o * matrices.length + f) * before + b;
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < cols; j++)
              matrix[(place * rows + i) * after + k]![(place * cols + j) * after + k]! += values[i * cols + j]!;
          }
        }
      }
    }
  }
  return matrix;
}

export const times = (b: Rows, a: Rows): Rows =>
  b.map((row) => a[0]!.map((_, j) => row.reduce((s, v, k) => s + v * a[k]![j]!, 0)));

export const plus = (a: Rows, b: Rows, sign = 1): Rows => a.map((row, i) => row.map((v, j) => v + sign * b[i]![j]!));

export const turned = (a: Rows): Rows => a[0]!.map((_, j) => a.map((row) => row[j]!));

/** ‖·‖₂. */
export const normOf = (a: Rows): number => largestSingularValue(a.flat(), a.length, a[0]!.length);

/** The largest difference of two entries; infinite if the sizes differ. */
export function apart(a: Rows, b: Rows): number {
  if (a.length !== b.length || a[0]!.length !== b[0]!.length) return Number.POSITIVE_INFINITY;
  return Math.max(...plus(a, b, -1).flat().map(Math.abs));
}

/** ‖·‖_F. */
export const frobeniusOf = (a: Rows): number => Math.hypot(...a.flat());

/** The same form with a bound of ‖|·|‖₂, and an error of nothing. */
export function measured<F extends Form>(form: F, inputs: number): F {
  return { ...form, error: 0, absolute: frobeniusOf(matrixOf(form, inputs)) * (1 + 1e-12) };
}

const UNKNOWN = { error: 0, absolute: 0 };

/** Integers from 1 to 3 with either sign: all that is made of them is exact. */
const integers = (chance: Chance, n: number): Float64Array =>
  Float64Array.from({ length: n }, () => chance.between(1, 3) * (chance.is(0.5) ? 1 : -1));

export function someFactors(chance: Chance, n: number): Diagonal {
  return measured({ kind: 'diagonal', factors: integers(chance, n), ...UNKNOWN }, n);
}

/** The factors of `found` for each of n elements. */
export function spreadFactors(chance: Chance, n: number, count: number, of: (e: number) => number): Diagonal {
  const own = integers(chance, count);
  return measured(
    { kind: 'diagonal', factors: Float64Array.from({ length: n }, (_, e) => own[of(e)]!), ...UNKNOWN },
    n,
  );
}

export function matrix(rows: number, cols: number, values: ArrayLike<number>): Matrix {
  return { rows, cols, values: Float64Array.from(values) };
}

export function someBlocks(
  chance: Chance,
  [outer, count, before, cols, after]: readonly [number, number, number, number, number],
  rows: number,
): Blocks {
  const matrices = Array.from({ length: count }, () => matrix(rows, cols, integers(chance, rows * cols)));
  return measured({ kind: 'blocks', matrices, before, after, ...UNKNOWN }, outer * count * before * cols * after);
}

type Pair = readonly [number, number];

/** What a geometry is made of; the output follows from it and from the padding behind. */
export type Plan = Omit<ConvGeometry, 'output'> & { readonly padEnd: Pair };

const ONE_TAP: Plan = {
  ...{ inputChannels: 1, outputChannels: 1, groups: 1, kernel: [1, 1], stride: [1, 1], dilation: [1, 1] },
  ...{ padBegin: [0, 0], padEnd: [0, 0], input: [3, 4] },
};

/** A Conv of one tap on an image of 3 × 4, but for what is given. */
export function geometryOf(change: Partial<Plan>): ConvGeometry {
  const { padEnd, ...plan } = { ...ONE_TAP, ...change };
  const output = ([0, 1] as const).map((x) => {
    const room = plan.input[x] + plan.padBegin[x] + padEnd[x] - (plan.kernel[x] - 1) * plan.dilation[x];
    return Math.floor((room - 1) / plan.stride[x]) + 1;
  }) as [number, number];
  return { ...plan, output };
}

/** A Conv with random attributes, whose output has at least one place. */
export function someGeometry(
  chance: Chance,
  inputChannels: number,
  input: Pair,
  change: Partial<Plan> = {},
): ConvGeometry {
  const groups = inputChannels % 2 === 0 && chance.is(0.4) ? 2 : 1;
  for (;;) {
    const pair = (least: number, most: number): Pair => [chance.between(least, most), chance.between(least, most)];
    const g = geometryOf({
      ...{ inputChannels, outputChannels: groups * chance.between(1, 2), groups, input },
      ...{ kernel: pair(1, 3), stride: pair(1, 2), dilation: pair(1, 2), padBegin: pair(0, 2), padEnd: pair(0, 2) },
      ...change,
    });
    if (g.output[0] > 0 && g.output[1] > 0) return g;
  }
}

export function someKernel(chance: Chance, rows: number, geometry: ConvGeometry, wraps = false): Kernel {
  const { outputChannels, inputChannels, groups, kernel, input } = geometry;
  const weights = integers(chance, (outputChannels * inputChannels * kernel[0] * kernel[1]) / groups);
  return measured(
    { kind: 'kernel', weights, geometry, rows, wraps, ...UNKNOWN },
    rows * inputChannels * input[0] * input[1],
  );
}

export function picks(first: readonly number[], inputs: number): Picks {
  return measured({ kind: 'picks', first: Int32Array.from(first), inputs, ...UNKNOWN }, inputs);
}

export function sums(into: readonly number[], outputs: number, weight: number): Sums {
  return measured({ kind: 'sums', into: Int32Array.from(into), outputs, weight, ...UNKNOWN }, into.length);
}

const ZERO = { constant: 0, l2: 0, l1: 0 };
const MEASURE: Measure = { lipschitz: 1, norm: ZERO, l1Norm: null, errors: [ZERO], chain: newChain(ZERO) };

/** A computed tensor of which nothing is known. */
export const tensor = (shape: readonly number[]): Data => computed(shape, MEASURE);

/** What the step makes of tensors. */
export const after = (shape: readonly number[], step: Step, ...of: readonly Data[]): Data =>
  recorded(tensor(shape), step, of);

export type Conv = Extract<Step, { kind: 'conv' }>;

/** A Conv of two channels that keeps the size. */
export function convOf(weights: ArrayLike<number>, change: object = {}): Conv {
  const geometry = geometryOf({
    ...{ inputChannels: 2, outputChannels: 2, groups: 1, kernel: [3, 3], stride: [1, 1], dilation: [1, 1] },
    ...{ padBegin: [1, 1], padEnd: [1, 1], input: [2, 3] },
    ...change,
  });
  return { kind: 'conv', weights: Float64Array.from(weights), geometry, rows: 1, absolute: 9 };
}

export const asKernel = ({ weights, geometry }: Conv): Kernel => ({
  ...{ kind: 'kernel', weights: Float64Array.from(weights), geometry, rows: 1, wraps: false, error: 0, absolute: 9 },
});

export const scaledBy = (m: Rows, factor: number): Rows => m.map((row) => row.map((v) => factor * v));

/** A polynomial in the matrix of a Conv that keeps the size of twelve numbers. */
export function polynomial(conv: Conv, coefficients: readonly number[]): Rows {
  const k = matrixOf(asKernel(conv), 12);
  let power: Rows = k.map((row, i) => row.map((_, j) => (i === j ? 1 : 0)));
  let sum = scaledBy(power, coefficients[0]!);
  for (const c of coefficients.slice(1)) {
    power = times(k, power);
    sum = plus(sum, scaledBy(power, c));
  }
  return sum;
}
