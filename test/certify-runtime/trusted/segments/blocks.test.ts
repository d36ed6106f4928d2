/** Blocks with one hidden layer: never below what any slopes of the activation give, and 1 for the published layers (Lemma 21). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules, rulesAlone } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { largestSingularValue } from '../../../support/numbers/svd.ts';
import { Chance } from '../../../support/reference/chance.ts';

type Rows = readonly (readonly number[])[];

const normals = (chance: Chance, rows: number, cols: number, scale = 1): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: cols }, () => Math.fround(scale * chance.normal())));

const transposed = (m: Rows): number[][] => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** αI + G·diag(d)·W. */
function jacobian(around: number, outward: Rows, slopes: readonly number[], inward: Rows): number[][] {
  return outward.map((row, i) =>
    inward[0]!.map((_, j) => (i === j ? around : 0) + row.reduce((s, g, h) => s + g * slopes[h]! * inward[h]![j]!, 0)),
  );
}

/** The largest norm for slopes at the ends of their interval: the norm is convex in each of them. */
function worst(around: number, outward: Rows, inward: Rows, [low, high]: readonly [number, number]): number {
  let largest = 0;
  for (let corner = 0; corner < 2 ** inward.length; corner++) {
    const slopes = inward.map((_, h) => ((corner >> h) & 1 ? high : low));
    const flat = jacobian(around, outward, slopes, inward).flat();
    largest = Math.max(largest, largestSingularValue(flat, outward.length, inward[0]!.length));
  }
  return largest;
}

interface Activation {
  readonly slopes: readonly [number, number];
  readonly apply: (b: GraphBuilder, x: string) => string;
}

const leaky = (alpha: number): Activation => ({
  slopes: [Math.min(1, Math.fround(alpha)), Math.max(1, Math.fround(alpha))],
  apply: (b, x) => b.node('LeakyRelu', [x], { alpha: { float: alpha } }),
});

const ACTIVATIONS: readonly Activation[] = [
  { slopes: [0, 1], apply: (b, x) => b.node('Relu', [x]) },
  { slopes: [0, 1], apply: (b, x) => b.node('Clip', [x, b.floats([], [-1]), b.floats([], [2])]) },
  { slopes: [-1, 1], apply: (b, x) => b.node('Abs', [x]) },
  { slopes: [0, 1], apply: (b, x) => b.node('Tanh', [x]) },
  ...[leaky(0.2), leaky(-0.5), leaky(1.5)],
];

/** L of x ↦ αx + G·σ(Wx + c); α is 0 or 1. */
function proven(around: number, outward: Rows, inward: Rows, { apply }: Activation, rules = allRules): number {
  const [m, h, n] = [outward.length, inward.length, inward[0]!.length];
  const b = new GraphBuilder(['N', n]);
  const hidden = b.node('Gemm', ['image', b.floats([h, n], inward.flat()), b.floats([h], Array(h).fill(0.1))], {
    transB: 1,
  });
  const out = b.node('Gemm', [apply(b, hidden), b.floats([m, h], outward.flat())], { transB: 1 });
  const latent = around === 0 ? out : b.node('Add', ['image', out]);
  return boundEncoder(b.graph(latent), { input: 'image', latent, rules }).lipschitz;
}

const seeds = fc.integer({ min: 1, max: 2 ** 30 });

test('no slopes of the activation give more than the bound', () => {
  fc.assert(
    fc.property(seeds, fc.nat(ACTIVATIONS.length - 1), fc.boolean(), fc.boolean(), (seed, which, residual, nearly) => {
      const chance = new Chance(seed);
      const activation = ACTIVATIONS[which]!;
      const [n, h] = [chance.between(1, 4), chance.between(1, 5)];
      const inward = normals(chance, h, n, 0.7);
      // Sometimes −Wᵀ·diag(c), with one entry off now and then; sometimes anything.
      const turned = transposed(inward).map((row) => row.map((w, i) => -w * (1 + (i % 3) / 2)));
      if (chance.is(0.5)) turned[0]![0] = chance.normal();
      const outward = (nearly ? turned : normals(chance, n, h, 0.7)).map((row) => row.map(Math.fround));
      const around = residual ? 1 : 0;
      const bound = proven(around, outward, inward, activation);
      const truth = worst(around, outward, inward, activation.slopes);
      assert.ok(bound >= truth * (1 - 1e-12), `${bound} < ${truth}`);
      assert.ok(bound <= proven(around, outward, inward, activation, rulesAlone));
    }),
    { numRuns: 150 },
  );
});

/** Rows that are orthonormal (Gram and Schmidt). */
function orthonormal(chance: Chance, rows: number, cols: number): number[][] {
  const found: number[][] = [];
  for (const row of normals(chance, rows, cols)) {
    for (const other of found) {
      const dot = other.reduce((s, v, i) => s + v * row[i]!, 0);
      other.forEach((v, i) => {
        row[i]! -= dot * v;
      });
    }
    const length = Math.hypot(...row);
    found.push(row.map((v) => v / length));
  }
  return found;
}

