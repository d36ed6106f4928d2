/** Other float32 executions of a dense network than ONNX Runtime's: any order of summation, FMA, flush to zero. */

import { type Random, shuffle, uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import { imageNorms, type MarginTerms, marginCertificate } from '../../../src/certify-runtime/trusted/margin.ts';
import type { Answers, Judge } from '../../../src/evaluate/attack/judge.ts';
import { activate, type Dense, type DenseSpec } from '../networks/dense-networks.ts';

export interface Execution {
  readonly order: 'forward' | 'backward' | 'shuffled' | 'pairwise';
  /** One rounding for a·b + c. */
  readonly fma: boolean;
  /** Subnormal operands and results are taken for zero. */
  readonly flush: boolean;
  /** The bias is the first summand, not the last. */
  readonly biasFirst: boolean;
}

export const EXECUTIONS: readonly Execution[] = (['forward', 'backward', 'shuffled', 'pairwise'] as const).flatMap(
  (order) =>
    [false, true].flatMap((fma) => [false, true].map((flush) => ({ order, fma, flush, biasFirst: fma !== flush }))),
);

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** a·b + c with one rounding to float32: the float64 sum, set to odd where it was rounded (Boldo & Melquiond 2008). */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const back = sum - product;
  const error = product - (sum - back) + (c - back);
  if (error === 0 || !Number.isFinite(sum)) return Math.fround(sum);
  double[0] = sum;
  // Rounded to nearest: an even last bit becomes the odd one of the two floats around the exact sum.
  if ((words[0]! & 1) === 0) {
    const away = error > 0 === sum > 0;
    if (away) words[0]! |= 1;
    else {
      if (words[0] === 0) words[1]!--;
      words[0]!--;
    }
  }
  return Math.fround(double[0]);
}

function flushed(x: number): number {
  return Math.abs(x) < 2 ** -126 ? 0 : x;
}

function pairwise(values: Float32Array, from: number, to: number, clean: (x: number) => number): number {
  if (to - from === 1) return values[from]!;
  const middle = (from + to) >> 1;
  return clean(Math.fround(pairwise(values, from, middle, clean) + pairwise(values, middle, to, clean)));
}

function layer(
  x: Float32Array,
  { inputs, outputs, weights, bias, activation }: Dense,
  execution: Execution,
  random: Random,
): Float32Array {
  const { order, fma, flush, biasFirst } = execution;
  const clean = flush ? flushed : (value: number): number => value;
  const indices = Array.from({ length: inputs }, (_, i) => i);
  if (order === 'backward') indices.reverse();
  const y = new Float32Array(outputs);
  for (let j = 0; j < outputs; j++) {
    if (order === 'shuffled') shuffle(indices, random);
    const b = clean(bias[j]!);
    let total = biasFirst && order !== 'pairwise' ? b : 0;
    if (order === 'pairwise') {
      const products = Float32Array.from(indices, (i) =>
        clean(Math.fround(clean(weights[j * inputs + i]!) * clean(x[i]!))),
      );
      total = pairwise(products, 0, inputs, clean);
    } else {
      for (const i of indices) {
        const [w, v] = [clean(weights[j * inputs + i]!), clean(x[i]!)];
        total = clean(fma ? fusedMultiplyAdd(w, v, total) : Math.fround(total + clean(Math.fround(w * v))));
      }
    }
    y[j] = biasFirst && order !== 'pairwise' ? total : clean(Math.fround(total + b));
  }
  return activate(y, activation);
}

/** The logits as this execution gives them. */
export function executeDense(spec: DenseSpec, image: Float32Array, execution: Execution, random: Random): Float32Array {
  return spec.reduce((x, one) => layer(x, one, execution, random), image);
}

/** A judge that is another execution at every image, `first` (ONNX Runtime) among them; radii as the core gives them. */
export function anyExecution(spec: DenseSpec, terms: MarginTerms, first: Judge, random: Random): Judge {
  const size = spec[0]!.inputs;
  return {
    shape: first.shape,
    classes: first.classes,
    async evaluate(images): Promise<Answers> {
      const own = await first.evaluate(images);
      const n = images.length / size;
      const labels: number[] = [];
      const radii: number[] = [];
      const logits = new Float32Array(own.logits);
      for (let k = 0; k < n; k++) {
        const image = images.slice(k * size, (k + 1) * size);
        const choice = uniformInt(EXECUTIONS.length + 1, random);
        if (choice < EXECUTIONS.length) {
          logits.set(executeDense(spec, image, EXECUTIONS[choice]!, random), k * first.classes);
        }
        const row = logits.subarray(k * first.classes, (k + 1) * first.classes);
        const { label, radius } = marginCertificate(row, imageNorms(image), terms);
        labels.push(label);
        radii.push(radius);
      }
      return { labels, radii, logits };
    },
  };
}
