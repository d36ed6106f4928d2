/**
 * Small networks of vectors, [1, n] each, over any arithmetic: exact ones of dyadic fractions m·2ᵉ in BigInt, and float64
 * as an unkind but legal provider might do it.
 */

import type { Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import type { Random } from '../numbers/random.ts';

export interface Algebra<T> {
  of(value: number): T;
  add(a: T, b: T): T;
  mul(a: T, b: T): T;
  /** Σ aᵢbᵢ + c. */
  dot(a: readonly T[], b: readonly T[], c: T): T;
  less(a: T, b: T): boolean;
  /** To float32. */
  narrow(a: T): T;
}

export interface Dyadic {
  readonly m: bigint;
  readonly e: number;
}

/** The number itself, since a float64 is a dyadic fraction. */
export function dyadic(value: number): Dyadic {
  let [m, e] = [value, 0];
  while (!Number.isInteger(m)) [m, e] = [m * 2, e - 1];
  return { m: BigInt(m), e };
}

function aligned(a: Dyadic, b: Dyadic): readonly [bigint, bigint, number] {
  const e = Math.min(a.e, b.e);
  return [a.m << BigInt(a.e - e), b.m << BigInt(b.e - e), e];
}

const addExactly = (a: Dyadic, b: Dyadic): Dyadic => {
  const [x, y, e] = aligned(a, b);
  return { m: x + y, e };
};
const mulExactly = (a: Dyadic, b: Dyadic): Dyadic => ({ m: a.m * b.m, e: a.e + b.e });

/** The nearest float64; a BigInt becomes a number in this way too. */
export function nearest({ m, e }: Dyadic): number {
  const [whole, rest] = e < -1000 ? [2 ** -1000, 2 ** (e + 1000)] : [2 ** e, 1];
  return Number(m) * whole * rest;
}

/** The network as a function: casts do not round. */
export const EXACT: Algebra<Dyadic> = {
  of: dyadic,
  add: addExactly,
  mul: mulExactly,
  dot: (a, b, c) => a.reduce((sum, x, i) => addExactly(sum, mulExactly(x, b[i]!)), c),
  less: (a, b) => {
    const [x, y] = aligned(a, b);
    return x < y;
  },
  narrow: (a) => a,
};

/** Float64 sums in a random order, in a row or in a tree, with or without fused multiply-add. */
export function float64(random: Random): Algebra<number> {
  const fused = (a: number, b: number, c: number) => nearest(addExactly(mulExactly(dyadic(a), dyadic(b)), dyadic(c)));
  const tree = (terms: readonly number[]): number => {
    if (terms.length === 1) return terms[0]!;
    const half = 1 + random.below(terms.length - 1);
    return tree(terms.slice(0, half)) + tree(terms.slice(half));
  };
  return {
    of: (value) => value,
    add: (a, b) => a + b,
    mul: (a, b) => a * b,
    dot: (a, b, c) => {
      const order = random.shuffled(a.length);
      const way = random.below(3);
      if (way === 0) return tree([c, ...order.map((i) => a[i]! * b[i]!)]);
      if (way === 1) return order.reduce((sum, i) => fused(a[i]!, b[i]!, sum), c);
      return c + order.reduce((sum, i) => sum + a[i]! * b[i]!, 0);
    },
    less: (a, b) => a < b,
    narrow: Math.fround,
  };
}

/** The vector `output` of the graph, whose operators are those of the tests in float64/. */
export function evaluate<T>(graph: Graph, output: string, image: readonly T[], algebra: Algebra<T>): readonly T[] {
  const { of, add, mul, dot, less, narrow } = algebra;
  const values = new Map<string, readonly T[]>([[graph.inputs[0]!.name, image]]);
  const zero = of(0);
  const constant = (name: string) =>
    Array.from(graph.initializers.get(name)!.data as Float64Array, (v) => of(Number(v)));
  const vectorOf = (name: string) => values.get(name) ?? constant(name);
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const [x, y, z] = inputs.map((name) => (name === '' ? [] : vectorOf(name))) as (readonly T[])[];
    const pairwise = (of2: (a: T, b: T) => T) => x!.map((a, i) => of2(a, y![y!.length === 1 ? 0 : i]!));
    const product = (bias: readonly T[] | undefined) => {
      const columns = y!.length / x!.length;
      return Array.from({ length: columns }, (_, j) =>
        dot(
          x!,
          x!.map((_, i) => y![i * columns + j]!),
          bias?.[j] ?? zero,
        ),
      );
    };
    const results: Readonly<Record<string, () => readonly (readonly T[])[]>> = {
      Cast: () => [attributes.get('to')?.value === 1n ? x!.map(narrow) : x!],
      Identity: () => [x!],
      Reshape: () => [x!],
      MatMul: () => [product(undefined)],
      Gemm: () => [product(z)],
      Add: () => [pairwise(add)],
      Sub: () => [pairwise((a, b) => add(a, mul(of(-1), b)))],
      Mul: () => [pairwise(mul)],
      Sum: () => [x!.map((_, i) => inputs.map((name) => vectorOf(name)[i] as T).reduce(add))],
      Max: () => [pairwise((a, b) => (less(a, b) ? b : a))],
      Min: () => [pairwise((a, b) => (less(a, b) ? a : b))],
      Relu: () => [x!.map((a) => (less(a, zero) ? zero : a))],
      Split: () => {
        const size = x!.length / outputs.length;
        return outputs.map((_, i) => x!.slice(i * size, (i + 1) * size));
      },
      Concat: () => [inputs.flatMap((name) => [...vectorOf(name)])],
      ReduceSum: () => [
        [
          dot(
            x!,
            x!.map(() => of(1)),
            zero,
          ),
        ],
      ],
    };
    const found = results[op];
    if (found === undefined) throw new Error(`${op} is not one of the operators here`);
    found().forEach((value, i) => {
      values.set(outputs[i]!, value);
    });
  }
  return values.get(output)!;
}