const rounded = (m: Rows): number[][] => m.map((row) => row.map(Math.fround));

/** x − 2Wᵀ·diag(1/t)·σ(Wx), tᵢ = Σⱼ|WWᵀ|ᵢⱼ·qⱼ/qᵢ: a layer of SLL (Araujo et al. 2023). */
function sll(chance: Chance, h: number, n: number): [outward: number[][], inward: number[][]] {
  const inward = normals(chance, h, n);
  const q = inward.map(() => Math.exp(chance.normal() / 2));
  const t = inward.map((a, i) =>
    inward.reduce((s, b, j) => s + (Math.abs(a.reduce((d, v, k) => d + v * b[k]!, 0)) * q[j]!) / q[i]!, 0),
  );
  const outward = rounded(transposed(inward).map((row) => row.map((w, i) => (-2 * w) / t[i]!)));
  return [outward, inward];
}

/** √2·AᵀΨ·σ(√2·Ψ⁻¹B·x) with [A B][A B]ᵀ = I: a Sandwich layer (Wang and Manchester 2023). */
function sandwich(chance: Chance, h: number, n: number): [outward: number[][], inward: number[][]] {
  const both = orthonormal(chance, h, 2 * n);
  const psi = both.map(() => Math.exp(chance.normal()));
  const inward = rounded(both.map((row, i) => row.slice(n).map((v) => (Math.SQRT2 * v) / psi[i]!)));
  const outward = rounded(transposed(both.map((row, i) => row.slice(0, n).map((v) => Math.SQRT2 * v * psi[i]!))));
  return [outward, inward];
}

test('published layers have a bound of 1: SLL, Householder, Sandwich', () => {
  const chance = new Chance(11);
  for (const slopes of [ACTIVATIONS[0]!, ACTIVATIONS[1]!, ACTIVATIONS[3]!, leaky(0.3)]) {
    for (const [h, n] of [
      [3, 3],
      [24, 16],
      [40, 64],
    ] as const) {
      const [outward, inward] = sll(chance, h, n);
      const bound = proven(1, outward, inward, slopes);
      assert.ok(bound <= 1.0005, `SLL ${h} × ${n}: ${bound}`);
      const mirror = orthonormal(chance, Math.min(h, n), n);
      const householder = proven(
        1,
        rounded(transposed(mirror).map((row) => row.map((v) => -2 * v))),
        rounded(mirror),
        slopes,
      );
      assert.ok(householder <= 1.0005, `Householder: ${householder}`);
    }
  }
  for (const [h, n] of [
    [4, 6],
    [24, 16],
    [48, 64],
  ] as const) {
    const [outward, inward] = sandwich(chance, h, n);
    const bound = proven(0, outward, inward, ACTIVATIONS[0]!);
    assert.ok(bound <= 1.001, `Sandwich ${h} × ${n}: ${bound}`);
    assert.ok(proven(0, outward, inward, ACTIVATIONS[0]!, rulesAlone) > 1.5);
  }
});

test('what only looks like a published layer does not have its bound', () => {
  const inward = [
    [1, 0],
    [0, 1],
  ];
  const relu = ACTIVATIONS[0]!;
  const negative = inward.map((row) => row.map((v) => -2 * v));
  assert.ok(proven(1, negative, inward, relu) <= 1.0001);
  // G is the transpose with its columns exchanged, or has the other sign, or is 1.5 times as large.
  assert.ok(proven(1, negative.toReversed(), inward, relu) >= 2.2);
  assert.ok(proven(1, inward, inward, relu) >= 2);
  assert.ok(
    proven(
      1,
      negative.map((row) => row.map((v) => 1.5 * v)),
      inward,
      relu,
    ) >= 2,
  );
  // Slopes beyond [0, 1].
  assert.ok(proven(1, negative, inward, ACTIVATIONS[2]!) >= 3);
  assert.ok(proven(1, negative, inward, leaky(2)) >= 3);
  // Another tensor goes around: 2x, or x as another tensor of the same elements.
  const around = (make: (b: GraphBuilder) => string): number => {
    const b = new GraphBuilder(['N', 2]);
    const matrix = b.floats([2, 2], inward.flat());
    const hidden = b.node('Relu', [b.node('Gemm', ['image', matrix])]);
    const latent = b.node('Sub', [make(b), b.node('Gemm', [hidden, b.floats([2, 2], [2, 0, 0, 2])])]);
    return boundEncoder(b.graph(latent), { input: 'image', latent, rules: allRules }).lipschitz;
  };
  assert.ok(around(() => 'image') <= 1.0001);
  assert.ok(around((b) => b.node('Mul', ['image', b.floats([], [2])])) >= 2);
  assert.ok(around((b) => b.node('Gather', ['image', b.ints([1, 0])], { axis: 1 })) >= 2.2);
  assert.ok(around((b) => b.node('Relu', ['image'])) >= 1.9);
});
